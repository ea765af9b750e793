// SPDX-License-Identifier: MIT
#include "atlas/io/model.hpp"

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/io/save_model.hpp"
#include "files_for_tests.hpp"

using namespace atlas_test;
namespace io = atlas::io;

namespace {

const std::string micro = std::string(ATLAS_TEST_DATA) + "/micro-llama";
const std::string tiny = std::string(ATLAS_EXAMPLE_DATA) + "/tiny-gpt2";

/// Values of all parameters, one after the other.
std::vector<float> values_of(const atlas::transformer& model) {
  std::vector<float> all;
  model.for_each_parameter([&](const auto&, const auto&, auto values) {
    all.insert(all.end(), values.begin(), values.end());
  });
  return all;
}

/// A tensor that a test may change before it is written.
struct changed_tensor {
  std::string name;
  std::vector<atlas::index_t> extents;
  std::vector<float> values;
};

/// A copy of the micro model after `change(tensors)`.
template <class Change>
void write_changed(const temporary_folder& folder, Change&& change) {
  std::filesystem::copy(micro + "/config.json", folder / "config.json");
  std::vector<changed_tensor> tensors;
  io::open_transformer(micro).for_each_parameter(
      [&](const auto& name, const auto& extents, auto values) {
        tensors.push_back({name, extents, {values.begin(), values.end()}});
      });
  change(tensors);
  std::vector<io::tensor_entry> entries;
  for (const auto& t : tensors)
    entries.push_back({t.name, io::dtype::f32, t.extents, std::as_bytes(std::span(t.values))});
  io::write_safetensors(folder / "model.safetensors", entries);
}

/// A copy of the micro model whose tensors pass through `change(name, values)` and are stored as
/// `Stored` in `shards` files.
template <class Stored>
void write_copy(const temporary_folder& folder, std::size_t shards, const std::string& strip = "") {
  std::filesystem::copy(micro + "/config.json", folder / "config.json");
  const auto source = io::checkpoint::open(micro);
  std::vector<std::vector<Stored>> memory;
  std::vector<std::vector<io::tensor_entry>> files(shards);
  nlohmann::json map;
  for (const std::string& name : source.names()) {
    const auto& entry = source.at(name);
    const auto* values = reinterpret_cast<const float*>(entry.bytes.data());
    memory.emplace_back(values, values + entry.bytes.size() / sizeof(float));
    const std::size_t shard = memory.size() % shards;
    const std::string stored = name.starts_with(strip) ? name.substr(strip.size()) : name;
    files[shard].push_back(
        {stored, io::dtype_of<Stored>(), entry.extents, std::as_bytes(std::span(memory.back()))});
    map["weight_map"][stored] = "part-" + std::to_string(shard) + ".safetensors";
  }
  if (shards == 1) return io::write_safetensors(folder / "model.safetensors", files[0]);
  for (std::size_t s = 0; s < shards; ++s)
    io::write_safetensors(folder / ("part-" + std::to_string(s) + ".safetensors"), files[s]);
  folder.write("model.safetensors.index.json", map.dump());
}

}  // namespace

TEST_CASE("shards and names without a prefix give the same model") {
  const auto wanted = values_of(io::open_transformer(micro));
  const temporary_folder sharded, bare;
  write_copy<float>(sharded, 3);
  CHECK(values_of(io::open_transformer(sharded.path())) == wanted);
  write_copy<float>(bare, 1, "model.");
  CHECK(values_of(io::open_transformer(bare.path())) == wanted);
}

TEST_CASE("bfloat16 weights are widened") {
  const temporary_folder folder;
  write_copy<Eigen::bfloat16>(folder, 1);
  const auto wanted = values_of(io::open_transformer(micro)),
             got = values_of(io::open_transformer(folder.path()));
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); i += 97)
    CHECK(got[i] == static_cast<float>(static_cast<Eigen::bfloat16>(wanted[i])));
}

TEST_CASE("a model in memory is the one in the folder") {
  const std::string config = io::read_text(tiny + "/config.json"),
                    words = io::read_text(tiny + "/tokenizer.json"),
                    tensors = io::read_text(tiny + "/model.safetensors");
  const auto lm = io::model_from_memory({config, words, bytes_of(tensors)}, "embedded");
  CHECK(values_of(lm.model) == values_of(io::open_transformer(tiny)));
  CHECK(lm.tokenizer.vocabulary_size() == 2048);
  CHECK_REFUSED(atlas::format_error,
                (io::model_from_memory({config, "{}", bytes_of(tensors)}, "embedded")),
                "embedded/tokenizer.json", "\"model\"");
}

TEST_CASE("blocks of a text are its first tokens") {
  const auto words = io::tokenizer::open(tiny + "/tokenizer.json");
  const std::string text = "Call me Ishmael. Some years ago, never mind how long precisely.";
  const auto ids = words.encode(text);
  const auto blocks = io::text_blocks(words, text, 2, 5);
  for (atlas::index_t i = 0; i < 10; ++i)
    CHECK(blocks(i / 5, i % 5) == ids[static_cast<std::size_t>(i)]);
  CHECK(io::text_blocks(words, text, 0, 5).extent(0) ==
        static_cast<atlas::index_t>(ids.size()) / 5);
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, "", 1, 5), "text", "empty");
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, text, 0, 5000), "text", "5000 tokens");
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, text, 99, 5), "495 tokens", "99 blocks");
  CHECK_REFUSED(atlas::value_error, io::text_blocks(words, text, 1, 0), "tokens_per_block", "0");
}

TEST_CASE("weights that are not finite are refused by file, tensor and place when they are used") {
  for (const auto& [name, place] :
       {std::pair<std::string, std::string>{"model.layers.1.mlp.up_proj.weight", "[0, 7]"},
        {"model.norm.weight", "[7]"}})
    for (const float poison :
         {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
      const temporary_folder folder;
      const std::string poisoned = name;
      write_changed(folder, [&](std::vector<changed_tensor>& tensors) {
        for (auto& t : tensors)
          if (t.name == poisoned) t.values[7] = poison;
      });
      const auto model = io::open_transformer(folder.path());
      const atlas::owned_tensor<atlas::index_t, 2> block({1, 3});
      const auto look = [](auto, const auto&) {};
      CHECK_REFUSED(atlas::value_error, model.forward(block, {.logits_observer = look}),
                    "model.safetensors: tensor \"" + name + "\"",
                    (std::isnan(poison) ? "NaN at " : "-inf at ") + place);
    }
}

TEST_CASE("tensors of the model's own that have no place in it are refused") {
  const auto with = [](const std::string& name) {
    const temporary_folder folder;
    write_changed(folder, [&](std::vector<changed_tensor>& tensors) {
      tensors.push_back({name, {2}, {1, 2}});
    });
    (void)io::open_transformer(folder.path());
  };
  for (const std::string name :
       {"model.layers.0.self_attn.q_norm.weight", "model.layers.0.self_attn.q_proj.bias",
        "model.layers.2.input_layernorm.weight", "lm_head.bias", "embed_tokens.weight",
        "wte.weight", "wpe.weight", "gpt_neox.layers.0.attention.dense.bias", "embed_out.weight",
        "embed_in.weight", "final_layer_norm.bias", "model.layers.0.self_attn.qkv_proj.weight"})
    CHECK_REFUSED(atlas::format_error, (with(name), 0), name, "no place");
  for (const std::string name :
       {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
        "model.layers.0.mlp.up_proj.lora_B.default.weight", "embed_tokens.lora_embedding_A"})
    CHECK_REFUSED(atlas::format_error, (with(name), 0), name, "merge_and_unload");
  with("model.layers.0.self_attn.rotary_emb.inv_freq");
  // Of GPT-NeoX, as Pythia's files have them.
  with("gpt_neox.layers.0.attention.bias");
  with("gpt_neox.layers.0.attention.masked_bias");
  with("score.weight");
}

TEST_CASE("weights that are no floating point numbers are refused") {
  const temporary_folder folder;
  write_copy<std::int8_t>(folder, 1);
  CHECK_REFUSED(atlas::format_error, io::open_transformer(folder.path()), "embed_tokens.weight",
                "I8");
}

TEST_CASE("one matrix stored under the head's name is embedding and head") {
  // Untied, the embedding is missing.
  const temporary_folder folder;
  write_changed(folder, [&](std::vector<changed_tensor>& tensors) {
    std::erase_if(tensors, [](const auto& t) { return t.name == "model.embed_tokens.weight"; });
  });
  CHECK_REFUSED(atlas::format_error, io::open_transformer(folder.path()),
                "model.embed_tokens.weight", "none of that name");
  const std::string config = io::read_text(folder / "config.json");
  const std::string untied = "\"tie_word_embeddings\": false";
  REQUIRE(config.find(untied) != std::string::npos);
  folder.write("config.json", std::string(config).replace(config.find(untied), untied.size(),
                                                          "\"tie_word_embeddings\": true"));
  const auto model = io::open_transformer(folder.path());
  CHECK(model.config().tied);
  CHECK(model.weights().parameters[0].name == "model.embed_tokens.weight");
  // What is saved of it is stored under the embedding's name.
  io::save_transformer(folder / "copy", model);
  CHECK_FALSE(io::checkpoint::open(folder / "copy").contains("lm_head.weight"));
  CHECK(values_of(io::open_transformer(folder / "copy")) == values_of(model));
}

TEST_CASE("a head that is not the embedding is kept when the model is saved") {
  const temporary_folder folder;
  const auto model =
      io::open_transformer(std::string(ATLAS_TEST_DATA) + "/folders/tied-lm_head-differs");
  io::save_transformer(folder / "copy", model);
  const auto copy = io::open_transformer(folder / "copy");
  CHECK(copy.config() == model.config());
  CHECK(values_of(copy) == values_of(model));
}

TEST_CASE("what stands in the place of a model's folder is named, and what to do") {
  const temporary_folder folder;
  const auto refused = [](const std::filesystem::path& path, const char* part, const char* advice) {
    CHECK_REFUSED(atlas::format_error, io::open_transformer(path), part, advice);
  };
  refused("some-owner/some-model.v2", "some-owner/some-model.v2", "hf download");
  CHECK_FALSE(
      has(message_of<atlas::format_error>([&] { (void)io::open_model(folder / "x"); }), "hf "));
  refused(folder.write("pytorch_model.bin", "PK"), "pytorch_model.bin", "save_pretrained");
  refused(folder.write("model.safetensors", "x"), "model.safetensors", "folder that it lies in");
  const auto with = [&](const std::string& name) {
    const auto inner = folder / ("with-" + name);
    std::filesystem::create_directories(inner);
    atlas::io::write_file(inner / name, std::string_view("x"));
    return inner;
  };
  for (const bool configured : {false, true}) {
    const auto there = [&](const std::string& name) {
      const auto inner = with(name);
      if (configured) io::write_file(inner / "config.json", io::read_text(micro + "/config.json"));
      return inner;
    };
    refused(there("model-q4.gguf"), "model-q4.gguf", "give the file in the place of its folder");
    refused(there("pytorch_model.bin"), "pytorch_model.bin", "save_pretrained");
    refused(there("pytorch_model.bin.index.json"), "index.json", "save_pretrained");
    refused(there("adapter_config.json"), "adapter_config.json", "merge_and_unload");
    refused(there("adapter_model.safetensors"), "adapter_model.safetensors", "merge_and_unload");
  }
  refused(with("snapshots"), "snapshots", "one revision");
  // An adapter beside a whole model would be passed over.
  std::filesystem::copy(micro, folder / "whole");
  CHECK(io::open_transformer(folder / "whole").config().heads == 4);
  atlas::io::write_file(folder / "whole" / "adapter_config.json", std::string_view("{}"));
  refused(folder / "whole", "adapter_config.json", "merge_and_unload");
}

TEST_CASE("folders that hold no model are refused") {
  const temporary_folder folder;
  CHECK_REFUSED(atlas::format_error, io::open_model(folder / "nowhere"), "nowhere",
                "nothing there");
  folder.write("file", "x");
  CHECK_REFUSED(atlas::format_error, io::open_model(folder / "file"), "file", "a file");
  CHECK_REFUSED(atlas::error, io::open_model(folder.path()), folder.path().string(),
                "a folder without config.json");
  folder.write("config.json", io::read_text(micro + "/config.json"));
  CHECK_REFUSED(atlas::format_error, io::open_transformer(folder.path()), "model.safetensors",
                "neither");
}
