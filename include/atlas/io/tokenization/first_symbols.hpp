// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The tokens with which a piece of text begins before any are merged: one for each character, or
/// for each of its bytes where the vocabulary lacks it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/unicode.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Ids by tokens, as a `vocab` has them.
using token_ids = std::unordered_map<std::string, std::uint32_t>;

/// The token of a byte, such as `<0x0A>`.
inline std::string token_of_fallback(unsigned char byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  return std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">";
}

/// What SentencePiece's kind of BPE begins with, by the model's vocabulary and options. Immutable.
template <class = lazy>
class first_symbols {
 public:
  first_symbols() = default;

  /// \param fields the `model` of a `tokenizer.json`
  /// \throws format_error when its options contradict its vocabulary
  first_symbols(const nlohmann::json& fields, const token_ids& vocabulary,
                const std::string& where) {
    for (const auto& [token, id] : vocabulary)
      if (is_one_character(to_utf16(token))) characters_.emplace(character_at_byte(token, 0), id);
    if (flag_member(fields, "byte_fallback", false, where)) read_bytes(vocabulary);
    fuses_unknown_ = flag_member(fields, "fuse_unk", false, where);
    const auto unknown = fields.find("unk_token");
    if (unknown == fields.end() || unknown->is_null()) return;
    const std::string& token = text_member(fields, "unk_token", where);
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end())
      throw format_error(where, "an unk_token of the vocabulary", in_quotes(token));
    unknown_ = found->second;
  }

  /// Whether the character has a token of its own.
  bool knows(std::uint32_t character) const { return characters_.contains(character); }

  /// Calls `visit(id)` for each symbol in turn. A character that is unknown altogether has none
  /// where there is no token for it.
  /// \param text well-formed UTF-8
  template <class Visit>
  void for_each(std::string_view text, Visit&& visit) const {
    // The unknown token waits for the next character that is known, past those in bytes, as it
    // does in the Python package; a further unknown one joins it, or takes its place.
    bool waiting = false;
    const auto flush = [&] {
      if (waiting) visit(*unknown_);
      waiting = false;
    };
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = utf8_length(static_cast<unsigned char>(text[at]));
      const auto found = characters_.find(character_at_byte(text, at));
      if (found != characters_.end()) {
        flush();
        visit(found->second);
      } else if (has_bytes(text.substr(at, length))) {
        for (const char c : text.substr(at, length)) visit(*bytes_[static_cast<unsigned char>(c)]);
      } else if (unknown_) {
        if (!fuses_unknown_) flush();
        waiting = true;
      }
      at += length;
    }
    flush();
  }

  /// The character that begins at a byte of well-formed UTF-8.
  static std::uint32_t character_at_byte(std::string_view text, std::size_t at) {
    const std::size_t length = utf8_length(static_cast<unsigned char>(text[at]));
    std::uint32_t point = static_cast<unsigned char>(text[at]);
    if (length > 1) point &= 0x7FU >> length;
    for (std::size_t i = 1; i < length; ++i)
      point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
    return point;
  }

 private:
  void read_bytes(const token_ids& vocabulary) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const auto found = vocabulary.find(token_of_fallback(static_cast<unsigned char>(byte)));
      if (found != vocabulary.end()) bytes_[byte] = found->second;
    }
  }

  /// Whether every byte of a character has a token.
  bool has_bytes(std::string_view character) const {
    for (const char c : character)
      if (!bytes_[static_cast<unsigned char>(c)]) return false;
    return true;
  }

  std::unordered_map<std::uint32_t, std::uint32_t> characters_;
  std::array<std::optional<std::uint32_t>, 256> bytes_{};
  std::optional<std::uint32_t> unknown_;
  bool fuses_unknown_ = false;
};

/// Pairs of neighbouring characters that some merged token has in it. Between two others no merge
/// ever reaches across, and what is before and after them is merged each by itself.
template <class = lazy>
class merged_pairs {
 public:
  /// \param token well-formed UTF-8, a token that merges make
  void add(std::string_view token) {
    if (token.empty()) return;
    std::size_t at = 0;
    for (std::uint32_t left = next(token, at); at < token.size();) {
      const std::uint32_t right = next(token, at);
      pairs_.insert(key(left, right));
      left = right;
    }
  }

  bool contains(std::uint32_t left, std::uint32_t right) const {
    return pairs_.contains(key(left, right));
  }

 private:
  static std::uint64_t key(std::uint32_t left, std::uint32_t right) {
    return std::uint64_t{left} << 32 | right;
  }
  static std::uint32_t next(std::string_view token, std::size_t& at) {
    const std::uint32_t character = first_symbols<>::character_at_byte(token, at);
    at += utf8_length(static_cast<unsigned char>(token[at]));
    return character;
  }

  std::unordered_set<std::uint64_t> pairs_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
