// SPDX-License-Identifier: MIT
#include "atlas/io/tokenization/utf8.hpp"

#include <string>

#include "../catch.hpp"

using atlas::io::first_malformed_utf8;
using atlas::io::replace_malformed_utf8;

TEST_CASE("well-formed UTF-8 passes", "[io][utf8]") {
  for (const std::string text :
       {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK_FALSE(first_malformed_utf8(text));
    CHECK(replace_malformed_utf8(text) == text);
  }
}

TEST_CASE("the first malformed byte is found", "[io][utf8]") {
  const std::string bad[] = {"\x80",
                             "\xC0\x80",
                             "\xC1\xBF",
                             "\xC2",
                             "\xC2z",
                             "\xE0\x9F\xBF",
                             "\xED\xA0\x80",
                             "\xE1\x80",
                             "\xE1\x80z",
                             "\xF0\x8F\xBF\xBF",
                             "\xF4\x90\x80\x80",
                             "\xF1\x80\x80",
                             "\xF1\x80\x80z",
                             "\xF5\x80\x80\x80",
                             "\xFE",
                             "\xFF"};
  for (const std::string& text : bad) {
    CHECK(first_malformed_utf8(text) == std::size_t{0});
    CHECK(first_malformed_utf8("\xC3\xA9" + text) == std::size_t{2});
  }
}

TEST_CASE("malformed stretches are replaced as far as a character could have gone", "[io][utf8]") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(replace_malformed_utf8("a\xF0\x9F\x98z") == "a" + mark + "z");
  CHECK(replace_malformed_utf8("\xED\xA0\x80") == mark + mark + mark);
  CHECK(replace_malformed_utf8("\xE2\x82") == mark);
  CHECK(replace_malformed_utf8("\xC3\xC3\xA9") == mark + "\xC3\xA9");
}
