// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The alphabet of byte-level tokenizers: a printable character for each byte. Bytes that are
/// printable in Latin-1 stand for themselves, the others for U+0100 onwards in their order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "atlas/io/tokenization/unicode.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

/// Byte to character.
constexpr std::array<char16_t, 256> make_byte_alphabet() {
  std::array<char16_t, 256> characters{};
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte)
    characters[byte] = static_cast<char16_t>(stands_for_itself(byte) ? byte : next++);
  return characters;
}
inline constexpr std::array<char16_t, 256> byte_alphabet = make_byte_alphabet();

/// Character to byte; -1: not in the alphabet.
constexpr std::array<int, 0x144> make_byte_lookup() {
  std::array<int, 0x144> bytes{};
  for (int& byte : bytes) byte = -1;
  for (int byte = 0; byte < 256; ++byte)
    bytes[byte_alphabet[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}
inline constexpr std::array<int, 0x144> byte_lookup = make_byte_lookup();

/// Writes the bytes that a text in the alphabet stands for.
/// \returns whether all its characters belong to it
inline bool bytes_of_text(std::u16string_view text, std::string& bytes) {
  bytes.clear();
  for (const char16_t c : text) {
    if (c >= byte_lookup.size() || byte_lookup[c] < 0) return false;
    bytes += static_cast<char>(static_cast<unsigned char>(byte_lookup[c]));
  }
  return true;
}

/// The bytes that a token stands for; none when it has a character outside the alphabet.
/// \param token well-formed UTF-8
inline std::optional<std::string> bytes_of_token(std::string_view token) {
  std::string bytes;
  if (!bytes_of_text(to_utf16(token), bytes)) return std::nullopt;
  return bytes;
}

/// The text's bytes of UTF-8, each as its character.
///
/// \param text well-formed UTF-16
inline std::u16string in_byte_alphabet(std::u16string_view text) {
  std::string bytes;
  to_utf8(text, bytes);
  std::u16string characters;
  characters.reserve(bytes.size());
  for (const char c : bytes) characters += byte_alphabet[static_cast<unsigned char>(c)];
  return characters;
}

/// The token, in UTF-8, of a single byte.
inline std::string token_of_byte(unsigned char byte) {
  std::string token;
  append_utf8(byte_alphabet[byte], token);
  return token;
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
