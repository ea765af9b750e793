// SPDX-License-Identifier: MIT
#include "plain_text.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "atlas/io/tokenization/utf8.hpp"

namespace atlas_program {

namespace {

bool is_hidden(UChar32 c) {
  if (c == u'\t' || c == u'\n') return false;
  return u_charType(c) == U_CONTROL_CHAR || u_hasBinaryProperty(c, UCHAR_BIDI_CONTROL) != 0 ||
         c == 0x2028 || c == 0x2029;
}

}  // namespace

std::string plain_text(const std::string& text) {
  const std::string whole = atlas::io::replace_malformed_utf8(text);
  std::string out;
  out.reserve(whole.size());
  for (std::size_t at = 0; at < whole.size();) {
    UChar32 c = 0;
    U8_NEXT_UNSAFE(whole.data(), at, c);
    char bytes[U8_MAX_LENGTH];
    std::size_t size = 0;
    U8_APPEND_UNSAFE(bytes, size, is_hidden(c) ? 0xFFFD : c);
    out.append(bytes, size);
  }
  return out;
}

}  // namespace atlas_program
