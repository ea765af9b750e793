// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Cuts a text into the pieces within which tokens are merged.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/match_ranges.hpp"
#include "atlas/io/tokenization/metaspace.hpp"
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

/// Joins neighbours by what the behaviour says of two of them, as they come.
template <class = lazy>
class range_joiner {
 public:
  explicit range_joiner(split_behavior behavior) : behavior_(behavior) {}

  /// Takes the next stretch, and passes on to `visit` what it does not join.
  /// \returns false where `visit` did
  template <class Visit>
  bool add(const match_range& next, Visit&& visit) {
    if (last_ && joins(*last_, next)) {
      open_.end = next.end;
      last_ = next;
      return true;
    }
    const bool wanted = !last_ || visit(open_);
    open_ = next;
    last_ = next;
    return wanted;
  }

  /// Passes on what waits for another.
  template <class Visit>
  bool finish(Visit&& visit) {
    return !last_ || visit(open_);
  }

 private:
  bool joins(const match_range& left, const match_range& right) const {
    switch (behavior_) {
      case split_behavior::merged_with_previous:
        return right.match && !left.match;
      case split_behavior::merged_with_next:
        return left.match && !right.match;
      case split_behavior::contiguous:
        return left.match == right.match;
      default:
        return false;
    }
  }

  split_behavior behavior_;
  match_range open_{};
  std::optional<match_range> last_;
};

/// The steps of a `pre_tokenizer`. Holds the state of a search: use a copy in each thread.
template <class = lazy>
class pre_tokenizer {
 public:
  /// \param of_bytes whether the text comes in the alphabet of bytes
  /// \throws format_error naming what is not supported
  static pre_tokenizer from_json(const nlohmann::json& fields, bool of_bytes,
                                 const std::string& file) {
    const std::string where = file + ": pre_tokenizer";
    pre_tokenizer all;
    all.of_bytes_ = of_bytes;
    if (!fields.is_null()) all.add(fields, where);
    return all;
  }

  /// Whether the pieces' bytes are meant, not their characters.
  bool to_bytes() const { return to_bytes_; }

  /// Whether the text's first piece is treated in another way than the others.
  bool knows_first() const { return knows_first_; }

  /// Calls `visit(piece, goes_on)` for each piece in turn, until it returns false; no piece is
  /// empty.
  ///
  /// \param head       how many units at the front stand for the first character of the whole text,
  ///                   as it was before normalization; 0 where the text is a later part of it
  /// \param unfinished the text goes on, nobody knows how: pieces that this could change are left
  ///                   out, or are the last and said to go on
  /// \returns whether all of the text was visited
  template <class Visit>
  bool split(std::u16string_view text, std::size_t head, bool unfinished, Visit&& visit) {
    return run({text, head, unfinished}, 0, visit);
  }

 private:
  struct piece_of_text {
    std::u16string_view text;
    std::size_t head;
    bool unfinished;

    piece_of_text between(std::size_t begin, std::size_t end, bool goes_on) const {
      return {text.substr(begin, end - begin), (std::min)(head, end) - (std::min)(head, begin),
              goes_on};
    }
  };
  struct prefix_space {};
  struct pattern_split {
    regex<> pattern;
    split_behavior behavior;
    bool invert;
  };
  using step = std::variant<prefix_space, pattern_split, metaspace>;

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
    } else if (type == "Metaspace") {
      add_metaspace(fields, where + ": Metaspace");
    } else {
      throw format_error(where, "Split, Digits, Metaspace, ByteLevel or a Sequence",
                         in_quotes(type));
    }
  }

  void add_pattern(std::string_view pattern, split_behavior behavior, const std::string& where) {
    steps_.push_back(pattern_split{regex<>::from_pattern(pattern, where), behavior, false});
  }

  void add_split(const nlohmann::json& fields, const std::string& where) {
    steps_.push_back(pattern_split{pattern_of(fields, where), behavior_from_json(fields, where),
                                   flag_member(fields, "invert", false, where)});
  }

  void add_metaspace(const nlohmann::json& fields, const std::string& where) {
    if (of_bytes_) throw format_error(where, "a normalizer without ByteLevel", "one with it");
    metaspace spaces = metaspace::from_json(fields, where);
    knows_first_ = knows_first_ || spaces.prepend == prepend_scheme::first;
    steps_.push_back(std::move(spaces));
  }

  void add_byte_level(const nlohmann::json& fields, const std::string& where) {
    if (flag_member(fields, "add_prefix_space", true, where)) steps_.push_back(prefix_space{});
    if (flag_member(fields, "use_regex", true, where))
      add_pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
                  split_behavior::isolated, where);
    to_bytes_ = true;
  }

  template <class Visit>
  bool run(const piece_of_text& piece, std::size_t at, Visit& visit) {
    if (piece.text.empty()) return !piece.unfinished;
    if (at == steps_.size()) return visit(piece.text, piece.unfinished);
    return std::visit([&](auto& rule) { return apply(rule, piece, at + 1, visit); }, steps_[at]);
  }

  template <class Visit>
  bool apply(prefix_space, const piece_of_text& piece, std::size_t next, Visit& visit) {
    if (piece.text.front() == u' ') return run(piece, next, visit);
    const std::u16string longer = u' ' + std::u16string(piece.text);
    return run({longer, piece.head > 0 ? piece.head + 1 : 0, piece.unfinished}, next, visit);
  }

  template <class Visit>
  bool apply(pattern_split& rule, const piece_of_text& piece, std::size_t next, Visit& visit) {
    const auto pass = [&](const match_range& range) {
      if (range.match && rule.behavior == split_behavior::removed) return true;
      return run(piece.between(range.begin, range.end, false), next, visit);
    };
    range_joiner<> joiner(rule.behavior);
    const bool all =
        for_each_range(rule.pattern, piece.text, piece.unfinished, [&](match_range range) {
          range.match = range.match != rule.invert;
          return joiner.add(range, pass);
        });
    return all && joiner.finish(pass);
  }

  template <class Visit>
  bool apply(const metaspace& rule, const piece_of_text& piece, std::size_t next, Visit& visit) {
    std::u16string text = rule.marked(piece.text);
    std::size_t head = rule.marked(piece.text.substr(0, piece.head)).size();
    const bool wanted = rule.prepend == prepend_scheme::always ||
                        (rule.prepend == prepend_scheme::first && piece.head > 0);
    if (wanted && !text.starts_with(rule.mark)) {
      text.insert(0, rule.mark);
      if (head > 0) head += rule.mark.size();
    }
    const piece_of_text all{text, head, piece.unfinished};
    if (!rule.split) return run(all, next, visit);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = (std::min)(text.find(rule.mark, begin + 1), text.size());
      if (!run(all.between(begin, end, all.unfinished && end == text.size()), next, visit))
        return false;
      begin = end;
    }
    return true;
  }

  std::vector<step> steps_;
  bool to_bytes_ = false, of_bytes_ = false, knows_first_ = false;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
