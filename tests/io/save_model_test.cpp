// SPDX-License-Identifier: MIT
#include "atlas/io/save_model.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/io/model.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "files_for_tests.hpp"

using namespace atlas_test;
namespace io = atlas::io;

namespace {

std::string test_model(const std::string& name) {
  return std::string(name.starts_with("tiny") ? ATLAS_EXAMPLE_DATA : ATLAS_TEST_DATA) + "/" + name;
}

atlas::transformer_config config_of(const std::string& name) {
  return io::parse_transformer_config(io::read_text(test_model(name) + "/config.json"), name);
}

}  // namespace

TEST_CASE("models that were read are written as they were") {
  for (const std::string name :
       {"micro-gpt2", "micro-llama", "micro-llama-headdim", "micro-llama3-rope", "micro-mistral",
        "micro-qwen2", "tiny-gpt2", "architectures/qwen3", "architectures/gemma2",
        "architectures/gemma3", "architectures/phi3", "architectures/gpt_neox",
        "architectures/gpt_neox_in_turn", "architectures/olmo2",
        "architectures/own_layer_learned_gated", "architectures/own_rms_learned_plain",
        "architectures/own_layer_rotary_gated", "architectures/own_rms_learned_gated"}) {
    CAPTURE(name);
    const temporary_folder folder;
    const auto model = io::open_transformer(test_model(name));
    io::save_transformer(folder / "copy", model);
    CHECK(folder.size() == 1);
    const auto copy = io::open_transformer(folder / "copy");
    CHECK(copy.config() == model.config());
    std::vector<std::vector<float>> written;
    model.for_each_parameter([&](const auto&, const auto&, const auto& values) {
      written.emplace_back(values.begin(), values.end());
    });
    std::size_t k = 0;
    copy.for_each_parameter([&](const auto&, const auto&, const auto& values) {
      CHECK(std::ranges::equal(values, written[k++]));
    });
    CHECK(k == written.size());
    CHECK(io::safetensors::open(folder / "copy" / "model.safetensors").metadata().at("format") ==
          "pt");
  }
}

TEST_CASE("with a tokenizer the folder opens as a language model") {
  const temporary_folder folder;
  const auto model = io::open_transformer(test_model("tiny-gpt2"));
  const std::string words = io::read_text(test_model("tiny-gpt2") + "/tokenizer.json");
  io::save_transformer(folder.path() / "copy/", model, words);
  const auto lm = io::open_model(folder / "copy");
  CHECK(lm.tokenizer.vocabulary_size() == 2048);
  CHECK(io::read_text(folder / "copy" / "tokenizer.json") == words);
}

TEST_CASE("configurations of all kinds come back from their text") {
  auto qwen2 = config_of("micro-qwen2");
  qwen2.windows = {0, 24};
  auto linear = config_of("micro-llama");
  linear.rotary.kind = atlas::rotary_options::rescaling::linear;
  linear.rotary.factor = 2.5;
  linear.query_key_value_bias = linear.output_bias = linear.mlp_bias = true;
  linear.mlp_activation = atlas::activation::gelu_tanh;
  auto gpt2 = config_of("micro-gpt2");
  gpt2.scale_logits = false;
  gpt2.scale_by_layer = true;
  gpt2.tied = false;
  gpt2.mlp_activation = atlas::activation::relu;
  auto mistral = config_of("micro-mistral");
  mistral.windows = {0, 7};
  auto sliding = qwen2;
  sliding.windows = {24, 24};
  for (const auto& c : {qwen2, sliding, linear, gpt2, mistral})
    CHECK(io::parse_transformer_config(io::transformer_config_text(c), "text") == c);
  const auto text = nlohmann::json::parse(io::transformer_config_text(qwen2));
  CHECK(text["architectures"] == nlohmann::json::array({"Qwen2ForCausalLM"}));
  auto none = config_of("micro-llama");
  none.windows = {0, 0};
  CHECK(io::parse_transformer_config(io::transformer_config_text(none), "text").windows.empty());
}

TEST_CASE("configurations of the further architectures come back from their text") {
  const auto back = [](const atlas::transformer_config& c) {
    CHECK(io::parse_transformer_config(io::transformer_config_text(c), "text") == c);
  };
  auto qwen3 = config_of("architectures/qwen3");
  qwen3.query_key_value_bias = qwen3.output_bias = true;
  qwen3.windows.clear();
  back(qwen3);
  auto gemma2 = config_of("architectures/gemma2");
  gemma2.logit_cap = gemma2.output_cap = 0;
  gemma2.windows.clear();
  gemma2.tied = false;
  back(gemma2);
  auto gemma3 = config_of("architectures/gemma3");
  gemma3.rotary = {.theta = 77};
  gemma3.windows = {0, 0, 9};
  back(gemma3);
  auto phi3 = config_of("architectures/phi3");
  phi3.windows.clear();
  phi3.rotary_share = 0.25;
  back(phi3);
  auto neox = config_of("architectures/gpt_neox");
  neox.rotary.kind = atlas::rotary_options::rescaling::linear;
  neox.rotary.factor = 3;
  neox.tied = true;
  neox.mlp_activation = atlas::activation::relu;
  back(neox);
  auto olmo2 = config_of("architectures/olmo2");
  olmo2.rotary.kind = atlas::rotary_options::rescaling::llama3;
  olmo2.rotary.factor = 3;
  back(olmo2);
}

TEST_CASE("what config.json cannot say is refused") {
  const auto refused = [](const std::string& name, const char* field,
                          void (*change)(atlas::transformer_config&)) {
    auto c = config_of("architectures/" + name);
    change(c);
    CHECK_REFUSED(atlas::value_error, io::transformer_config_text(c), field, "config.json");
  };
  using config = atlas::transformer_config;
  refused("qwen3", "logit_cap", [](config& c) { c.logit_cap = 5; });
  refused("qwen3", "norm", [](config& c) { c.norm = atlas::norm_kind::layer; });
  refused("qwen3", "norm_offset", [](config& c) { c.norm_offset = 1; });
  refused("qwen3", "parallel_residual", [](config& c) { c.parallel_residual = true; });
  refused("qwen3", "head_norm",
          [](config& c) { c.head_norm = atlas::query_key_norm::projections; });
  refused("qwen3", "gated_mlp", [](config& c) { c.gated_mlp = false; });
  refused("qwen3", "partial_rotary_factor", [](config& c) { c.rotary_share = 0.7; });
  refused("gemma2", "embedding_scale", [](config& c) { c.embedding_scale = 2; });
  refused("gemma2", "window_rotary", [](config& c) { c.window_rotary = c.rotary; });
  refused("gemma3", "logit_cap", [](config& c) { c.logit_cap = 5; });
  refused("gemma3", "query_pre_attn_scalar", [](config& c) { c.query_scalar = 0; });
  refused("gemma3", "query_scalar", [](config& c) { c.query_scalar = 5.5; });
  refused("phi3", "rope_scaling",
          [](config& c) { c.rotary.kind = atlas::rotary_options::rescaling::linear; });
  refused("phi3", "layer_types", [](config& c) { c.windows = {5, 0}; });
  refused("gpt_neox", "windows", [](config& c) { c.windows = {5, 0}; });
  refused("gpt_neox", "mlp_bias", [](config& c) { c.mlp_bias = false; });
  refused("olmo2", "query_scalar", [](config& c) { c.query_scalar = 4; });
  auto windows = config_of("micro-gpt2");
  windows.windows = {4, 4};
  CHECK_REFUSED(atlas::value_error, io::transformer_config_text(windows), "windows", "gpt2");
  auto bias = config_of("micro-llama");
  bias.output_bias = true;
  CHECK_REFUSED(atlas::value_error, io::transformer_config_text(bias), "output_bias",
                "config.json");
  auto scale = config_of("micro-llama");
  scale.scale_by_layer = true;
  CHECK_REFUSED(atlas::value_error, io::transformer_config_text(scale), "scale_by_layer", "llama");
  CHECK_REFUSED(atlas::value_error, io::transformer_config_text({}), "layers", "0");
}

TEST_CASE("a folder with something in it is left alone") {
  const temporary_folder folder;
  const auto model = io::open_transformer(test_model("micro-gpt2"));
  folder.write("notes", "mine");
  CHECK_REFUSED(atlas::error, (io::save_transformer(folder.path(), model), 0),
                folder.path().string(), "something in it");
  CHECK_REFUSED(atlas::error, (io::save_transformer(folder / "notes", model), 0), "notes",
                "something in it");
  CHECK(folder.size() == 1);
  std::filesystem::create_directory(folder / "empty");
  io::save_transformer(folder / "empty", model);
  CHECK(folder.size() == 2);
  CHECK(io::open_transformer(folder / "empty").config() == model.config());
}
