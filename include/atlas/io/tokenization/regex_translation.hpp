// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// From Oniguruma's regular expressions, for which those of `tokenizer.json` are written, to ICU's:
/// what the two read differently is rewritten, or refused where that is not possible.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// What an escape becomes in ICU's language; empty: the two mean different things by it.
inline std::string translated_escape(char letter, bool in_set) {
  if (letter == 's') return "\\p{White_Space}";
  if (letter == 'S') return "\\P{White_Space}";
  if (letter == 'd') return "\\p{Nd}";
  if (letter == 'D') return "\\P{Nd}";
  if (letter == 'w' || letter == 'W') {
    // ICU would count the two joiners as parts of words. Oniguruma counts the numbers of Latin-1
    // that are no digits (superscripts and fractions), but outside of brackets only.
    return std::string(letter == 'w' ? "[" : "[^") + "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}" +
           (in_set ? "]" : "\\u00B2\\u00B3\\u00B9\\u00BC-\\u00BE]");
  }
  const bool letter_or_digit = (letter >= 'a' && letter <= 'z') ||
                               (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
  constexpr std::string_view common = "pPrntfaexu";
  if (letter_or_digit && common.find(letter) == std::string_view::npos) return {};
  return {'\\', letter};
}

/// Escapes that stand for a set of characters.
inline bool is_class_escape(char letter) {
  return std::string_view("sSdDwWpP").find(letter) != std::string_view::npos;
}

/// Escapes that may stand for characters beyond ASCII.
inline bool beyond_ascii(char letter) {
  return is_class_escape(letter) || letter == 'x' || letter == 'u' || (letter & 0x80) != 0;
}

/// Names of properties by which the two mean different characters. Both pass over case and
/// punctuation.
inline bool ambiguous_property(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != ' ' && c != '_' && c != '-')
      plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::string_view names[] = {"punct", "word",   "graph", "print",
                                        "alnum", "xdigit", "blank", "cntrl"};
  return std::find(std::begin(names), std::end(names), plain) != std::end(names);
}

/// Groups whose meaning the two share: plain, lookaround, atomic, and without regard to case. A
/// bare `(?i)` is at the start of the pattern only: elsewhere Oniguruma has it span the
/// alternatives that follow.
inline bool common_group(std::string_view group) {
  if (!group.starts_with("(?")) return true;
  for (const char* begin : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"})
    if (group.starts_with(begin)) return true;
  return false;
}

/// The length of an interval that only ICU takes for possessive (`{2}+`, `{1,3}+`) or reluctant
/// (`{2}?`); 0: something else. Oniguruma repeats the interval, or makes it optional.
inline std::size_t repeated_interval(std::string_view text) {
  if (!text.starts_with('{')) return 0;
  const std::size_t close = text.find_first_not_of("0123456789,", 1);
  if (close == std::string_view::npos || close == 1) return 0;
  const bool exact = text.substr(0, close).find(',') == std::string_view::npos;
  const std::string_view end = text.substr(close);
  return end.starts_with("}+") || (exact && end.starts_with("}?")) ? close + 2 : 0;
}

/// Whether `\x` is followed by a byte beyond ASCII, which is no character for Oniguruma.
inline bool hexadecimal_byte(std::string_view digits) {
  constexpr std::string_view hexadecimal = "0123456789abcdefABCDEF";
  return digits.size() > 1 && hexadecimal.find(digits[0], 8) != std::string_view::npos &&
         hexadecimal.find(digits[1]) != std::string_view::npos;
}

/// Walks through a pattern and rewrites it piece by piece.
template <class = lazy>
class pattern_translator {
 public:
  pattern_translator(std::string_view pattern, const std::string& where)
      : pattern_(pattern), where_(where) {}

  std::string run() {
    if (rest().starts_with("(?i)")) {
      ignores_case_.back() = true;
      copy(4);
    }
    while (at_ < pattern_.size()) {
      if (rest().size() > 1 && rest()[0] == '\\')
        escape();
      else
        plain();
    }
    return std::move(out_);
  }

 private:
  std::string_view rest() const { return pattern_.substr(at_); }

  [[noreturn]] void refuse(std::size_t length) const {
    throw format_error(where_, "a regular expression that ICU reads as Oniguruma does",
                       in_quotes(rest().substr(0, length)));
  }

  void copy(std::size_t length) {
    out_ += rest().substr(0, length);
    at_ += length;
  }

  void escape() {
    const char letter = rest()[1];
    const bool in_set = set_depth_ > 0;
    std::string translated = translated_escape(letter, in_set);
    if (translated.empty() || (in_set && ignores_case_.back() && beyond_ascii(letter))) refuse(2);
    std::size_t length = 2;
    const std::size_t close = rest().find('}');
    const bool braces = rest().substr(2).starts_with('{') && close != std::string_view::npos;
    if (braces && (letter == 'p' || letter == 'P' || letter == 'x')) {
      if (ambiguous_property(rest().substr(3, close - 3))) refuse(close + 1);
      length = close + 1;
      translated = rest().substr(0, length);
    } else if (letter == 'x' && hexadecimal_byte(rest().substr(2))) {
      refuse(4);
    }
    // Without regard to case, ICU adds the other cases of what has a property, Oniguruma does not.
    if (ignores_case_.back() && is_class_escape(letter)) translated = "(?-i:" + translated + ")";
    out_ += translated;
    at_ += length;
  }

  void plain() {
    const char c = rest()[0];
    if (c == '[') ++set_depth_;
    if (c == ']' && set_depth_ > 0) --set_depth_;
    const bool in_set = set_depth_ > 0;
    if (in_set && (rest().starts_with("[:") || rest().starts_with("--"))) refuse(2);
    if (in_set && ignores_case_.back()) check_without_case();
    if (!in_set && c == '(') open_group();
    if (!in_set && c == ')' && ignores_case_.size() > 1) ignores_case_.pop_back();
    if (const std::size_t length = in_set ? 0 : repeated_interval(rest())) refuse(length);
    if (in_set || c != '^') return copy(1);
    out_ += "(?:\\A|^(?!\\z))";  // for Oniguruma no line begins after a last end of line
    ++at_;
  }

  /// Some characters have several letters for another case ("ss" for the sharp s), which Oniguruma
  /// finds with a set and ICU does not: only plain sets of ASCII are surely the same.
  void check_without_case() const {
    if (set_depth_ > 1 || rest().starts_with("&&")) refuse(2);
    if ((rest()[0] & 0x80) != 0) refuse(utf8_length(static_cast<unsigned char>(rest()[0])));
  }

  void open_group() {
    if (!common_group(rest())) refuse(4);
    ignores_case_.push_back(ignores_case_.back() || rest().starts_with("(?i:"));
  }

  std::string_view pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
  int set_depth_ = 0;
  std::vector<bool> ignores_case_ = {false};  // for each group that is open
  std::string out_;
};

/// \param pattern well-formed UTF-8
/// \throws format_error naming what cannot be translated
template <class = lazy>
std::string translated_pattern(std::string_view pattern, const std::string& where) {
  return pattern_translator<>(pattern, where).run();
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
