// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Cuts a text into the pieces within which tokens are merged.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/regex.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// What becomes of the matches (delimiters) of a split.
enum class split_behavior {
  removed,               ///< they are dropped
  isolated,              ///< each is a piece
  merged_with_previous,  ///< each belongs to the piece before it
  merged_with_next,      ///< each belongs to the piece after it
  contiguous             ///< neighbours are one piece
};

template <class = lazy>
split_behavior behavior_from_json(const nlohmann::json& fields, const std::string& where) {
  const std::string& name = text_member(fields, "behavior", where);
  constexpr std::pair<std::string_view, split_behavior> known[] = {
      {"Removed", split_behavior::removed},
      {"Isolated", split_behavior::isolated},
      {"MergedWithPrevious", split_behavior::merged_with_previous},
      {"MergedWithNext", split_behavior::merged_with_next},
      {"Contiguous", split_behavior::contiguous}};
  for (const auto& [its_name, behavior] : known)
    if (its_name == name) return behavior;
  throw format_error(where, "a known behavior", in_quotes(name));
}

/// A stretch of a text, and whether it is a delimiter.
struct split_range {
  std::size_t begin, end;
  bool match;
};

/// Joins neighbours by what the behaviour says of two of them.
template <class = lazy>
void join_ranges(std::vector<split_range>& ranges, split_behavior behavior) {
  const auto joins = [&](const split_range& left, const split_range& right) {
    switch (behavior) {
      case split_behavior::merged_with_previous:
        return right.match && !left.match;
      case split_behavior::merged_with_next:
        return left.match && !right.match;
      case split_behavior::contiguous:
        return left.match == right.match;
      default:
        return false;
    }
  };
  std::vector<split_range> joined;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i > 0 && joins(ranges[i - 1], ranges[i]))
      joined.back().end = ranges[i].end;
    else
      joined.push_back(ranges[i]);
  }
  ranges = std::move(joined);
}

/// The steps of a `pre_tokenizer` of bytes. Holds the state of a search: use a copy in each thread.
template <class = lazy>
class pre_tokenizer {
 public:
  /// \param of_bytes whether the text comes in the alphabet of bytes; otherwise the last step must
  ///                 be ByteLevel
  /// \throws format_error naming what is not supported
  static pre_tokenizer from_json(const nlohmann::json& fields, bool of_bytes,
                                 const std::string& file) {
    const std::string where = file + ": pre_tokenizer";
    pre_tokenizer all;
    if (!fields.is_null()) all.add(fields, where);
    if (!all.to_bytes_ && !of_bytes) throw format_error(where, "a ByteLevel step", "none");
    return all;
  }

  /// Whether the pieces' bytes are meant, not their characters.
  bool to_bytes() const { return to_bytes_; }

  /// Calls `visit(piece)` for each piece in turn; no piece is empty.
  template <class Visit>
  void split(std::u16string_view text, Visit&& visit) {
    run(text, 0, visit);
  }

 private:
  /// Either a space put before the piece, or a split.
  struct step {
    bool prefix_space;
    std::vector<regex<>> pattern;  // one or none
    split_behavior behavior = split_behavior::isolated;
    bool invert = false;
  };

  void add(const nlohmann::json& fields, const std::string& where) {
    const std::string& type = text_member(fields, "type", where);
    if (to_bytes_) throw format_error(where, "ByteLevel as the last step", in_quotes(type));
    if (type == "Sequence") {
      const nlohmann::json& parts = member(fields, "pretokenizers", where);
      if (!parts.is_array()) throw format_error(where, "an array", parts.type_name());
      for (const auto& part : parts) add(part, where);
    } else if (type == "Split") {
      add_split(fields, where + ": Split");
    } else if (type == "Digits") {
      const bool each = flag_member(fields, "individual_digits", false, where);
      add_pattern("\\p{N}", each ? split_behavior::isolated : split_behavior::contiguous, where);
    } else if (type == "ByteLevel") {
      add_byte_level(fields, where + ": ByteLevel");
    } else {
      throw format_error(where, "Split, Digits, ByteLevel or a Sequence", in_quotes(type));
    }
  }

  void add_pattern(std::string_view pattern, split_behavior behavior, const std::string& where) {
    steps_.push_back({false, {regex<>::from_pattern(pattern, where)}, behavior, false});
  }

  void add_split(const nlohmann::json& fields, const std::string& where) {
    const nlohmann::json& pattern = member(fields, "pattern", where);
    const bool literal = pattern.is_object() && pattern.contains("String");
    const std::string& text = text_member(pattern, literal ? "String" : "Regex", where);
    if (text.empty()) throw format_error(where, "a pattern", "an empty one");
    steps_.push_back(
        {false,
         {literal ? regex<>::from_literal(text, where) : regex<>::from_pattern(text, where)},
         behavior_from_json(fields, where),
         flag_member(fields, "invert", false, where)});
  }

  void add_byte_level(const nlohmann::json& fields, const std::string& where) {
    if (flag_member(fields, "add_prefix_space", true, where)) steps_.push_back({true, {}});
    if (flag_member(fields, "use_regex", true, where))
      add_pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
                  split_behavior::isolated, where);
    to_bytes_ = true;
  }

  static std::vector<split_range> ranges_of(step& rule, std::u16string_view text) {
    std::vector<split_range> ranges;
    std::size_t done = 0;
    bool any = false;
    rule.pattern.front().for_each_match(text, [&](std::size_t begin, std::size_t end) {
      // Nothing, right after a match, is not a match.
      if (begin == end && any && begin == done) return;
      if (done < begin) ranges.push_back({done, begin, rule.invert});
      ranges.push_back({begin, end, !rule.invert});
      done = end;
      any = true;
    });
    if (done < text.size()) ranges.push_back({done, text.size(), rule.invert});
    if (rule.behavior != split_behavior::isolated) join_ranges(ranges, rule.behavior);
    return ranges;
  }

  template <class Visit>
  void run(std::u16string_view text, std::size_t at, Visit& visit) {
    if (text.empty()) return;
    if (at == steps_.size()) return visit(text);
    step& rule = steps_[at];
    if (rule.prefix_space) {
      if (text.front() == u' ') return run(text, at + 1, visit);
      return run(u' ' + std::u16string(text), at + 1, visit);
    }
    for (const split_range& range : ranges_of(rule, text))
      if (!(range.match && rule.behavior == split_behavior::removed))
        run(text.substr(range.begin, range.end - range.begin), at + 1, visit);
  }

  std::vector<step> steps_;
  bool to_bytes_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
