// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The `model` of a BPE tokenizer, of bytes or of characters.

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
#include "atlas/io/tokenization/first_symbols.hpp"
#include "atlas/io/tokenization/seen_words.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Vocabulary and merges of a BPE model.
template <class = lazy>
class bpe {
 public:
  /// \param fields   the `model` of a `tokenizer.json`
  /// \param of_bytes whether pieces are given as the bytes that the byte alphabet writes, and not
  ///                 as UTF-8
  /// \throws format_error naming what is inconsistent or not supported
  static bpe from_json(const nlohmann::json& fields, bool of_bytes, const std::string& file) {
    bpe model;
    const std::string where = file + ": model";
    model.of_bytes_ = of_bytes;
    model.read_vocabulary(member(fields, "vocab", where), where);
    model.read_merges(member(fields, "merges", where), where);
    model.ignore_merges_ = flag_member(fields, "ignore_merges", false, where);
    model.check_options(fields, where);
    if (!of_bytes) model.symbols_ = first_symbols<>(fields, model.ids_, where);
    return model;
  }

  /// Only BPE is supported. \throws format_error naming another type
  static void check_type(const nlohmann::json& fields, const std::string& file) {
    if (fields.is_object() && fields.contains("type") && fields["type"] != "BPE")
      throw format_error(file + ": model", "type \"BPE\"", described(fields["type"]));
  }

  /// Appends the tokens of a piece, until there are so many in all. A byte, or a character, that
  /// the vocabulary lacks gives none where nothing stands for it.
  ///
  /// \param goes_on the piece does, nobody knows how: tokens that this could change are left out
  void encode(const std::string& piece, bool goes_on, seen_words<>& seen, std::size_t most,
              std::vector<index_t>& out) const {
    if (goes_on && (ignore_merges_ || of_bytes_)) return;
    if (ignore_merges_) {
      const token_ids& whole = of_bytes_ ? by_bytes_ : ids_;
      const auto found = whole.find(piece);
      if (found != whole.end()) return out.push_back(found->second);
    }
    for_each_run(piece, goes_on, [&](const std::string& run) {
      seen.append(run, out, [&](const std::string& text, auto& to) { merge(text, to); });
      return out.size() < most;
    });
  }

  const token_ids& vocabulary() const { return ids_; }

 private:
  /// The parts of a piece that merge by themselves, until `visit` returns false. Where a
  /// pre-tokenizer leaves a whole text as one piece, these are its words, so that what is held at a
  /// time, and done again, stays small. Of a piece that goes on the last part is left out.
  template <class Visit>
  void for_each_run(const std::string& piece, bool goes_on, Visit&& visit) const {
    if (of_bytes_) return void(visit(piece));
    std::string run;
    std::uint32_t left = 0;
    bool left_known = false;
    for (std::size_t at = 0; at < piece.size();) {
      const std::uint32_t right = first_symbols<>::character_at_byte(piece, at);
      const bool known = symbols_.knows(right);
      if (left_known && known && !pairs_.contains(left, right)) {
        if (!visit(run)) return;
        run.clear();
      }
      const std::size_t length = utf8_length(static_cast<unsigned char>(piece[at]));
      run.append(piece, at, length);
      at += length;
      left = right;
      left_known = known;
    }
    if (!run.empty() && !goes_on) visit(run);
  }

  /// Appends the tokens of a run, O(n log n) in its length.
  void merge(const std::string& run, std::vector<index_t>& out) const {
    bpe_word<> word(merges_, run.size());
    if (of_bytes_) {
      for (const char c : run) {
        const std::int64_t id = byte_ids_[static_cast<unsigned char>(c)];
        if (id >= 0) word.push_back(static_cast<std::uint32_t>(id));
      }
    } else {
      symbols_.for_each(run, [&](std::uint32_t id) { word.push_back(id); });
    }
    word.merge_all();
    word.append_to(out);
  }

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
      if (!of_bytes_) pairs_.add(left + right);
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
    for (const char* key : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"})
      if (is_set(fields, key))
        throw format_error(where, "no " + std::string(key), described(fields[key]));
    if (!of_bytes_) return;
    // With a token for every byte nothing is ever unknown, and these two do nothing.
    for (const std::int64_t id : byte_ids_)
      for (const char* key : {"unk_token", "byte_fallback"})
        if (id < 0 && is_set(fields, key))
          throw format_error(where,
                             "all 256 bytes in the vocabulary where there is " + std::string(key),
                             "only some");
  }

  bool of_bytes_ = true;
  token_ids ids_, by_bytes_;
  first_symbols<> symbols_;  // of characters
  merged_pairs<> pairs_;
  std::array<std::int64_t, 256> byte_ids_{};
  bpe_word<>::merge_table merges_;
  bool ignore_merges_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
