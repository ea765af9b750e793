// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Where a pattern of `tokenizer.json` matches in a text, and what takes the place of the matches.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/regex.hpp"
#include "atlas/io/tokenization/unicode.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A stretch of a text, and whether it is a match.
struct match_range {
  std::size_t begin, end;
  bool match;
};

/// Calls `visit(range)` for the whole text in stretches, matches and what is between them, until it
/// returns false. In an empty text nothing matches, whatever the pattern.
/// \param unfinished as `regex::for_each_match` has it: the last stretches are left out
/// \returns whether all of the text was visited
template <class Visit>
bool for_each_range(regex<>& pattern, std::u16string_view text, bool unfinished, Visit&& visit) {
  if (text.empty()) return !unfinished;
  std::size_t done = 0;
  bool any = false;
  const auto visit_match = [&](std::size_t begin, std::size_t end) {
    // Nothing, right after a match, is not a match.
    if (begin == end && any && begin == done) return true;
    if (done < begin && !visit(match_range{done, begin, false})) return false;
    done = end;
    any = true;
    return visit(match_range{begin, end, true});
  };
  if (!pattern.for_each_match(text, unfinished, visit_match)) return false;
  return done == text.size() || visit(match_range{done, text.size(), false});
}

/// The `pattern` of a step: `{"String": ...}`, which matches exactly this, or `{"Regex": ...}`.
template <class = lazy>
regex<> pattern_of(const nlohmann::json& step, const std::string& where) {
  const nlohmann::json& pattern = member(step, "pattern", where);
  const bool literal = pattern.is_object() && pattern.contains("String");
  const std::string& text = text_member(pattern, literal ? "String" : "Regex", where);
  if (text.empty()) throw format_error(where, "a pattern", "an empty one");
  return literal ? regex<>::from_literal(text, where) : regex<>::from_pattern(text, where);
}

/// ICU counts in 32 bits, and normal forms can make a text up to 18 times as long.
inline constexpr std::size_t longest_text = (std::numeric_limits<std::int32_t>::max)() / 18;

/// \throws value_error for a text that its normalizer makes too long
template <class = lazy>
void check_normalized_size(std::size_t size) {
  if (size > longest_text)
    throw value_error(
        "text", "at most " + std::to_string(longest_text) + " units of UTF-16, normalized", "more");
}

/// `Replace`, as a step of a normalizer or of a decoder. Immutable: threads may share it.
template <class = lazy>
class replacement {
 public:
  /// \throws format_error naming what is malformed
  static replacement from_json(const nlohmann::json& step, const std::string& where) {
    replacement made(pattern_of(step, where), to_utf16(text_member(step, "content", where)));
    const nlohmann::json& pattern = step["pattern"];
    made.by_character_ = pattern.contains("String") &&
                         is_one_character(to_utf16(pattern["String"].get<std::string>()));
    return made;
  }

  /// Whether it looks at each character by itself.
  bool by_character() const { return by_character_; }

  /// \throws value_error when the text becomes too long
  std::u16string operator()(std::u16string_view text) const {
    regex<> search = pattern_;
    std::u16string out;
    out.reserve(text.size());
    for_each_range(search, text, false, [&](const match_range& range) {
      check_normalized_size(out.size() + (range.match ? content_.size() : range.end - range.begin));
      out += range.match ? content_ : text.substr(range.begin, range.end - range.begin);
      return true;
    });
    return out;
  }

 private:
  replacement(regex<> pattern, std::u16string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  regex<> pattern_;
  std::u16string content_;
  bool by_character_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
