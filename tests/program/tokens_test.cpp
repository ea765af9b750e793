// SPDX-License-Identifier: MIT
/// \file
/// Tokens from a file in the place of a text.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/npy.hpp"
#include "atlas/io/tokenizer.hpp"
#include "program_for_tests.hpp"

using namespace atlas_test;
namespace io = atlas::io;
namespace fs = std::filesystem;

namespace {

/// The ids of an embedded text by the embedded models' tokenizer.
std::vector<std::int32_t> ids_of(const std::string& text) {
  const auto words =
      io::tokenizer::open(fs::path(ATLAS_EXAMPLE_DATA) / "tiny-gpt2" / "tokenizer.json");
  const auto ids =
      words.encode(io::read_text(fs::path(ATLAS_EXAMPLE_DATA) / (text + ".txt")).substr(0, 60'000));
  return {ids.begin(), ids.end()};
}

template <class T>
std::string written(const temporary_folder& folder, const std::string& name,
                    const std::vector<T>& ids) {
  io::write_npy(folder / name, atlas::tensor_view<const T, 1>(
                                   ids.data(), {static_cast<atlas::index_t>(ids.size())}));
  return quoted(folder / name);
}

/// The result without what was typed and what was read.
nlohmann::json numbers_of(const temporary_folder& folder, const std::string& arguments) {
  const program_run r = run(folder, arguments + " --json -");
  INFO(arguments << "\n" << r.err);
  REQUIRE(r.status == 0);
  nlohmann::json result = r.json();
  result.erase("run");
  for (const char* named : {"text", "tokens", "calibration"}) result["source"].erase(named);
  return result;
}

/// A model's folder without any tokenizer.
std::string bare_model(const temporary_folder& folder) {
  const auto model = folder / "model";
  fs::create_directories(model);
  for (const char* file : {"config.json", "model.safetensors"})
    fs::copy(fs::path(ATLAS_TEST_DATA) / "micro-gpt2" / file, model / file);
  return quoted(model);
}

}  // namespace

TEST_CASE("tokens from a file give what their text gives") {
  const temporary_folder folder;
  const std::string read = written(folder, "read.npy", ids_of("moby-dick"));
  const std::string learned = written(folder, "learned.npy", ids_of("addresses"));
  const std::string small = " --blocks 3 --block-size 48 --deepest 1 ";
  // All of them read by the same few functions; `uncertainty`, which takes seconds, does too.
  const std::vector<std::string> commands = {
      "measure --points 60 --surrogates 0 --perplexity",
      "crystallize --points 60 --calibration-blocks 3 --ranks 1",
      "autoencode --points 90 --calibration-blocks 5 --epochs 1",
      "thermo --permutations 9",
      "quantize --calibration-blocks 2 --bits 3 --methods identity",
      "pareto --bits 3 --steps 2 --rows 16"};
  for (const std::string& command : std::span(commands).first(sanitized ? 3 : commands.size())) {
    CAPTURE(command);
    const auto expected = numbers_of(folder, command + small);
    CHECK(numbers_of(folder, command + small + "--tokens " + read) == expected);
    const bool calibrates = expected["source"].contains("calibration_blocks") ||
                            expected["source"].contains("calibration_points");
    if (calibrates)
      CHECK(numbers_of(folder, command + small + "--calibration-tokens " + learned) == expected);
  }
  const program_run r =
      run(folder, "measure --points 60 --surrogates 0" + small + "--tokens " + read);
  CHECK(has(r.out, "tokens: " + (folder / "read.npy").string()));
}

TEST_CASE("a study takes tokens in the place of texts") {
  const temporary_folder folder;
  const std::string read = written(folder, "read.npy", ids_of("moby-dick"));
  const std::string study =
      "study --model tiny-llama --blocks 5 --block-size 32 --min-context 8 --points 60 "
      "--surrogates 10 --manifold-draws 10 --epochs 0 --json - --quiet --out ";
  const program_run of_text = run(folder, study + quoted(folder / "a") + " --text moby-dick"),
                    of_tokens = run(folder, study + quoted(folder / "b") + " --tokens " + read);
  REQUIRE(of_text.status == 0);
  REQUIRE(of_tokens.status == 0);
  // Labels name the text, or the file.
  std::string parts = of_tokens.json()["parts"].dump();
  const std::string file = (folder / "read.npy").string();
  for (std::size_t at; (at = parts.find(file)) != std::string::npos;)
    parts.replace(at, file.size(), "moby-dick");
  CHECK(nlohmann::json::parse(parts) == of_text.json()["parts"]);
  CHECK(has(atlas::io::read_text(folder / "b" / "summary.md"), "read.npy"));
}

TEST_CASE("with tokens a folder needs no tokenizer that is read") {
  const temporary_folder folder;
  const std::string model = bare_model(folder);
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 400; ++i) ids.push_back(i * i % 61);
  const std::string read = written(folder, "read.npy", ids);
  const std::string measure =
      "measure --block-size 32 --blocks 12 --min-context 2 --points 100 "
      "--surrogates 0 --model " +
      model;
  const auto expected = numbers_of(folder, measure + " --tokens " + read);
  io::write_file(folder / "model" / "tokenizer.json", R"({"model": {"type": "Unigram"}})");
  CHECK(numbers_of(folder, measure + " --tokens " + read) == expected);
  const program_run text = run(folder, measure + " --text moby-dick");
  CHECK(text.status == 2);
  CHECK(text.one_line_of_error());
  CHECK(has(text.err, "tokenizer.json: model: expected type \"BPE\", got \"Unigram\""));
}

TEST_CASE("a block begins as the model's own files say, or as is typed") {
  const temporary_folder folder;
  const std::string model = bare_model(folder);
  auto tokenizer = nlohmann::json::parse(
      io::read_text(fs::path(ATLAS_EXAMPLE_DATA) / "tiny-gpt2" / "tokenizer.json"));
  // Tokens of texts must be among the micro model's: those of single bytes are.
  auto& bpe = tokenizer["model"];
  bpe["merges"] = nlohmann::json::array();
  const auto rows =
      nlohmann::json::parse(io::read_text(folder / "model" / "config.json"))["vocab_size"]
          .get<atlas::index_t>();
  REQUIRE(rows > 50);
  const auto begins_with = [&](int id) {
    return nlohmann::json{{"type", "BertProcessing"}, {"sep", {"x", id}}, {"cls", {"x", id}}};
  };
  const auto write_tokenizer = [&](const nlohmann::json& post_processor) {
    tokenizer["post_processor"] = post_processor;
    io::write_file(folder / "model" / "tokenizer.json", tokenizer.dump());
  };
  // A text of the bytes whose ids the model has.
  write_tokenizer(nullptr);
  const auto words = io::tokenizer::open(folder / "model" / "tokenizer.json");
  std::string letters, text;
  for (char c = '!'; c <= '~'; ++c)
    if (words.encode(std::string(1, c)).front() < rows) letters += c;
  REQUIRE(letters.size() > 10);
  for (std::size_t i = 0; i < 500; ++i) text += letters[i * i % letters.size()];
  folder.write("text.txt", text);
  const auto ids = words.encode(text);
  const std::string read = quoted(folder / "text.txt");

  // 12 blocks of 32, as tokens: with a token before them, and as they are.
  std::vector<std::int64_t> plain(ids.begin(), ids.begin() + 384), begun;
  for (std::size_t b = 0; b < 12; ++b) {
    begun.push_back(9);
    begun.insert(begun.end(), ids.begin() + static_cast<std::ptrdiff_t>(31 * b),
                 ids.begin() + static_cast<std::ptrdiff_t>(31 * b + 31));
  }
  const std::string measure =
      "measure --block-size 32 --blocks 12 --min-context 2 --points 100 --surrogates 0 "
      "--perplexity --model " +
      model;
  const auto of = [&](const std::string& more) {
    auto result = numbers_of(folder, measure + more);
    result["source"].erase("bos");
    return result;
  };
  const auto as_is = of(" --tokens " + written(folder, "plain.npy", plain)),
             with_first = of(" --tokens " + written(folder, "begun.npy", begun));
  CHECK(as_is != with_first);
  const std::string from_text = " --text " + read;
  CHECK(of(from_text) == as_is);
  CHECK(of(from_text + " --bos none") == as_is);
  CHECK(of(from_text + " --bos 9") == with_first);
  CHECK(of(" --bos 9 --tokens " +
           written(folder, "ids.npy", std::vector<std::int64_t>(ids.begin(), ids.end()))) ==
        with_first);
  const auto said = [&](const std::string& more) {
    return run(folder, measure + more + " --json -").json()["source"];
  };
  CHECK_FALSE(said(from_text).contains("bos"));
  CHECK(said(from_text + " --bos 9")["bos"] == 9);

  write_tokenizer(begins_with(9));
  CHECK(of(from_text) == with_first);
  CHECK(of(from_text + " --bos default") == with_first);
  CHECK(said(from_text)["bos"] == 9);
  CHECK(of(from_text + " --bos none") == as_is);
  CHECK(of(" --tokens " + quoted(folder / "plain.npy")) == as_is);
  io::write_file(folder / "model" / "tokenizer_config.json", R"({"add_bos_token": false})");
  CHECK(of(from_text) == as_is);

  const auto refused = [&](const std::string& more) {
    const program_run r = run(folder, measure + more);
    INFO(more << "\n" << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    return r.err;
  };
  CHECK(has(refused(from_text + " --bos " + std::to_string(rows)), "--bos: expected"));
  io::write_file(folder / "model" / "tokenizer_config.json", R"({"add_bos_token": true})");
  CHECK(has(refused(from_text), "tokenizer_config.json"));
  fs::remove(folder / "model" / "tokenizer_config.json");
  write_tokenizer(begins_with(2000));
  CHECK(has(refused(from_text), "the token that a text begins with"));
}

TEST_CASE("tokens that a model cannot read are refused by file, index and id") {
  const temporary_folder folder;
  const auto refused = [&](const std::string& arguments) {
    const program_run r = run(folder, arguments);
    INFO(arguments << "\n" << r.err);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    CHECK(r.out.empty());
    return r.err;
  };
  std::vector<std::int32_t> ids(1000, 7);
  const std::string few = written(folder, "few.npy", ids);
  const std::string fewer = written(folder, "fewer.npy", std::vector<std::int32_t>(500, 7));
  ids[700] = 2048;
  const std::string beyond = written(folder, "beyond.npy", ids);
  const std::string fractions = written(folder, "fractions.npy", std::vector<float>(1000, 1));
  for (const std::string command :
       {"measure", "thermo", "crystallize", "quantize", "uncertainty", "pareto", "autoencode"})
    CHECK(has(refused(command + " --tokens " + beyond),
              "beyond.npy: ids[700]: expected a token of the model, from 0 to 2047, got 2048"));
  for (const std::string command : {"crystallize", "quantize", "autoencode"})
    CHECK(has(refused(command + " --calibration-tokens " + beyond), "beyond.npy: ids[700]"));
  const std::string study = "study --out " + quoted(folder / "study") + " --tokens ";
  CHECK(has(refused(study + beyond), "beyond.npy: ids[700]"));
  CHECK(has(refused(study + few + " --tokens " + few), "--tokens: expected different ones"));
  CHECK(has(refused("thermo --tokens " + few), "few.npy: ids: expected 3072 tokens for 12 blocks"));
  CHECK(has(refused("measure --tokens " + fewer), "fewer.npy: ids: expected 512 tokens"));
  CHECK(has(refused("thermo --tokens " + fractions), "fractions.npy: expected ids of tokens"));
  CHECK(has(refused("thermo --tokens nowhere.npy"), "nowhere.npy"));
  CHECK(has(refused("thermo --tokens ''"), "--tokens: expected a name"));
  CHECK(has(refused("thermo --text moby-dick --tokens " + few), "--tokens"));
  CHECK(has(refused("quantize --calibration addresses --calibration-tokens " + few),
            "--calibration-tokens"));
  CHECK(has(refused("study --text moby-dick --tokens " + few), "--tokens"));
}
