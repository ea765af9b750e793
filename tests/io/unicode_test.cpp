// SPDX-License-Identifier: MIT
#include <unicode/uchar.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/tokenization/normalizer.hpp"
#include "atlas/io/tokenization/pre_tokenizer.hpp"
#include "atlas/io/tokenizer.hpp"
#include "files_for_tests.hpp"

using atlas::io::tokenizer;
using atlas::io::detail::to_utf16;

namespace {

/// What the Python package makes of patterns, normal forms and the byte alphabet.
const nlohmann::json& unicode_golden() {
  static const auto golden = nlohmann::json::parse(
      atlas::io::read_text(std::filesystem::path(ATLAS_TEST_DATA) / "tokenizers" / "unicode.json"));
  return golden;
}

/// The pieces of a text by `Split` with a pattern.
std::vector<std::string> split_pieces(const nlohmann::json& pattern, const nlohmann::json& behavior,
                                      std::u16string_view text) {
  const nlohmann::json split = {
      {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}};
  auto rules = atlas::io::detail::pre_tokenizer<>::from_json(split, true, "test");
  std::vector<std::string> pieces;
  rules.split(text, 0, false, [&](std::u16string_view piece, bool) {
    pieces.emplace_back();
    atlas::io::detail::to_utf8(piece, pieces.back());
    return true;
  });
  return pieces;
}

/// Whether `Split` takes the character for a match.
bool matches(const char* pattern, std::uint32_t point) {
  std::string text;
  atlas::io::detail::append_utf8(point, text);
  return split_pieces(pattern, "Removed", to_utf16(text)).empty();
}

/// Major and minor version of Unicode in one number.
int version_number(const UVersionInfo& version) {
  return 100 * version[0] + version[1];
}

/// Every character of Unicode 15.0 that this ICU knows too.
std::u16string characters_of_15_0() {
  std::string text;
  for (std::uint32_t point = 0; point < 0x110000; ++point) {
    UVersionInfo age;
    u_charAge(static_cast<UChar32>(point), age);
    const bool surrogate = point >= 0xD800 && point < 0xE000;
    if (age[0] > 0 && version_number(age) <= 1500 && !surrogate)
      atlas::io::detail::append_utf8(point, text);
  }
  return to_utf16(text);
}

}  // namespace

TEST_CASE("which characters a pattern takes, over all of Unicode", "[io][tokenizer]") {
  const std::u16string text = characters_of_15_0();
  for (const auto& [pattern, runs] : unicode_golden()["classes"].items()) {
    std::u16string others;
    for (const std::string& piece : split_pieces(pattern, "Removed", text))
      others += to_utf16(piece);
    // Characters in which the two differ.
    std::vector<UChar32> ours, theirs;
    std::size_t run = 0, other = 0;
    for (std::size_t at = 0; at < text.size();) {
      const UChar32 point = atlas::io::detail::character_at(text, at);
      at += point > 0xFFFF ? 2 : 1;
      while (run < runs.size() && point > runs[run + 1]) run += 2;
      const bool member = run < runs.size() && point >= runs[run];
      const bool found =
          other == others.size() || atlas::io::detail::character_at(others, other) != point;
      if (!found) other += point > 0xFFFF ? 2 : 1;
      if (member && !found) theirs.push_back(point);
      if (found && !member) ours.push_back(point);
    }
    INFO(pattern);
    CHECK(ours == std::vector<UChar32>{});
    CHECK(theirs == std::vector<UChar32>{});
  }
  for (const char* pair : {"\\w\\W", "\\d\\D", "\\s\\S"}) {
    const std::string both = pair, some = both.substr(0, 2), rest = both.substr(2);
    CHECK(split_pieces("[" + some + "]|[" + rest + "]", "Removed", text).empty());
    CHECK(split_pieces(some + "|" + rest, "Removed", text).empty());
    CHECK(split_pieces("(?=" + some + ")" + rest, "Isolated", text).size() == 1);
  }
}

TEST_CASE("where patterns cut, as Oniguruma does", "[io][tokenizer]") {
  for (const auto& row : unicode_golden()["splits"]) {
    INFO(row.dump());
    CHECK(split_pieces(row[0], row[1], to_utf16(row[2].get<std::string>())) ==
          row[3].get<std::vector<std::string>>());
  }
}

TEST_CASE("patterns that ICU would read in another way are refused", "[io][tokenizer]") {
  const auto refused = [](const char* pattern, const std::string& part) {
    INFO(pattern);
    CHECK_REFUSED(atlas::format_error, split_pieces(pattern, "Isolated", u"a"), "Split",
                  part + "\"");
  };
  refused("a{2}?b", "got \"{2}?");  // optional for the one, reluctant for the other
  refused("a{1,2}+", "got \"{1,2}+");
  refused("\\xe9", "got \"\\\\xe9");  // a byte for the one, a character for the other
  refused("[\\xE9]", "got \"\\\\xE9");
  refused("\\p{Pu nct}", "got \"\\\\p{Pu nct}");
  refused("[\\p{X_digit}]", "got \"\\\\p{X_digit}");
  refused("(?i)[\\p{Lu}]", "got \"\\\\p");  // which cases belong to a set
  refused("(?i:[\\w])", "got \"\\\\w");
  refused("(?i)[\xC3\x9F]", "got \"\xC3\x9F");  // "ss" for the one
  refused("(?:(?i:a)|(?i:[\\x{df}]))", "got \"\\\\x");
  refused("(?i)[a&&[a]]", "got \"&&");
  CHECK_NOTHROW(split_pieces("(?i:a)[\\p{Lu}\xC3\x9F]", "Isolated", u"a"));
  CHECK_NOTHROW(split_pieces("a{1,2}?\\x{e9}", "Isolated", u"a"));
}

TEST_CASE("a pattern in which ICU never ends is an error", "[io][tokenizer]") {
  CHECK_REFUSED(atlas::error, split_pieces("(?:s?)+?x", "Isolated", u"sa"), "regular expression",
                "TIME_OUT");
}

TEST_CASE("normal forms are those of Unicode 9, whatever ICU's", "[io][tokenizer]") {
  for (const auto& row : unicode_golden()["normal_forms"]) {
    INFO(row.dump());
    const auto form = atlas::io::detail::normalizer<>::from_json({{"type", row[0]}}, "test");
    CHECK(form(to_utf16(row[1].get<std::string>())) == to_utf16(row[2].get<std::string>()));
  }
}

TEST_CASE("ids depend on the Unicode version of ICU", "[io][tokenizer]") {
  UVersionInfo version;
  u_getUnicodeVersion(version);
  CHECK(atlas::io::unicode_version() ==
        std::to_string(version[0]) + "." + std::to_string(version[1]));
  CHECK(version_number(version) >= 1400);
  // Characters first assigned after 14.0: a letter, an ideograph, a letter and a digit.
  constexpr struct {
    std::uint32_t point;
    int since;
    const char* pattern;
  } rows[] = {{0x11F04, 1500, "\\p{L}"},
              {0x2EBF0, 1501, "\\w"},
              {0x1C89, 1600, "\\p{Lu}"},
              {0x10D40, 1600, "\\d"}};
  for (const auto& row : rows) {
    INFO("U+" << std::hex << row.point);
    CHECK(matches(row.pattern, row.point) == (version_number(version) >= row.since));
    CHECK(matches("[^\\s\\p{L}\\p{N}]", row.point) == (version_number(version) < row.since));
  }
}

TEST_CASE("a normalizer and a decoder of bytes", "[io][tokenizer]") {
  auto fields = nlohmann::json::parse(
      atlas::io::read_text(std::filesystem::path(ATLAS_TEST_DATA) / "tokenizers" / "qwen2.json"));
  fields["decoder"] = {{"type", "Sequence"}, {"decoders", {{{"type", "ByteLevel"}}}}};
  const auto open = [&] { return tokenizer::from_text(fields.dump(), "edited.json"); };
  for (const auto& row : unicode_golden()["byte_level"]) {
    INFO(row.dump());
    fields["normalizer"] = row[1];
    fields["pre_tokenizer"] = row[2];
    const tokenizer tokens = open();
    const auto encoded = tokens.encode(row[3].get<std::string>());
    CHECK(encoded == row[4].get<std::vector<atlas::index_t>>());
    CHECK(tokens.decode(encoded) == row[5].get<std::string>());
  }
  const auto last = unicode_golden()["byte_level"][0];
  fields["normalizer"] = {{"type", "Sequence"},
                          {"normalizers", {{{"type", "ByteLevel"}}, {{"type", "NFKC"}}}}};
  CHECK_REFUSED(atlas::format_error, open(), "normalizer: expected ByteLevel as the last step",
                "\"NFKC\"");

  // Whatever the decoder, texts have ids.
  fields["normalizer"] = last[1];
  fields["pre_tokenizer"] = last[2];
  const auto refused = [&](const nlohmann::json& decoder, const std::string& found) {
    fields["decoder"] = decoder;
    const tokenizer tokens = open();
    const auto encoded = tokens.encode(last[3].get<std::string>());
    CHECK(encoded == last[4].get<std::vector<atlas::index_t>>());
    CHECK_REFUSED(atlas::format_error, tokens.decode(encoded), "edited.json: decoder", found);
  };
  refused({{"type", "WordPiece"}}, "\"WordPiece\"");
  refused(
      {{"type", "Sequence"}, {"decoders", {{{"type", "ByteLevel"}}, {{"type", "ByteFallback"}}}}},
      "\"ByteLevel\", \"ByteFallback\"");
  fields["decoder"] = {{"type", "Sequence"},
                       {"decoders", {{{"type", "ByteLevel"}}, {{"type", "Fuse"}}}}};
  CHECK_NOTHROW(open().decode({}));
  fields["decoder"] = 3;
  CHECK_REFUSED(atlas::format_error, open(), "edited.json: decoder", "number");
}
