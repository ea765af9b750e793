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
#include <vector>

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

/// The whole text in stretches, matches and what is between them. In an empty text nothing matches,
/// whatever the pattern.
template <class = lazy>
std::vector<match_range> match_ranges(regex<>& pattern, std::u16string_view text) {
  std::vector<match_range> ranges;
  if (text.empty()) return ranges;
  std::size_t done = 0;
  bool any = false;
  pattern.for_each_match(text, [&](std::size_t begin, std::size_t end) {
    // Nothing, right after a match, is not a match.
    if (begin == end && any && begin == done) return;
    if (done < begin) ranges.push_back({done, begin, false});
    ranges.push_back({begin, end, true});
    done = end;
    any = true;
  });
  if (done < text.size()) ranges.push_back({done, text.size(), false});
  return ranges;
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
    const std::vector<match_range> ranges = match_ranges(search, text);
    std::size_t size = 0;
    for (const match_range& range : ranges) {
      size += range.match ? content_.size() : range.end - range.begin;
      check_normalized_size(size);
    }
    std::u16string out;
    out.reserve(size);
    for (const match_range& range : ranges)
      out += range.match ? content_ : text.substr(range.begin, range.end - range.begin);
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
