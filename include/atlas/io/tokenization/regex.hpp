// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The regular expressions of `tokenizer.json`, run by ICU.

#include <unicode/uregex.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/regex_translation.hpp"
#include "atlas/io/tokenization/unicode.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A compiled expression and its place in a text. Copies share the compiled form and may be used
/// in different threads.
template <class = lazy>
class regex {
 public:
  /// \param pattern well-formed UTF-8, in Oniguruma's language
  /// \throws format_error naming `where` when it cannot be compiled
  static regex from_pattern(std::string_view pattern, const std::string& where) {
    // Oniguruma's ^ and $ are at lines, and only "\n" ends one.
    return regex(translated_pattern(pattern, where), UREGEX_MULTILINE | UREGEX_UNIX_LINES, where);
  }
  /// Matches exactly this text.
  static regex from_literal(std::string_view literal, const std::string& where) {
    return regex(literal, UREGEX_LITERAL, where);
  }

  regex(const regex& other) {
    UErrorCode status = U_ZERO_ERROR;
    handle_.reset(uregex_clone(other.handle_.get(), &status));
    throw_on_failure(status);
  }
  regex(regex&&) = default;
  regex& operator=(regex other) noexcept {
    handle_ = std::move(other.handle_);
    return *this;
  }
  ~regex() = default;

  /// Calls `visit(begin, end)`, in UTF-16 units, for each match in turn, until it returns false.
  /// \param text       must stay where it is meanwhile
  /// \param unfinished it goes on, nobody knows how: the first match that this could change, and
  /// all
  ///                   after it, are left out
  /// \returns whether the text was gone through to its end, with no match left out
  template <class Visit>
  bool for_each_match(std::u16string_view text, bool unfinished, Visit&& visit) {
    UErrorCode status = U_ZERO_ERROR;
    uregex_setText(handle_.get(), text.data(), static_cast<std::int32_t>(text.size()), &status);
    uregex_setTimeLimit(handle_.get(), time_limit(text.size()), &status);
    while (uregex_findNext(handle_.get(), &status)) {
      // ICU says so of a match, and of all after one, that looked at where the text ends.
      if (unfinished && uregex_hitEnd(handle_.get(), &status)) return false;
      const std::int32_t begin = uregex_start(handle_.get(), 0, &status);
      const std::int32_t end = uregex_end(handle_.get(), 0, &status);
      if (!visit(static_cast<std::size_t>(begin), static_cast<std::size_t>(end))) return false;
    }
    throw_on_failure(status);
    return !unfinished;
  }

 private:
  struct close {
    void operator()(URegularExpression* handle) const { uregex_close(handle); }
  };

  regex(std::string_view pattern, std::uint32_t flags, const std::string& where) {
    const std::u16string wide = to_utf16(pattern);
    UErrorCode status = U_ZERO_ERROR;
    UParseError place{};
    handle_.reset(
        uregex_open(wide.data(), static_cast<std::int32_t>(wide.size()), flags, &place, &status));
    if (U_FAILURE(status))
      throw format_error(where, "a regular expression",
                         in_quotes(pattern) + " (" + u_errorName(status) + ")");
    // Long runs of blanks may need more than the default 8 MB for backtracking.
    uregex_setStackLimit(handle_.get(), 0, &status);
    throw_on_failure(status);
  }

  /// ICU walks back without an end through some expressions ("(?:a?)+?b") and in exponential time
  /// through others. Quadratic time is let be: 2 n^2 + 10^4 n + 10^7 steps, counted by ten
  /// thousands.
  static std::int32_t time_limit(std::size_t size) {
    const auto n = static_cast<double>(size);
    const double limit = 1000 + n + n * n / 5000;
    constexpr auto largest = (std::numeric_limits<std::int32_t>::max)();
    return limit < largest ? static_cast<std::int32_t>(limit) : largest;
  }

  static void throw_on_failure(UErrorCode status) {
    if (U_FAILURE(status)) throw error(std::string("regular expression: ") + u_errorName(status));
  }

  std::unique_ptr<URegularExpression, close> handle_;
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
