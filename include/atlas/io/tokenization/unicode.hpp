// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// UTF-8 to UTF-16 and back (ICU works on the latter), and character classes.

#include <unicode/uchar.h>
#include <unicode/utf16.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// The version of Unicode of the ICU that runs, such as "15.0". What is a letter, a digit or a mark
/// to a tokenizer's patterns, and what is lower case, is so by this version; a character that came
/// later is none of them. (Normal forms are those of Unicode 9.0 with every ICU.)
[[nodiscard]] inline std::string unicode_version() {
  UVersionInfo version;
  u_getUnicodeVersion(version);
  return std::to_string(version[0]) + "." + std::to_string(version[1]);
}

namespace detail {

/// \param text well-formed UTF-8
inline std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int following = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    std::uint32_t point = following == 0 ? lead : lead & (0x3FU >> following);
    for (int k = 0; k < following; ++k)
      point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3FU);
    if (point < 0x10000) {
      out += static_cast<char16_t>(point);
    } else {
      out += static_cast<char16_t>(U16_LEAD(point));
      out += static_cast<char16_t>(U16_TRAIL(point));
    }
  }
  return out;
}

inline void append_utf8(std::uint32_t point, std::string& out) {
  const auto put = [&](std::uint32_t byte) {
    out += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
  } else {
    if (point < 0x10000) {
      put(0xE0 | point >> 12);
    } else {
      put(0xF0 | point >> 18);
      put(0x80 | (point >> 12 & 0x3F));
    }
    put(0x80 | (point >> 6 & 0x3F));
  }
  put(0x80 | (point & 0x3F));
}

/// Replaces the contents of `out` by the UTF-8 of `text`, which is well-formed UTF-16.
inline void to_utf8(std::u16string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint32_t point = text[i];
    if (U16_IS_LEAD(point) && i + 1 < text.size()) {
      const std::uint32_t trail = text[++i];
      point = (point << 10) + trail - ((0xD800U << 10) + 0xDC00U - 0x10000U);
    }
    append_utf8(point, out);
  }
}

/// The character that ends before, or begins at, a place inside the text.
inline UChar32 character_before(std::u16string_view text, std::size_t at) {
  const UChar32 last = text[at - 1];
  if (!U16_IS_TRAIL(last) || at < 2) return last;
  return U16_GET_SUPPLEMENTARY(text[at - 2], last);
}
inline UChar32 character_at(std::u16string_view text, std::size_t at) {
  const UChar32 first = text[at];
  if (!U16_IS_LEAD(first) || at + 1 >= text.size()) return first;
  return U16_GET_SUPPLEMENTARY(first, text[at + 1]);
}

/// Whether the text is a single character.
inline bool is_one_character(std::u16string_view text) {
  return !text.empty() && text.size() == (character_at(text, 0) > 0xFFFF ? 2U : 1U);
}

inline bool is_space(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_WHITE_SPACE) != 0;
}

/// Part of a word as Unicode's recommendation for regular expressions has it.
inline bool is_word(UChar32 c) {
  constexpr std::uint32_t categories =
      U_GC_MN_MASK | U_GC_MC_MASK | U_GC_ME_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) ||
         (U_GET_GC_MASK(c) & categories) != 0;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
