// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tokens that are cut out of a text before anything else happens to it.

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/tokenization/unicode.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// One of `added_tokens`.
struct added_token {
  std::u16string content;
  index_t id = 0;
  bool single_word = false;  ///< only where no part of a word touches it
  bool strip_left = false;   ///< takes the white space before it along
  bool strip_right = false;  ///< takes the white space after it along
};

/// Finds tokens from left to right; of those that begin at one place, the longest.
template <class = lazy>
class added_token_set {
 public:
  void add(added_token token) {
    if (token.content.empty()) return;
    longest_ = (std::max)(longest_, token.content.size());
    auto& same_start = by_first_[token.content.front()];
    const auto longer = [](const added_token& a, const added_token& b) {
      return a.content.size() > b.content.size();
    };
    same_start.insert(std::upper_bound(same_start.begin(), same_start.end(), token, longer), token);
    if (token.content.front() < quick_.size()) quick_[token.content.front()] = true;
  }

  bool empty() const { return by_first_.empty(); }

  /// Calls `on_text(piece, goes_on)` and `on_token(id)` in the order of the text, until one of them
  /// returns false; no piece is empty.
  /// \param unfinished the text goes on, nobody knows how: what this could change is left out, and
  ///                   the last piece is said to go on
  /// \returns whether all of the text was visited
  template <class OnText, class OnToken>
  bool split(std::u16string_view text, bool unfinished, OnText&& on_text,
             OnToken&& on_token) const {
    const std::size_t known = unfinished ? known_size(text) : text.size();
    std::size_t done = 0;
    for (std::size_t at = 0; !empty() && at < known;) {
      const added_token* const token = find(text, at);
      if (!token) {
        ++at;
        continue;
      }
      std::size_t begin = at, end = at + token->content.size();
      at = end;
      if (token->single_word && !stands_alone(text, begin, end)) continue;
      if (token->strip_left) begin = (std::max)(done, spaces_begin(text, begin));
      if (token->strip_right) end = spaces_end(text, end);
      if (done < begin && !on_text(text.substr(done, begin - done), false)) return false;
      if (begin >= end) continue;  // the token before it took all of it along
      if (!on_token(token->id)) return false;
      if (unfinished && end == text.size()) return false;  // it may take more along
      done = end;
    }
    if (done < known) return on_text(text.substr(done, known - done), unfinished);
    return !unfinished;
  }

 private:
  /// How much of a text that goes on surely belongs to no token that is not in it as a whole: a
  /// token, and the character after it, which decides on some, may begin behind that. White space
  /// before such a token may belong to it.
  std::size_t known_size(std::u16string_view text) const {
    const std::size_t margin = empty() ? 0 : longest_ + 2;
    std::size_t size = text.size() - (std::min)(margin, text.size());
    if (!empty()) size = spaces_begin(text, size);
    // No half of a surrogate pair.
    return size > 0 && U16_IS_LEAD(text[size - 1]) ? size - 1 : size;
  }

  const added_token* find(std::u16string_view text, std::size_t at) const {
    const char16_t first = text[at];
    if (first < quick_.size() && !quick_[first]) return nullptr;
    const auto candidates = by_first_.find(first);
    if (candidates == by_first_.end()) return nullptr;
    for (const added_token& token : candidates->second)
      if (text.substr(at).starts_with(token.content)) return &token;
    return nullptr;
  }

  static bool stands_alone(std::u16string_view text, std::size_t begin, std::size_t end) {
    return (begin == 0 || !is_word(character_before(text, begin))) &&
           (end == text.size() || !is_word(character_at(text, end)));
  }
  // White space never takes a surrogate pair.
  static std::size_t spaces_begin(std::u16string_view text, std::size_t at) {
    while (at > 0 && is_space(text[at - 1])) --at;
    return at;
  }
  static std::size_t spaces_end(std::u16string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
  }

  std::map<char16_t, std::vector<added_token>> by_first_;
  std::size_t longest_ = 0;  // content
  std::vector<bool> quick_ = std::vector<bool>(128, false);
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
