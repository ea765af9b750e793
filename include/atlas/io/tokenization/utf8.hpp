// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Well-formed UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// What stands at one place of a text: a whole character, or the bytes that a reader gives up on
/// together (the longest beginning of a character, at least one byte).
struct utf8_unit {
  std::size_t length;
  bool valid;
};

/// How many bytes a character takes that begins with this one; 0: none does.
constexpr std::size_t utf8_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/// The second byte decides on overlong forms, surrogates and what lies beyond the last plane.
constexpr bool utf8_second(unsigned char lead, unsigned char second) {
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high;
}

/// \param at a place inside the text
constexpr utf8_unit utf8_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t length = utf8_length(byte(0));
  if (length <= 1) return {1, length == 1};
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i == text.size()) return {i, false};
    if (i == 1 ? !utf8_second(byte(0), byte(1)) : (byte(i) & 0xC0) != 0x80) return {i, false};
  }
  return {length, true};
}

}  // namespace detail

/// The offset in bytes of the first malformed character; none: the text is well formed.
[[nodiscard]] constexpr std::optional<std::size_t> first_malformed_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const detail::utf8_unit unit = detail::utf8_at(text, i);
    if (!unit.valid) return i;
    i += unit.length;
  }
  return std::nullopt;
}

/// The text with U+FFFD for whatever is malformed, as browsers and Rust do it.
[[nodiscard]] inline std::string replace_malformed_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const detail::utf8_unit unit = detail::utf8_at(text, i);
    out += unit.valid ? text.substr(i, unit.length) : std::string_view("\xEF\xBF\xBD");
    i += unit.length;
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::io
