// SPDX-License-Identifier: MIT
/// \file
/// Models of the family atlas: their config.json, their folders, and their training.

#include "atlas/io/configuration/own_config.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../reference/combinations_for_tests.hpp"
#include "../reference/models_for_tests.hpp"
#include "atlas/io/training_checkpoint.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "files_for_tests.hpp"

namespace own_config_test {

namespace {

namespace io = atlas::io;
using atlas::format_error, atlas::index_t, atlas::transformer_config;
using atlas_test::every_combination, atlas_test::temporary_folder;
using nlohmann::json;

transformer_config parsed(const json& config) {
  return io::parse_transformer_config(config.dump(), "config.json");
}

/// All that can be said, said otherwise than in a GPT-2.
transformer_config all_settings() {
  transformer_config c = every_combination()[31];
  c.norms = atlas::norm_position::both;
  c.norm_epsilon = 0.1;
  c.norm_offset = -0.3;
  c.head_norm = atlas::query_key_norm::projections;
  c.mlp_activation = atlas::activation::relu;
  c.parallel_residual = true;
  c.embedding_scale = 1.1;
  c.rotary_share = 0.7;
  c.rotary = {.theta = 1.0 / 3,
              .kind = atlas::rotary_options::rescaling::llama3,
              .factor = 1e-3,
              .low_frequency_factor = 0.7,
              .high_frequency_factor = 9.25,
              .original_positions = 77,
              .divisors = {1.1F, 3e-7F}};
  c.window_rotary = {.theta = 20, .kind = atlas::rotary_options::rescaling::linear, .factor = 4};
  c.query_scalar = 5.5;
  c.scale_by_layer = true;
  c.logit_cap = 0.1;
  c.output_cap = 2.3;
  c.query_key_value_bias = c.output_bias = c.mlp_bias = c.tied = false;
  c.windows = {0, 9};
  return c;
}

json text_of(const transformer_config& c) {
  return json::parse(io::transformer_config_text(c));
}

std::vector<float> logits_of(const atlas::transformer& model) {
  std::vector<float> all;
  atlas::forward_options options;
  options.logits_observer = [&](index_t, const atlas::tensor_view<const float, 2>& rows) {
    all.insert(all.end(), rows.data(), rows.data() + rows.size());
  };
  model.forward(atlas_test::some_blocks(2, 9, model.config().vocabulary), options);
  return all;
}

TEST_CASE("every combination comes back from its folder, with the same bits of logits") {
  auto all = every_combination();
  all.push_back(all_settings());
  for (const transformer_config& c : all) {
    const temporary_folder folder;
    const atlas::transformer model = atlas::random_transformer(c, {.seed = 6});
    io::save_transformer(folder / "model", model);
    const atlas::transformer back = io::open_transformer(folder / "model");
    CHECK(back.config() == c);
    const std::vector<float> logits = logits_of(model);
    CHECK(std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); }));
    CHECK(logits_of(back) == logits);
  }
}

TEST_CASE("combinations begin with the same embedding and differ in their logits") {
  std::vector<std::vector<float>> logits;
  const auto first = atlas::random_transformer(every_combination()[0], {.seed = 6});
  for (const transformer_config& c : every_combination()) {
    const auto model = atlas::random_transformer(c, {.seed = 6});
    CHECK(model.weights().parameters[0].name == "atlas.embedding.weight");
    CHECK(model.weights().parameters[0].values == first.weights().parameters[0].values);
    for (const auto& others : logits) CHECK(others != logits_of(model));
    logits.push_back(logits_of(model));
  }
}

TEST_CASE("a config.json of the family has a key for every field, by its name") {
  const json text = text_of(all_settings());
  CHECK(text.size() == 32);  // 30 fields, model_type and architectures
  CHECK(text["rotary"].size() == 7);
  CHECK(text["model_type"] == "atlas");
  CHECK(text["architectures"] == json::array({"AtlasForCausalLM"}));
  CHECK(text["norm"] == "rms");
  CHECK(text["head_norm"] == "projections");
  CHECK(text["windows"] == json::array({0, 9}));
  CHECK(text["rotary"]["kind"] == "llama3");
  CHECK(text["window_rotary"]["kind"] == "linear");
  CHECK(text_of(every_combination()[0])["window_rotary"].is_null());
  json by_architecture = text;
  by_architecture.erase("model_type");
  CHECK(parsed(by_architecture) == all_settings());
}

TEST_CASE("a key that is missing, null or of another type is refused by name") {
  const json text = text_of(all_settings());
  for (const auto& [key, value] : text.items()) {
    CAPTURE(key);
    const std::string quoted = "\"" + key + "\"";
    json changed = text;
    if (key != "model_type" && key != "architectures") {
      changed.erase(key);
      CHECK_REFUSED(format_error, parsed(changed), "member " + quoted, "none");
      if (key != "window_rotary") {
        changed[key] = nullptr;
        CHECK_REFUSED(format_error, parsed(changed), quoted, "null");
      }
    }
    changed[key] = json::array({json::object()});
    CHECK_REFUSED(format_error, parsed(changed), quoted, "config.json");
    changed[key] = json::object({{"deep", 1}});
    CHECK_REFUSED(format_error, parsed(changed),
                  key.ends_with("rotary") ? "member \"theta\"" : quoted, "config.json");
  }
  for (const char* group : {"rotary", "window_rotary"})
    for (const auto& [key, value] : text[group].items()) {
      CAPTURE(key);
      json changed = text;
      changed[group].erase(key);
      const std::string where = std::string("config.json: ") + group;
      CHECK_REFUSED(format_error, parsed(changed), where, "member \"" + key + "\"");
      changed[group][key] = true;
      CHECK_REFUSED(format_error, parsed(changed), where, "\"" + key + "\"");
    }
}

TEST_CASE("keys of no field are refused, also those that are harmless elsewhere") {
  for (const char* key : {"torch_dtype", "transformers_version", "family", "hidden_size",
                          "quantization_config", "auto_map", "Layers"}) {
    json changed = text_of(all_settings());
    changed[key] = "float32";
    CHECK_REFUSED(format_error, parsed(changed), "keys that are understood",
                  "\"" + std::string(key) + "\"");
  }
  json changed = text_of(all_settings());
  changed["rotary"]["rope_theta"] = 3;
  CHECK_REFUSED(format_error, parsed(changed), "config.json: rotary", "\"rope_theta\"");
  const std::string text = text_of(all_settings()).dump();
  CHECK_REFUSED(format_error,
                io::parse_transformer_config(R"({"layers":2,)" + text.substr(1), "config.json"),
                "config.json", "layers");
}

TEST_CASE("values that no model has are refused by name") {
  const auto refused = [](const char* key, const json& value, const std::string& part,
                          const std::string& other) {
    json changed = text_of(all_settings());
    changed[json::json_pointer(key)] = value;
    CHECK_REFUSED(format_error, parsed(changed), part, other);
  };
  refused("/norm", "batch", "\"norm\"", "one of layer, rms");
  refused("/norms", "none", "\"norms\"", "one of before, after, both");
  refused("/head_norm", "", "\"head_norm\"", "one of none, heads, projections");
  refused("/mlp_activation", "gelu_new", "\"mlp_activation\"",
          "one of gelu, gelu_tanh, relu, silu");
  refused("/rotary/kind", "yarn", "\"kind\"", "one of none, linear, llama3");
  refused("/layers", -1, "\"layers\"", "a whole number from 0 to 2^31");
  refused("/layers", 2.5, "\"layers\"", "a whole number from 0 to 2^31");
  refused("/heads", 1e300, "\"heads\"", "a whole number from 0 to 2^31");
  refused("/vocabulary", std::uint64_t{1} << 63, "\"vocabulary\"", "a whole number from 0 to 2^31");
  refused("/windows", json::array({0, -1}), "\"windows\"", "whole numbers from 0 to 2^31");
  refused("/windows", json::array({0, 1.5}), "\"windows\"", "whole numbers from 0 to 2^31");
  refused("/windows", json::array({0, std::uint64_t{1} << 40}), "\"windows\"", "2^31");
  refused("/windows", json::array({1}), "windows", "1");
  refused("/rotary/divisors", json::array({"1", 2}), "\"divisors\"", "a list of numbers");
  refused("/rotary/divisors", json::array({1}), "rotary.divisors", "2");
  refused("/rotary/divisors", json::array({1, 1e300}), "rotary.divisors", "inf");
  refused("/rotary/theta", 0, "rotary", "0");
  refused("/window_rotary/factor", -1, "rotary", "-1");
  refused("/layers", 0, "layers", "0");
  refused("/key_value_heads", 3, "key_value_heads", "a divisor of 4");
  refused("/head_dimension", 1, "head_dimension", "rotary");
  refused("/rotary_share", 1.5, "rotary_share", "1.5");
  refused("/query_scalar", -2, "query_scalar", "-2");
  refused("/embedding_scale", 0, "embedding_scale", "0");
  refused("/architectures", json::array({"LlamaForCausalLM"}), "architectures", "atlas");
  refused("/model_type", "llama", "architectures", "AtlasForCausalLM");
}

TEST_CASE("what JSON cannot say is refused before anything is written") {
  transformer_config c = every_combination()[0];  // learned positions: rotary is not looked at
  c.rotary.theta = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(atlas::value_error, io::transformer_config_text(c), "config", "theta");
}

TEST_CASE("a folder of the family holds its own tensors, and no other") {
  const temporary_folder folder;
  const atlas::transformer model = atlas::random_transformer(all_settings(), {.seed = 6});
  io::save_transformer(folder / "model", model);
  const auto file = io::safetensors::open(folder / "model" / "model.safetensors");
  const auto written = [&](auto change) {
    std::vector<io::tensor_entry> entries;
    for (const auto& name : file.names()) entries.push_back(file.at(name));
    change(entries);
    io::write_safetensors(folder / "changed.safetensors", entries, {});
    return io::read_transformer(all_settings(),
                                io::checkpoint::open(folder / "changed.safetensors"));
  };
  const std::vector<float> one(8);
  // Some of these are passed over in models of other families.
  for (const char* name : {"atlas.layers.2.mlp_norm.weight", "extra", "score.weight",
                           "atlas.layers.0.attention.bias", "atlas.layers.0.mlp.up.bias"})
    CHECK_REFUSED(format_error, written([&](auto& entries) {
                    entries.push_back({name, io::dtype::f32, {8}, std::as_bytes(std::span(one))});
                  }),
                  name, "no place for");
  for (const char* name :
       {"lm_head.weight", "atlas.layers.1.mlp.gate.weight",
        "atlas.layers.0.attention.key_norm.weight", "atlas.layers.1.attention_post_norm.weight"})
    CHECK_REFUSED(format_error, written([&](auto& entries) {
                    std::erase_if(entries, [&](const auto& e) { return e.name == name; });
                  }),
                  name, "none");
  CHECK_REFUSED(atlas::shape_error, written([&](auto& entries) {
                  for (auto& e : entries)
                    if (e.name == "atlas.layers.1.mlp.down.weight")
                      std::swap(e.extents[0], e.extents[1]);
                }),
                "mlp.down", "12");
}

TEST_CASE("every combination is trained, and goes on from a checkpoint as if it had not stopped") {
  std::vector<index_t> tokens;
  for (index_t i = 0; i < 300; ++i) tokens.push_back((i * i + 7 * i) % 11);
  const atlas::trainer_options options = {
      .batch = 3, .tokens_per_block = 16, .schedule = {.peak = 1e-2, .warmup = 3, .steps = 30}};
  for (const transformer_config& c : every_combination()) {
    const auto fresh = [&] {
      return atlas::trainer(atlas::random_transformer(c, {.seed = 5}), tokens, options);
    };
    const temporary_folder folder;
    atlas::trainer whole = fresh();
    const auto steps = atlas::train(whole, 30);
    CHECK(steps.back().loss < steps.front().loss - 0.2);
    atlas::trainer before = fresh(), after = fresh();
    atlas::train(before, 11);
    io::save_training(folder / "run", before);
    io::load_training(folder / "run", after);
    CHECK(after.steps_done() == 11);
    atlas::train(after, 30);
    CHECK(logits_of(after.model()) == logits_of(whole.model()));
  }
}

}  // namespace

}  // namespace own_config_test
