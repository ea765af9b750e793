// SPDX-License-Identifier: MIT
// Tokenizers of SentencePiece's kind, against the Python package `tokenizers`.
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/tokenizer.hpp"
#include "files_for_tests.hpp"

namespace sentencepiece_tests {

using atlas::format_error;
using atlas::value_error;
using atlas::io::tokenizer;
using ids = std::vector<atlas::index_t>;
using json = nlohmann::json;

namespace {

std::filesystem::path file(const std::string& name) {
  return std::filesystem::path(ATLAS_TEST_DATA) / "tokenizers" / (name + ".json");
}

json golden_file(const std::string& name) {
  return json::parse(atlas::io::read_text(file(name)));
}

const json& golden() {
  static const json all = golden_file("sentencepiece");
  return all;
}

tokenizer tokenizer_of(const json& fields) {
  return tokenizer::from_text(fields.dump(), "edited.json");
}

/// Byte pair encoding as its definition has it: among all neighbours the pair that was learned
/// first is merged, until none is known. Quadratic.
std::vector<std::string> merged_by_definition(std::vector<std::string> tokens, const json& merges) {
  std::map<std::pair<std::string, std::string>, std::size_t> ranks;
  for (std::size_t i = 0; i < merges.size(); ++i) ranks[{merges[i][0], merges[i][1]}] = i;
  for (;;) {
    std::size_t best = merges.size(), place = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = ranks.find({tokens[i], tokens[i + 1]});
      if (found != ranks.end() && found->second < best) {
        best = found->second;
        place = i;
      }
    }
    if (best == merges.size()) return tokens;
    tokens[place] += tokens[place + 1];
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

}  // namespace

TEST_CASE("ids and texts of the Python package, for files after Llama 2, Mistral and Gemma",
          "[io][tokenizer]") {
  for (const char* name : {"llama2", "mistral", "gemma", "metaspace"}) {
    const tokenizer tokens = tokenizer::open(file(name));
    const json& expected = golden()[name];
    REQUIRE(expected["ids"].size() == golden()["texts"].size());
    for (std::size_t i = 0; i < golden()["texts"].size(); ++i) {
      INFO(name << ": " << golden()["texts"][i].dump());
      const ids found = tokens.encode(golden()["texts"][i].get<std::string>());
      CHECK(found == expected["ids"][i].get<ids>());
      CHECK(tokens.decode(found) == expected["decoded"][i].get<std::string>());
    }
  }
}

TEST_CASE("ids and texts of the Python package, for steps and options of all kinds",
          "[io][tokenizer]") {
  REQUIRE(golden()["rows"].size() > 100);
  for (const json& row : golden()["rows"]) {
    INFO(row.dump());
    json fields = golden()["base"];
    fields["normalizer"] = row[0];
    fields["pre_tokenizer"] = row[1];
    fields["decoder"] = row[2];
    fields["model"].update(row[3]);
    const tokenizer tokens = tokenizer_of(fields);
    const ids found = tokens.encode(row[4].get<std::string>());
    CHECK(found == row[5].get<ids>());
    CHECK(tokens.decode(found) == row[6].get<std::string>());
  }
}

TEST_CASE("merges may be pairs or texts with a space", "[io][tokenizer]") {
  json fields = golden_file("llama2");
  for (json& merge : fields["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const tokenizer tokens = tokenizer_of(fields);
  for (std::size_t i = 0; i < golden()["texts"].size(); ++i)
    CHECK(tokens.encode(golden()["texts"][i].get<std::string>()) ==
          golden()["llama2"]["ids"][i].get<ids>());
}

TEST_CASE("a token of no characters changes nothing", "[io][tokenizer]") {
  json fields = golden_file("llama2");
  fields["model"]["vocab"][""] = fields["model"]["vocab"].size();
  for (const json& pair : {json{"", ""}, json{"", "a"}, json{"a", ""}})
    fields["model"]["merges"].push_back(pair);
  const tokenizer tokens = tokenizer_of(fields);
  for (std::size_t i = 0; i < golden()["texts"].size(); ++i)
    CHECK(tokens.encode(golden()["texts"][i].get<std::string>()) ==
          golden()["llama2"]["ids"][i].get<ids>());
}

TEST_CASE("a text that is one piece is merged as its definition has it", "[io][tokenizer]") {
  const json fields = golden_file("llama2");
  std::string text =
      atlas::io::read_text(std::filesystem::path(ATLAS_EXAMPLE_DATA) / "moby-dick.txt")
          .substr(0, 1500);
  std::erase_if(text, [](char c) { return (c & 0x80) != 0; });
  std::vector<std::string> symbols = {"\xE2\x96\x81"};
  for (const char c : text) {
    const std::string symbol = c == ' ' ? "\xE2\x96\x81" : std::string(1, c);
    symbols.push_back(fields["model"]["vocab"].contains(symbol) ? symbol : "<0x0A>");
    REQUIRE((symbols.back() == symbol || c == '\n'));
  }
  ids expected;
  for (const std::string& token : merged_by_definition(symbols, fields["model"]["merges"]))
    expected.push_back(fields["model"]["vocab"][token].get<atlas::index_t>());
  CHECK(tokenizer_of(fields).encode(text) == expected);
}

TEST_CASE("a word of a million characters", "[io][tokenizer]") {
#ifdef _GLIBCXX_DEBUG  // looks at the whole heap of pairs at each of its steps
  constexpr std::ptrdiff_t length = 4000;
#else
  constexpr std::ptrdiff_t length = 1'000'000;
#endif
  const std::string word(static_cast<std::size_t>(length), 'a');
  json fields = golden_file("mistral");
  std::string run = "a";
  for (int doubling = 0; doubling < 3; ++doubling) {  // "aa", "aaaa" and "aaaaaaaa"
    fields["model"]["merges"].push_back({run, run});
    run += run;
    json& vocabulary = fields["model"]["vocab"];
    if (!vocabulary.contains(run)) vocabulary[run] = vocabulary.size();
  }
  const tokenizer tokens = tokenizer_of(fields);
  const ids found = tokens.encode(word);
  const auto longest = fields["model"]["vocab"][run].get<atlas::index_t>();
  // The mark before the text takes the first letter along, and the last seven are too few.
  CHECK(std::count(found.begin(), found.end(), longest) == length / 8 - 1);
  CHECK(tokens.decode(found) == word);
}

TEST_CASE("one tokenizer of SentencePiece's kind in many threads", "[io][tokenizer]") {
  const tokenizer tokens = tokenizer::open(file("llama2"));
  const std::string text = "Call me Ishmael. Some years ago - never mind how long precisely";
  const ids expected = tokens.encode(text);
  std::vector<char> same(4);
  std::vector<std::thread> threads;
  for (char& slot : same)
    threads.emplace_back([&] {
      slot = 1;
      for (int i = 0; i < 20; ++i)
        if (tokens.encode(text) != expected || tokens.decode(expected) != text) slot = 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(same == std::vector<char>(4, 1));
}

TEST_CASE("what a file of SentencePiece's kind may not have is refused by name",
          "[io][tokenizer]") {
  const json good = golden_file("mistral");
  const auto refused = [&](const char* pointer, const json& value, const std::string& part,
                           const std::string& other) {
    json fields = good;
    fields[json::json_pointer(pointer)] = value;
    INFO(pointer << " " << value.dump());
    CHECK_REFUSED(format_error, tokenizer_of(fields), part, other);
    CHECK_REFUSED(format_error, tokenizer_of(fields), "edited.json", "expected");
  };
  json unigram = {{"normalizer", {{"type", "Precompiled"}}},
                  {"model", {{"type", "Unigram"}, {"vocab", {{"a", -1.5}}}}}};
  CHECK_REFUSED(format_error, tokenizer_of(unigram), "model: expected type \"BPE\"", "\"Unigram\"");
  refused("/model/unk_token", "<none>", "an unk_token of the vocabulary", "\"<none>\"");
  refused("/model/unk_token", 3, "unk_token", "number");
  refused("/model/byte_fallback", "yes", "byte_fallback", "string");
  refused("/model/fuse_unk", 1, "fuse_unk", "number");
  refused("/model/dropout", 0.5, "dropout", "0.5");

  const auto metaspace = [&](const char* key, const json& value) {
    json step = {{"type", "Metaspace"}, {"replacement", "_"}};
    step[key] = value;
    return step;
  };
  for (const char* place : {"/pre_tokenizer", "/decoder"}) {
    const std::string named = std::string(place).substr(1) + ": Metaspace";
    refused(place, {{"type", "Metaspace"}}, named, "\"replacement\"");
    refused(place, metaspace("replacement", "__"), named, "one character, got \"__\"");
    refused(place, metaspace("replacement", ""), named, "one character, got \"\"");
    refused(place, metaspace("prepend_scheme", "First"), named, "\"First\"");
    refused(place, metaspace("prepend_scheme", nullptr), named, "null");
    refused(place, metaspace("split", 1), named, "number");
    refused(place, metaspace("add_prefix_space", false), named, "none, which is \"always\"");
  }
  json contradiction = metaspace("add_prefix_space", false);
  contradiction["prepend_scheme"] = "first";
  refused("/pre_tokenizer", contradiction, "add_prefix_space is false", "got \"first\"");
  refused("/pre_tokenizer/type", "Whitespace", "Metaspace", "\"Whitespace\"");
  refused("/normalizer", {{"type", "ByteLevel"}}, "without ByteLevel", "one with it");
  refused("/normalizer", {{"type", "NFKC"}}, "prepend_scheme always or never", "\"first\"");
  refused("/normalizer", {{"type", "Replace"}, {"pattern", {{"String", "ab"}}}, {"content", ""}},
          "prepend_scheme always or never", "\"first\"");
  refused("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "a"}}}, {"content", ""}},
          "prepend_scheme always or never", "\"first\"");

  refused("/normalizer", {{"type", "Prepend"}}, "normalizer", "\"prepend\"");
  refused("/normalizer", {{"type", "Replace"}, {"content", ""}}, "Replace", "\"pattern\"");
  refused("/normalizer", {{"type", "Replace"}, {"pattern", {{"String", "a"}}}}, "Replace",
          "\"content\"");
  refused("/normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", ""}},
          "Replace", "an empty one");
  refused("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "("}}}, {"content", ""}},
          "Replace", "regular expression");
  refused("/normalizer", {{"type", "Precompiled"}}, "normalizer", "\"Precompiled\"");

  refused("/decoder/decoders", 3, "decoder", "number");
  refused("/decoder/decoders/0/content", 3, "decoder: Replace", "number");
  refused("/decoder/decoders/3/content", "  ", "decoder: Strip", "one character, got \"  \"");
  refused("/decoder/decoders/3/start", -1, "decoder: Strip", "\"start\" to be a whole number");
  refused("/decoder/decoders/3/stop", 0.5, "decoder: Strip", "\"stop\" to be a whole number");
  refused("/decoder/decoders/3", {{"type", "Strip"}, {"content", " "}, {"start", 1}},
          "decoder: Strip", "\"stop\"");

  json nothing = good;
  nothing["pre_tokenizer"] = nullptr;
  nothing["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "[<s>]"}}}, {"content", ""}};
  nothing["added_tokens"][1]["normalized"] = true;
  CHECK_REFUSED(format_error, tokenizer_of(nothing), "added_tokens \"<s>\"",
                "content that the normalizer leaves");
}

TEST_CASE("a decoder that is not supported is refused when it is used", "[io][tokenizer]") {
  json fields = golden_file("mistral");
  fields["decoder"]["decoders"][1]["type"] = "WordPiece";
  const tokenizer tokens = tokenizer_of(fields);
  CHECK(tokens.encode("Hello world") == golden()["mistral"]["ids"][3].get<ids>());
  CHECK_REFUSED(format_error, tokens.decode(ids{5}), "edited.json: decoder", "\"WordPiece\"");
  CHECK_REFUSED(value_error, tokenizer::open(file("mistral")).decode(ids{560}), "ids", "560");
}

TEST_CASE("a normalizer that makes a text too long is an error", "[io][tokenizer]") {
  json fields = golden_file("gemma");
  fields["normalizer"]["content"] = std::string(100'000, 'a');
  const tokenizer tokens = tokenizer_of(fields);
  CHECK_REFUSED(value_error, tokens.encode(std::string(1200, ' ')), "text",
                "at most 119304647 units");
  CHECK(tokens.encode(" ").size() > 10'000);
}

}  // namespace sentencepiece_tests
