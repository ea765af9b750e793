// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The `model` of a byte-level BPE tokenizer.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/bpe_word.hpp"
#include "atlas/io/tokenization/byte_alphabet.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Vocabulary and merges of a byte-level BPE model.
template <class = lazy>
class bpe {
 public:
  /// \param fields the `model` of a `tokenizer.json`
  /// \throws format_error naming what is inconsistent or not supported
  static bpe from_json(const nlohmann::json& fields, const std::string& file) {
    bpe model;
    const std::string where = file + ": model";
    model.read_vocabulary(member(fields, "vocab", where), where);
    model.read_merges(member(fields, "merges", where), where);
    model.ignore_merges_ = flag_member(fields, "ignore_merges", false, where);
    model.check_options(fields, where);
    return model;
  }

  /// Appends the tokens of a piece. A byte that the vocabulary lacks gives no token.
  void encode(const std::string& bytes, std::vector<index_t>& out) const {
    if (ignore_merges_) {
      const auto whole = by_bytes_.find(bytes);
      if (whole != by_bytes_.end()) return out.push_back(whole->second);
    }
    bpe_word<> word(merges_);
    for (const char c : bytes) {
      const std::int64_t id = byte_ids_[static_cast<unsigned char>(c)];
      if (id >= 0) word.push_back(static_cast<std::uint32_t>(id));
    }
    word.merge_all();
    word.append_to(out);
  }

  const std::unordered_map<std::string, std::uint32_t>& vocabulary() const { return ids_; }

 private:
  void read_vocabulary(const nlohmann::json& vocabulary, const std::string& where) {
    if (!vocabulary.is_object())
      throw format_error(where, "a vocab object", vocabulary.type_name());
    ids_.reserve(vocabulary.size());
    by_bytes_.reserve(vocabulary.size());
    std::unordered_map<std::uint32_t, const std::string*> taken;
    for (const auto& [token, id] : vocabulary.items()) {
      if (!id.is_number_unsigned() || id.template get<std::uint64_t>() > 0xFFFFFFFFU)
        throw format_error(where + ": vocab " + in_quotes(token), "an id of 32 bits",
                           described(id));
      const auto number = id.template get<std::uint32_t>();
      const auto stored = ids_.emplace(token, number).first;
      const auto [other, fresh] = taken.emplace(number, &stored->first);
      if (!fresh)
        throw format_error(where + ": vocab " + in_quotes(token), "an id of its own",
                           "that of " + in_quotes(*other->second));
      if (auto bytes = bytes_of_token(token)) by_bytes_.emplace(std::move(*bytes), number);
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
      const auto found = ids_.find(token_of_byte(static_cast<unsigned char>(byte)));
      byte_ids_[byte] = found == ids_.end() ? -1 : std::int64_t{found->second};
    }
  }

  /// "a b", or ["a", "b"] in newer files, where tokens may contain spaces.
  static std::pair<std::string, std::string> merge_from_json(const nlohmann::json& merge,
                                                             const std::string& where) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
      return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const std::size_t space = text.find(' ');
      if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos)
        return {text.substr(0, space), text.substr(space + 1)};
    }
    throw format_error(where, "two tokens", described(merge));
  }

  void read_merges(const nlohmann::json& merges, const std::string& where) {
    if (!merges.is_array()) throw format_error(where, "a merges array", merges.type_name());
    merges_.reserve(merges.size());
    std::uint32_t rank = 0;
    for (const auto& pair : merges) {
      const std::string place = where + ": merge " + std::to_string(rank);
      const auto [left, right] = merge_from_json(pair, place);
      const auto id = [&](const std::string& token, const char* role) {
        const auto found = ids_.find(token);
        if (found == ids_.end())
          throw format_error(place, std::string(role) + " of the vocabulary", in_quotes(token));
        return found->second;
      };
      // One after the other: the first that is unknown is named, whatever the compiler.
      const std::uint32_t left_id = id(left, "a left token");
      const std::uint32_t right_id = id(right, "a right token");
      const std::uint32_t merged_id = id(left + right, "a merged token");
      merges_.insert_or_assign(bpe_word<>::key(left_id, right_id),
                               bpe_word<>::merge{rank, merged_id});
      ++rank;
    }
  }

  static bool is_set(const nlohmann::json& fields, const char* key) {
    const auto found = fields.find(key);
    return found != fields.end() && !found->is_null() && *found != "" && *found != 0 &&
           *found != false;
  }

  void check_options(const nlohmann::json& fields, const std::string& where) const {
    if (fields.contains("type") && fields["type"] != "BPE")
      throw format_error(where, "type \"BPE\"", described(fields["type"]));
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
      if (is_set(fields, key))
        throw format_error(where, "no " + std::string(key), described(fields[key]));
    // With a token for every byte nothing is ever unknown, and these two do nothing.
    for (const std::int64_t id : byte_ids_)
      for (const char* key : {"unk_token", "byte_fallback"})
        if (id < 0 && is_set(fields, key))
          throw format_error(where,
                             "all 256 bytes in the vocabulary where there is " + std::string(key),
                             "only some");
  }

  std::unordered_map<std::string, std::uint32_t> ids_;
  std::unordered_map<std::string, std::uint32_t> by_bytes_;
  std::array<std::int64_t, 256> byte_ids_{};
  bpe_word<>::merge_table merges_;
  bool ignore_merges_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
