// SPDX-License-Identifier: MIT
#include "atlas/io/tokenization/gguf_tokenizer.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/model.hpp"
#include "files_for_tests.hpp"
#include "gguf_for_tests.hpp"

namespace gguf_tokenizer_tests {

using namespace atlas_test;
namespace io = atlas::io;
using token_ids = std::vector<atlas::index_t>;

namespace {

io::tokenizer tokenizer_of(const gguf_for_tests& file) {
  const std::string bytes = file.bytes();
  return io::read_gguf_tokenizer(io::gguf::from_memory(bytes_of(bytes), "x.gguf"));
}

void tokenizer_refused(const gguf_for_tests& file, const char* part, const char* other) {
  CHECK_REFUSED(atlas::format_error, tokenizer_of(file), part, other);
}
template <class Change>
void tokenizer_refused_after(const char* part, const char* other, Change&& change) {
  gguf_for_tests file = copy_of(gguf_data("llama.gguf"));
  change(file);
  tokenizer_refused(file, part, other);
}
void tokenizer_refused_with(const char* key, const std::string& value, const char* other) {
  tokenizer_refused_after(key, other, [&](gguf_for_tests& file) { file.key(key) = value; });
}

/// The tokenizer of a `tokenizer.json` as a GGUF file has it.
gguf_for_tests tokenizer_file(const nlohmann::json& fields, const std::string& pre) {
  std::vector<std::string> tokens(fields["model"]["vocab"].size() + fields["added_tokens"].size());
  std::vector<std::int32_t> kinds(tokens.size(), 1);
  for (const auto& [token, id] : fields["model"]["vocab"].items())
    tokens[id.get<std::size_t>()] = token;
  for (const auto& token : fields["added_tokens"]) {
    tokens[token["id"].get<std::size_t>()] = token["content"];
    kinds[token["id"].get<std::size_t>()] = token["special"].get<bool>() ? 3 : 4;
  }
  std::vector<std::string> merges;
  for (const auto& merge : fields["model"]["merges"])
    merges.push_back(merge.is_string()
                         ? merge.get<std::string>()
                         : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  gguf_for_tests file;
  file.key("tokenizer.ggml.model") = gguf_text("gpt2");
  file.key("tokenizer.ggml.pre") = gguf_text(pre);
  file.key("tokenizer.ggml.add_bos_token") = gguf_flag(0);
  file.key("tokenizer.ggml.tokens") = gguf_texts(tokens);
  file.key("tokenizer.ggml.token_type") = gguf_i32s(kinds);
  file.key("tokenizer.ggml.merges") = gguf_texts(merges);
  return file;
}

nlohmann::json parsed(const std::filesystem::path& path) {
  return nlohmann::json::parse(io::read_text(path));
}

}  // namespace

TEST_CASE("pre-tokenizers of GGUF files cut as the Python package does by llama.cpp's patterns",
          "[io][gguf][tokenizer]") {
  const auto golden = parsed(gguf_data("pre_tokenizers.json"));
  for (const auto& [name, pieces] : golden["pieces"].items()) {
    INFO(name);
    const auto* rules = io::detail::find_gguf_pre_tokenizer(name);
    REQUIRE(rules);
    auto cut = io::detail::pre_tokenizer<>::from_json(io::detail::pre_tokenizer_json(*rules), false,
                                                      "x.gguf");
    REQUIRE(pieces.size() == golden["texts"].size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const auto text = golden["texts"][i].get<std::string>();
      INFO(text);
      std::vector<std::size_t> lengths;
      cut.split(io::detail::to_utf16(text), 0, false, [&](std::u16string_view piece, bool) {
        lengths.push_back(piece.size());
        return true;
      });
      CHECK(lengths == pieces[i].get<std::vector<std::size_t>>());
    }
  }
}

TEST_CASE("the tokenizer of a GGUF file gives the ids of tokenizer.json", "[io][gguf][tokenizer]") {
  const std::filesystem::path data = std::filesystem::path(ATLAS_TEST_DATA) / "tokenizers";
  const auto golden = parsed(data / "golden.json");
  for (const auto& [name, pre] :
       {std::pair{"gpt2", "gpt-2"}, {"llama3", "llama-bpe"}, {"qwen2", "qwen2"}}) {
    INFO(name);
    auto fields = parsed(data / (std::string(name) + ".json"));
    const auto tokens = tokenizer_of(tokenizer_file(fields, pre));
    fields.erase("normalizer");  // of which GGUF files say nothing
    const auto same = io::tokenizer::from_text(fields.dump(), name);
    CHECK(tokens.vocabulary_size() == same.vocabulary_size());
    for (const auto& text : golden["texts"]) {
      INFO(text.dump());
      const token_ids wanted = same.encode(text.get<std::string>());
      CHECK(tokens.encode(text.get<std::string>()) == wanted);
      CHECK(tokens.decode(wanted) == same.decode(wanted));
    }
  }
}

TEST_CASE("the model and the tokenizer of one GGUF file", "[io][gguf][tokenizer]") {
  const auto tokens = io::open_tokenizer(gguf_data("llama.gguf"));
  const auto same = io::open_tokenizer(gguf_data("llama"));
  const std::string text =
      io::read_text(std::filesystem::path(ATLAS_EXAMPLE_DATA) / "addresses.txt").substr(0, 20000) +
      " <|end_of_text|><tool> x<|begin_of_text|>[PAD299]";
  const token_ids wanted = same.encode(text);
  CHECK(tokens.encode(text) == wanted);
  CHECK(tokens.decode(wanted) == text);
  // The row of the model for which there is no token stays without one.
  CHECK(tokens.vocabulary_size() == 299);
  CHECK_REFUSED(atlas::value_error, tokens.decode(token_ids{299}), "ids", "299");
  CHECK(io::open_model(gguf_data("llama.gguf")).tokenizer.encode(text) == wanted);
  // What each puts before a text.
  CHECK(io::open_first_token(gguf_data("llama.gguf"), tokens) == 296);
  CHECK(io::open_first_token(gguf_data("llama"), same) == 296);
}

TEST_CASE("SentencePiece's tokenizers of GGUF files give the ids of llama.cpp",
          "[io][gguf][tokenizer]") {
  const auto golden = parsed(gguf_data("sentencepiece.json"));
  for (const bool prefix : {true, false}) {
    gguf_for_tests file = copy_of(gguf_data("sentencepiece.gguf"));
    file.key("tokenizer.ggml.add_space_prefix") = gguf_flag(prefix);
    const auto tokens = tokenizer_of(file);
    CHECK(tokens.first_token() == 1);
    const auto& wanted = golden[prefix ? "prefix" : "none"];
    REQUIRE(wanted.size() == golden["texts"].size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto text = golden["texts"][i].get<std::string>();
      INFO(prefix << ": " << text);
      CHECK(tokens.encode(text) == wanted[i].get<token_ids>());
    }
  }
}

TEST_CASE("SentencePiece's tokenizers of GGUF files that contradict themselves are refused",
          "[io][gguf][tokenizer]") {
  const auto with = [](const char* key, const std::string& value) {
    gguf_for_tests file = copy_of(gguf_data("sentencepiece.gguf"));
    if (value.empty())
      file.erase_key(key);
    else
      file.key(key) = value;
    return file;
  };
  const auto opened = io::gguf::open(gguf_data("sentencepiece.gguf"));
  const auto count = static_cast<std::size_t>(opened.metadata().at("tokenizer.ggml.tokens").count);
  std::vector<float> scores(count);
  for (std::size_t i = 0; i < count; ++i) scores[i] = -static_cast<float>(i);
  const auto scored = [&](std::size_t at, float score) {
    std::string elements;
    for (std::size_t i = 0; i < count; ++i) elements += little_bytes(i == at ? score : scores[i]);
    return with("tokenizer.ggml.scores", gguf_array(6, count, elements));
  };
  CHECK(tokenizer_of(scored(0, 0)).vocabulary_size() == static_cast<atlas::index_t>(count));
  tokenizer_refused(scored(300, std::nanf("")), "tokenizer.ggml.scores", "nan at index 300");
  // "▁t" and the token after it are made of others.
  const auto id = *tokenizer_of(scored(0, 0)).id_of("▁t");
  tokenizer_refused(scored(static_cast<std::size_t>(id), -static_cast<float>(id + 1)),
                    "tokenizer.ggml.scores", "▁t");
  tokenizer_refused(with("tokenizer.ggml.scores", ""), "tokenizer.ggml.scores", "none");
  tokenizer_refused(with("tokenizer.ggml.scores", gguf_i32s({1})), "tokenizer.ggml.scores",
                    "INT32");
  tokenizer_refused(with("tokenizer.ggml.scores", gguf_array(6, 1, little_bytes(1.0F))),
                    "tokenizer.ggml.scores", "FLOAT32, 1");
  tokenizer_refused(with("tokenizer.ggml.add_space_prefix", gguf_u32(1)), "add_space_prefix",
                    "UINT32");
  tokenizer_refused(with("tokenizer.ggml.remove_extra_whitespaces", gguf_flag(1)),
                    "remove_extra_whitespaces", "true");
  tokenizer_refused(with("tokenizer.ggml.precompiled_charsmap", gguf_array(0, 1, "x")),
                    "precompiled_charsmap", "understood");
  std::vector<std::int32_t> kinds;
  opened.metadata().at("tokenizer.ggml.token_type").for_each([&]<class Kind>(const Kind& kind) {
    if constexpr (std::is_same_v<Kind, std::int64_t>)
      kinds.push_back(static_cast<std::int32_t>(kind));
  });
  const auto of_kind = [&](std::size_t at, std::int32_t kind) {
    auto changed = kinds;
    changed[at] = kind;
    return with("tokenizer.ggml.token_type", gguf_i32s(changed));
  };
  tokenizer_refused(of_kind(3 + 0x1F, 1), "tokenizer.ggml.token_type", "none for <0x1F>");
  tokenizer_refused(of_kind(300, 6), "tokenizer.ggml.token_type", "<0x00> to <0xFF>");
}

TEST_CASE("what a GGUF file puts before a text is in its post-processor", "[io][gguf][tokenizer]") {
  gguf_for_tests file = copy_of(gguf_data("llama.gguf"));
  const auto post_processor = [&] {
    const std::string bytes = file.bytes();
    const auto opened = io::gguf::from_memory(bytes_of(bytes), "x.gguf");
    return io::detail::gguf_tokenizer_json(opened)["post_processor"];
  };
  const auto first = nlohmann::json::parse(R"({"type":"TemplateProcessing",
    "single":[{"SpecialToken":{"id":"<|begin_of_text|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
    "special_tokens":{"<|begin_of_text|>":{"id":"<|begin_of_text|>","ids":[296],
      "tokens":["<|begin_of_text|>"]}}})");
  CHECK(post_processor() == first);
  // As llama.cpp has it for llama-bpe, where the file does not say.
  file.erase_key("tokenizer.ggml.add_bos_token");
  CHECK(post_processor() == first);
  file.key("tokenizer.ggml.pre") = gguf_text("qwen2");
  CHECK(post_processor() == nullptr);
  file.key("tokenizer.ggml.add_bos_token") = gguf_flag(0);
  CHECK(post_processor() == nullptr);
  file.key("tokenizer.ggml.add_bos_token") = gguf_flag(1);
  CHECK(post_processor() == first);
  file.key("tokenizer.ggml.bos_token_id") = gguf_u32(300);
  tokenizer_refused(file, "tokenizer.ggml.bos_token_id", "300 tokens");
  file.erase_key("tokenizer.ggml.bos_token_id");
  tokenizer_refused(file, "tokenizer.ggml.bos_token_id", "none");
  tokenizer_refused_with("tokenizer.ggml.add_bos_token", gguf_u32(1), "UINT32");
}

TEST_CASE("GGUF tokenizers that are not understood are refused by the key",
          "[io][gguf][tokenizer]") {
  tokenizer_refused_with("tokenizer.ggml.model", gguf_text("t5"), "SentencePiece");
  tokenizer_refused_with("tokenizer.ggml.model", gguf_text("bert"), "bert");
  tokenizer_refused_with("tokenizer.ggml.model", gguf_u32(1), "UINT32");
  tokenizer_refused_with("tokenizer.ggml.pre", gguf_text("deepseek-llm"), "deepseek-llm");
  tokenizer_refused_with("tokenizer.ggml.pre", gguf_flag(1), "BOOL");
  tokenizer_refused_after("tokenizer.ggml.pre", "--pre-tokenizer",
                          [](gguf_for_tests& file) { file.erase_key("tokenizer.ggml.pre"); });
  for (const char* key : {"tokenizer.ggml.model", "tokenizer.ggml.tokens",
                          "tokenizer.ggml.token_type", "tokenizer.ggml.merges"})
    tokenizer_refused_after(key, "none", [&](gguf_for_tests& file) { file.erase_key(key); });
  tokenizer_refused_with("tokenizer.ggml.add_space_prefix", gguf_flag(1), "true");
  tokenizer_refused_with("tokenizer.ggml.remove_extra_whitespaces", gguf_flag(1), "true");
  tokenizer_refused_with("tokenizer.ggml.add_space_prefix", gguf_u32(0), "0");
  tokenizer_refused_with("tokenizer.ggml.precompiled_charsmap", gguf_array(0, 1, "x"),
                         "understood");
  tokenizer_refused_with("tokenizer.ggml.token_type_count", gguf_u32(2), "understood");
  gguf_for_tests file = copy_of(gguf_data("llama.gguf"));
  file.key("tokenizer.ggml.add_space_prefix") = gguf_flag(0);
  file.key("tokenizer.ggml.eot_token_id") = gguf_u32(1);
  file.key("tokenizer.chat_template.default") = gguf_text("{{x}}");
  CHECK(tokenizer_of(file).vocabulary_size() == 299);
}

TEST_CASE("inconsistent vocabularies and merges of GGUF files are refused",
          "[io][gguf][tokenizer]") {
  const auto with_tokens = [](std::vector<std::string> tokens, std::vector<std::int32_t> kinds) {
    gguf_for_tests file = copy_of(gguf_data("llama.gguf"));
    file.key("tokenizer.ggml.tokens") = gguf_texts(tokens);
    file.key("tokenizer.ggml.token_type") = gguf_i32s(kinds);
    file.key("tokenizer.ggml.merges") = gguf_texts({});
    file.key("tokenizer.ggml.add_bos_token") = gguf_flag(0);
    return file;
  };
  CHECK(tokenizer_of(with_tokens({"a", "b"}, {1, 3})).encode("aba") == token_ids{0, 1, 0});
  tokenizer_refused(with_tokens({"a", "a"}, {1, 1}), "tokenizer.ggml.tokens",
                    "a second \"a\" at index 1");
  tokenizer_refused(with_tokens({"a", ""}, {1, 1}), "tokenizer.ggml.tokens",
                    "an empty one at index 1");
  tokenizer_refused(with_tokens({"a", "\xff"}, {1, 1}), "tokenizer.ggml.tokens", "UTF-8");
  tokenizer_refused(with_tokens({}, {}), "tokenizer.ggml.tokens", "none");
  tokenizer_refused(with_tokens({"a", "b"}, {1}), "tokenizer.ggml.token_type", "each of 2 tokens");
  for (const std::int32_t kind : {0, 7, -1})
    tokenizer_refused(with_tokens({"a", "b"}, {1, kind}), "tokenizer.ggml.token_type",
                      (std::to_string(kind) + " at index 1").c_str());
  tokenizer_refused(with_tokens({"a", "b"}, {6, 1}), "tokenizer.ggml.token_type", "kind 6");
  tokenizer_refused_with("tokenizer.ggml.tokens", gguf_text("a"), "got STRING");
  tokenizer_refused_with("tokenizer.ggml.tokens", gguf_i32s({1}), "ARRAY of INT32");
  tokenizer_refused_with("tokenizer.ggml.token_type", gguf_u32(1), "no array");
  tokenizer_refused_with("tokenizer.ggml.token_type", gguf_array(7, 300, std::string(300, '\1')),
                         "whole numbers");
  tokenizer_refused_with("tokenizer.ggml.merges", gguf_u32(1), "UINT32");
  tokenizer_refused_with("tokenizer.ggml.merges", gguf_texts({"a \xff"}), "UTF-8");
  const auto merges = [](const std::string& merge, const char* other) {
    tokenizer_refused_after("x.gguf: tokenizer: model: merge 0", other, [&](gguf_for_tests& file) {
      file.key("tokenizer.ggml.merges") = gguf_texts({merge});
    });
  };
  merges("ab", "two tokens");
  merges("a b c", "two tokens");
  merges("a Q~Q", "a right token");
}

}  // namespace gguf_tokenizer_tests
