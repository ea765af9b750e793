#pragma once
/// \file
/// From Oniguruma's regular expressions, for which those of `tokenizer.json` are written, to ICU's:
/// what the two read differently is rewritten, or refused where that is not possible.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/io/json.hpp"

namespace atlas::io::detail {

/// What an escape becomes in ICU's language; empty: the two mean different things by it.
inline std::string translated_escape(char letter) {
  // ICU would count the two joiners as parts of words.
  constexpr std::string_view word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
  if (letter == 's') return "\\p{White_Space}";
  if (letter == 'S') return "\\P{White_Space}";
  if (letter == 'd') return "\\p{Nd}";
  if (letter == 'D') return "\\P{Nd}";
  if (letter == 'w') return "[" + std::string(word);
  if (letter == 'W') return "[^" + std::string(word);
  const bool letter_or_digit = (letter >= 'a' && letter <= 'z') ||
                               (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9');
  constexpr std::string_view common = "pPrntfaexu";
  if (letter_or_digit && common.find(letter) == std::string_view::npos) return {};
  return {'\\', letter};
}

/// Names of properties by which the two mean different characters.
inline bool ambiguous_property(std::string_view name) {
  std::string lower;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::string_view names[] = {"punct", "word",   "graph", "print",
                                        "alnum", "xdigit", "blank", "cntrl"};
  return std::find(std::begin(names), std::end(names), lower) != std::end(names);
}

/// Groups whose meaning the two share: plain, lookaround, atomic, and without regard to case.
inline bool common_group(std::string_view group, bool at_start) {
  if (!group.starts_with("(?")) return true;
  for (const char* begin : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"})
    if (group.starts_with(begin)) return true;
  // Elsewhere Oniguruma has it span the alternatives that follow.
  return at_start && group.starts_with("(?i)");
}

/// The length of `{2}+` or `{1,3}+`, which is possessive for ICU alone; 0: something else.
inline std::size_t repeated_interval(std::string_view text) {
  if (!text.starts_with('{')) return 0;
  const std::size_t close = text.find_first_not_of("0123456789,", 1);
  if (close == std::string_view::npos || close == 1) return 0;
  return text.substr(close).starts_with("}+") ? close + 2 : 0;
}

/// Walks through a pattern and rewrites it piece by piece.
template <class = void>
class pattern_translator {
 public:
  pattern_translator(std::string_view pattern, const std::string& where)
      : pattern_(pattern), where_(where) {}

  std::string run() {
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
    const std::string translated = translated_escape(letter);
    if (translated.empty()) refuse(2);
    const std::size_t close = rest().find('}');
    const bool braces = rest().substr(2).starts_with('{') && close != std::string_view::npos;
    if (braces && (letter == 'p' || letter == 'P' || letter == 'x')) {
      if (ambiguous_property(rest().substr(3, close - 3))) refuse(close + 1);
      return copy(close + 1);
    }
    out_ += translated;
    at_ += 2;
  }

  void plain() {
    const char c = rest()[0];
    if (c == '[') ++set_depth_;
    if (c == ']' && set_depth_ > 0) --set_depth_;
    const bool in_set = set_depth_ > 0;
    if (in_set && (rest().starts_with("[:") || rest().starts_with("--"))) refuse(2);
    if (!in_set && c == '(' && !common_group(rest(), at_ == 0)) refuse(4);
    if (const std::size_t length = in_set ? 0 : repeated_interval(rest())) refuse(length);
    copy(1);
  }

  std::string_view pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
  int set_depth_ = 0;
  std::string out_;
};

/// \param pattern well-formed UTF-8
/// \throws format_error naming what cannot be translated
template <class = void>
std::string translated_pattern(std::string_view pattern, const std::string& where) {
  return pattern_translator<>(pattern, where).run();
}

}  // namespace atlas::io::detail
