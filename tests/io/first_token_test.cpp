// SPDX-License-Identifier: MIT
#include "atlas/io/first_token.hpp"

#include <optional>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/model.hpp"
#include "atlas/io/tokens.hpp"
#include "files_for_tests.hpp"

using namespace atlas_test;
using atlas::format_error;
using json = nlohmann::json;
namespace io = atlas::io;

namespace {

/// A file after Llama 2, of another post-processor.
io::tokenizer with_post_processor(const json& post_processor) {
  json fields =
      json::parse(io::read_text(std::string(ATLAS_TEST_DATA) + "/tokenizers/llama2.json"));
  fields["post_processor"] = post_processor;
  return io::tokenizer::from_text(fields.dump(), "edited.json");
}

/// Pieces before the text, and one after it.
json pieces(const std::vector<std::string>& before) {
  json out = json::array();
  for (const std::string& name : before)
    out.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
  out.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  out.push_back({{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}});
  return out;
}

/// As the Python package writes it.
json template_of(const std::vector<std::string>& before) {
  const auto special = [](const char* name, int id) {
    return json{{"id", name}, {"ids", {id}}, {"tokens", {name}}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", pieces(before)},
          {"pair", pieces(before)},
          {"special_tokens", {{"<s>", special("<s>", 1)}, {"</s>", special("</s>", 2)}}}};
}

json sequence(const std::vector<json>& parts) {
  return {{"type", "Sequence"}, {"processors", parts}};
}

const json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
const json roberta = {{"type", "RobertaProcessing"}, {"sep", {"</s>", 2}}, {"cls", {"<s>", 1}}};

}  // namespace

TEST_CASE("the token before a text is the post-processor's", "[io][tokenizer]") {
  const auto first = [](const json& post_processor) {
    return with_post_processor(post_processor).first_token();
  };
  CHECK(first(nullptr) == std::nullopt);
  CHECK(first(byte_level) == std::nullopt);
  CHECK(first(template_of({})) == std::nullopt);
  CHECK(first(template_of({"<s>"})) == 1);
  CHECK(first(sequence({byte_level, template_of({"<s>"})})) == 1);
  CHECK(first(sequence({})) == std::nullopt);
  CHECK(first(roberta) == 1);
  CHECK(with_post_processor(template_of({"<s>"})).encode("a").front() != 1);
}

TEST_CASE("the token before a text is that of the Python package", "[io][tokenizer]") {
  const json golden =
      json::parse(io::read_text(std::string(ATLAS_TEST_DATA) + "/tokenizers/sentencepiece.json"));
  REQUIRE(golden["beginnings"].size() == 8);
  for (const json& row : golden["beginnings"]) {
    INFO(row.dump());
    const auto first = with_post_processor(row[0]).first_token();
    const auto expected = row[1].get<std::vector<atlas::index_t>>();
    CHECK(std::vector<atlas::index_t>(first ? 1 : 0, first.value_or(0)) == expected);
  }
}

TEST_CASE("tokenizer_config.json decides on the token before a text", "[io][tokenizer]") {
  const io::tokenizer with = with_post_processor(template_of({"<s>"})),
                      without = with_post_processor(nullptr);
  const auto first = [](const io::tokenizer& words, const char* config) {
    return io::first_token(words, config, "c.json");
  };
  for (const char* silent : {"{}", R"({"add_bos_token": null, "bos_token": "</s>"})"}) {
    CHECK(first(with, silent) == 1);
    CHECK(first(without, silent) == std::nullopt);
  }
  for (const io::tokenizer* words : {&with, &without}) {
    CHECK(first(*words, R"({"add_bos_token": false, "bos_token": "<s>"})") == std::nullopt);
    CHECK(first(*words, R"({"add_bos_token": true, "bos_token": "</s>"})") == 2);
    CHECK(first(*words, R"({"add_bos_token": true, "bos_token": {"content": "</s>"}})") == 2);
    CHECK(first(*words, R"({"add_bos_token": true, "bos_token": "a"})") == words->id_of("a"));
  }
  const temporary_folder folder;
  CHECK(io::open_first_token(folder.path(), with) == 1);
  folder.write("tokenizer_config.json", R"({"add_bos_token": false})");
  CHECK(io::open_first_token(folder.path(), with) == std::nullopt);
  folder.write("tokenizer_config.json", "[");
  CHECK_REFUSED(format_error, (void)io::open_first_token(folder.path(), with),
                "tokenizer_config.json", "JSON");
}

TEST_CASE("what does not say how a text begins is refused by name", "[io][tokenizer]") {
  const auto refused = [](const json& post_processor, const std::string& part,
                          const std::string& other) {
    INFO(post_processor.dump());
    const io::tokenizer words = with_post_processor(post_processor);  // reads it all the same
    CHECK_REFUSED(format_error, (void)words.first_token(), "edited.json: post_processor",
                  "expected");
    CHECK_REFUSED(format_error, (void)words.first_token(), part, other);
  };
  const auto changed = [](const json& good, const char* pointer, const json& value) {
    json fields = good;
    fields[json::json_pointer(pointer)] = value;
    return fields;
  };
  const json good = template_of({"<s>"});
  refused(3, "an object", "number");
  refused({{"type", "Odd"}}, "a Sequence", "\"Odd\"");
  refused(sequence({{{"type", "Odd"}}}), "a Sequence", "\"Odd\"");
  refused({{"type", "Sequence"}}, "\"processors\"", "none");
  refused(changed(sequence({}), "/processors", 1), "an array", "number");
  refused(template_of({"<s>", "</s>"}), "one token before a text", "got 2");
  refused(sequence({good, roberta}), "one token before a text", "got 2");
  refused(template_of({"<none>"}), "special_tokens", "\"<none>\"");
  refused(changed(good, "/single", 1), "single", "number");
  refused(changed(good, "/single", json::array()), "single", "a Sequence, got none");
  refused(changed(good, "/single/0", {{"Odd", 1}}), "single", "\"SpecialToken\"");
  refused(changed(good, "/single/0/SpecialToken", {{"type_id", 0}}), "single", "\"id\"");
  refused(changed(good, "/special_tokens", 1), "special_tokens", "number");
  refused(changed(good, "/special_tokens/<s>/ids", 1), "\"<s>\"", "an array of ids, got number");
  refused(changed(good, "/special_tokens/<s>/ids/0", -1), "\"<s>\"", "an id of 32 bits, got \"-1");
  refused(changed(good, "/special_tokens/<s>/ids/0", 600), "a token of the vocabulary", "600");
  refused(changed(roberta, "/cls", {"<s>"}), "cls", "a token and its id");
  refused(changed(roberta, "/cls/1", "1"), "cls", "an id of 32 bits");
  refused(changed(roberta, "/cls/1", std::uint64_t{1} << 32), "cls", "4294967296");

  const io::tokenizer words = with_post_processor(nullptr);
  const auto config = [&](const char* text, const std::string& part, const std::string& other) {
    CHECK_REFUSED(format_error, (void)io::first_token(words, text, "c.json"), part, other);
    CHECK_REFUSED(format_error, (void)io::first_token(words, text, "c.json"), "c.json", "expected");
  };
  config("[]", "an object", "array");
  config(R"({"add_bos_token": 1})", "add_bos_token", "number");
  config(R"({"add_bos_token": true})", "\"bos_token\"", "none");
  config(R"({"add_bos_token": true, "bos_token": null})", "bos_token", "null");
  config(R"({"add_bos_token": true, "bos_token": {"content": 1}})", "bos_token", "number");
  config(R"({"add_bos_token": true, "bos_token": "<none>"})", "a token of the vocabulary",
         "\"<none>\"");
}

TEST_CASE("blocks begin with a token that is put before them", "[io]") {
  const std::vector<int> ids = {0, 10, 20, 30, 40, 50, 60};
  const auto blocks = io::token_blocks(ids, 0, 4, 99);
  CHECK(blocks.extents() == atlas::shape<2>{2, 4});
  const std::vector<atlas::index_t> expected = {99, 0, 10, 20, 99, 30, 40, 50};
  CHECK(std::vector<atlas::index_t>(blocks.data(), blocks.data() + 8) == expected);
  CHECK_REFUSED(atlas::value_error, io::token_blocks(ids, 3, 4, 99),
                "9 tokens for 3 blocks of 4, the first of each put before them", "got 7");
  CHECK_REFUSED(atlas::value_error, io::token_blocks(ids, 1, 1, 99), "tokens_per_block",
                "from 2 to");
  const io::tokenizer words = with_post_processor(nullptr);
  const auto text = io::text_blocks(words, "Call me Ishmael.", 1, 4, 1);
  const auto plain = words.encode("Call me Ishmael.");
  CHECK(text(0, 0) == 1);
  for (atlas::index_t i = 0; i < 3; ++i)
    CHECK(text(0, i + 1) == plain[static_cast<std::size_t>(i)]);
}
