// SPDX-License-Identifier: MIT
/// \file
/// `atlas redundancy` and `atlas compare`: the same bytes however they are run, and truths that
/// were planted: a head that is there twice, heads that were moved and turned.

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../protocols/turned_model_for_tests.hpp"
#include "../reference/models_for_tests.hpp"
#include "atlas/io/save_model.hpp"
#include "atlas/reference/parameter_count.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "program_for_tests.hpp"

namespace redundancy_command_test {

namespace {

using atlas::index_t;
using atlas_test::has, atlas_test::program_run, atlas_test::quoted, atlas_test::run,
    atlas_test::temporary_folder;

std::string save(const temporary_folder& folder, const char* name, const char* like,
                 const atlas::transformer& model) {
  atlas::io::save_transformer(
      folder / name, model,
      atlas::io::read_text(atlas_test::model_folder(like) + "/tokenizer.json"));
  return quoted(folder / name);
}

const std::string small =
    "redundancy --model tiny-llama --layers 2,4 --blocks 6 --block-size 32 --points 90 "
    "--permutations 99 --ways zero,resample ";

TEST_CASE("redundancy gives the same bytes for every number of threads, and goes on from a folder",
          "[bytes]") {
  const temporary_folder folder;
  const program_run one = run(folder, small + "--pairs 2 --json - --threads 1");
  REQUIRE(one.status == 0);
  CHECK(one.err.empty());
  CHECK(one.out == run(folder, small + "--pairs 2 --json - --threads 2").out);
  const std::string kept = small + "--pairs 2 --json - --out " + quoted(folder / "kept");
  // Killed at some moment: what is finished is kept, and the rest has the same bytes.
  run(folder, kept, "timeout --signal=KILL 1");
  CHECK(run(folder, kept).out == one.out);
  CHECK(atlas::io::read_text(folder / "kept" / "result.json") == one.out);
  const auto part = folder / "kept" / "parts" / "text-layer-2-zero-3.json";
  const std::string bytes = atlas::io::read_text(part);
  std::filesystem::remove(part);
  atlas::io::write_file(folder / "kept" / "parts" / "held_out-layer-4-measures.json", "{ damaged");
  CHECK(run(folder, kept).out == one.out);
  CHECK(atlas::io::read_text(part) == bytes);
  // Another model, text or seed is another folder's.
  const program_run other =
      run(folder, small + "--seed 1 --json - --out " + quoted(folder / "kept"));
  CHECK(other.status == 2);
  CHECK(has(other.err, "seed"));
}

TEST_CASE("what heads are worth is the difference of perplexities that is shown beside it") {
  const temporary_folder folder;
  const auto result = run(folder, small + "--json - --csv " + quoted(folder / "heads.csv")).json();
  for (const char* text : {"text", "held_out"}) {
    const auto& of = result[text];
    REQUIRE(of["left_out"].size() == 24);  // 2 layers of 6 heads in 2 ways
    const auto baseline = of["perplexity"]["value"].get<double>();
    for (const auto& head : of["left_out"]) {
      const auto perplexity = head["perplexity"].get<double>();
      CHECK(head["rise"]["value"].get<double>() ==
            Approx(std::log(perplexity / baseline)).margin(1e-12));
      CHECK(head["change"]["value"].get<double>() == Approx(perplexity - baseline).margin(1e-9));
      CHECK(head["rise"]["lower"] <= head["rise"]["value"]);
      CHECK(head["rise"]["upper"] >= head["rise"]["value"]);
    }
  }
  CHECK(result["predictions"].size() == 16);
  for (const auto& row : result["predictions"])
    if (row["text"].contains("coefficient")) {
      CHECK(row["text"]["heads"] <= 12);
      CHECK(row["text"]["p_holm"] >= row["text"]["p"]);
    }
  CHECK(has(result["verdict"].get<std::string>(), "Head norm alone"));
  const std::string csv = atlas::io::read_text(folder / "heads.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 49);
}

/// A GPT-2 in which a head of a layer is there twice, each writing half of what it wrote.
atlas::transformer with_copy(atlas::transformer model, index_t layer, index_t head, index_t copy) {
  const atlas::transformer_config c = model.config();
  const index_t d = c.head_dimension, width = c.model_dimension;
  const std::string name = "transformer.h." + std::to_string(layer) + ".attn.";
  model.for_each_parameter([&](const std::string& n, const auto&, std::span<float> x) {
    const auto at = [&](index_t i) -> float& { return x[static_cast<std::size_t>(i)]; };
    for (index_t i = 0; i < d; ++i) {
      const index_t from = head * d + i, to = copy * d + i;
      for (index_t part = 0; part < 3; ++part) {
        if (n == name + "c_attn.bias") at(part * width + to) = at(part * width + from);
        if (n == name + "c_attn.weight")
          for (index_t m = 0; m < width; ++m)
            at(m * 3 * width + part * width + to) = at(m * 3 * width + part * width + from);
      }
      if (n == name + "c_proj.weight")
        for (index_t m = 0; m < width; ++m)
          at(to * width + m) = at(from * width + m) = 0.5F * at(from * width + m);
    }
  });
  return model;
}

TEST_CASE("a head that is there twice is found: each costs little, both cost much") {
  // Head 1 of the first layer, which is worth most, in the place of head 0.
  const temporary_folder folder;
  const std::string model =
      save(folder, "copied", "tiny-gpt2", with_copy(atlas_test::micro("tiny-gpt2"), 0, 1, 0));
  const auto result = run(folder, "redundancy --model " + model +
                                      " --layers 0 --blocks 8 --block-size 48 --points 240 "
                                      "--permutations 99 --ways zero --pairs 15 --json -")
                          .json();
  for (const char* text : {"text", "held_out"}) {
    REQUIRE(result[text]["pairs"].size() == 15);
    for (const auto& pair : result[text]["pairs"]) {
      const bool copies = pair["heads"] == std::vector<index_t>{0, 1};
      const auto overlap = pair["overlap_in_stream"].get<double>();
      CHECK((overlap > 1 - 1e-6) == copies);
      if (!copies) continue;
      CHECK(overlap >= pair["ceiling"].get<double>());
      CHECK(pair["interaction"]["lower"].get<double>() > 0);
      // The two alone do less than half of what both do.
      CHECK(pair["interaction"]["value"].get<double>() >
            0.2 * pair["joint"]["value"].get<double>());
    }
  }
}

const std::string few = " --layers 3 --blocks 12 --block-size 64 --points 300 --draws 20 ";

TEST_CASE("heads that were moved and turned in their own coordinates are found to be the same",
          "[bytes]") {
  for (const std::string& name : atlas_test::models) {
    const temporary_folder folder;
    const std::vector<index_t> from = name == "tiny-gpt2" ? std::vector<index_t>{4, 0, 5, 2, 1, 3}
                                                          : std::vector<index_t>{5, 3, 4, 1, 2, 0};
    const std::string turned = save(folder, "turned", name.c_str(),
                                    atlas_test::turned_model(atlas_test::micro(name), from, 5));
    const std::string command = "compare " + name + " " + turned + few + "--json - ";
    const program_run one = run(folder, command + "--threads 1");
    INFO(one.err);
    REQUIRE(one.status == 0);
    CHECK(one.out == run(folder, command + "--threads 2").out);
    const auto result = one.json();
    CHECK(std::abs(result["perplexity"]["change"]["value"].get<double>()) < 0.01);
    const auto& layer = result["layers"][0];
    for (index_t h = 0; h < 6; ++h) {
      const auto& head =
          layer["heads"][static_cast<std::size_t>(from[static_cast<std::size_t>(h)])];
      CHECK(head["match"] == h);
      CHECK(head["found"] == true);
      CHECK(head["looks"].get<double>() > 1 - 1e-4);
      CHECK(head["writes"].get<double>() > 1 - 1e-4);
      CHECK(head["runner_up"].get<double>() < 0.7);
      CHECK(head["self_overlap"].get<double>() ==
            Approx(head["ceiling"].get<double>()).margin(1e-3));
      CHECK(head["dimension"]["before"]["value"].get<double>() ==
            Approx(head["dimension"]["after"]["value"].get<double>()).margin(0.05));
      CHECK(head["purity"]["change"].get<double>() == Approx(0).margin(1e-4));
    }
    CHECK(layer["self_overlap"]["share"]["value"].get<double>() == Approx(1).margin(1e-3));
    CHECK(layer["self_overlap"]["p"].get<double>() < 0.01);
    CHECK(has(result["verdict"].get<std::string>(), "Of 6 heads"));
  }
}

/// Learned positions, RMSNorm, grouped queries, a gated MLP, and as many parameters as a GPT-2.
atlas::transformer mixed_model() {
  atlas::transformer_config c;
  c.layers = 2;
  c.model_dimension = 32;
  c.heads = c.key_value_heads = 4;
  c.head_dimension = 8;
  c.mlp_dimension = 128;
  c.vocabulary = 2048;
  c.positions = 64;
  const index_t wanted = atlas::parameter_count(c);
  c.family = atlas::model_family::atlas;
  c.norm = atlas::norm_kind::rms;
  c.key_value_heads = 2;
  c.gated_mlp = true;
  c.mlp_dimension = atlas::matched_mlp_dimension(c, wanted);
  return atlas::random_transformer(c, {.seed = 4});
}

TEST_CASE("a folder of the family atlas is measured, compared and quantized like any other") {
  const temporary_folder folder;
  const atlas::transformer model = mixed_model();
  const std::string there = save(folder, "mixed", "tiny-gpt2", model),
                    turned = save(folder, "turned", "tiny-gpt2",
                                  atlas_test::turned_model(model, {3, 2, 0, 1}, 5));
  const std::string texts = " --blocks 8 --block-size 32 ";
  const program_run measured = run(folder, "measure --model " + there + texts + "--json -");
  INFO(measured.err);
  REQUIRE(measured.status == 0);
  REQUIRE(measured.json()["layers"].size() == 2);
  CHECK(measured.json()["layers"][0]["heads"].size() == 4);
  const program_run compared =
      run(folder, "compare " + there + " " + turned + texts + "--points 120 --draws 20 --json -");
  INFO(compared.err);
  REQUIRE(compared.status == 0);
  const auto layers = compared.json()["layers"];
  const std::vector<index_t> match = {2, 3, 1, 0};
  for (const auto& layer : layers)
    for (std::size_t h = 0; h < 4; ++h) {
      CHECK(layer["heads"][h]["match"] == match[h]);
      CHECK(layer["heads"][h]["found"] == true);
    }
  for (const std::string& command :
       {"quantize --model " + there +
            " --blocks 2 --calibration-blocks 1 --block-size 32 --methods identity --json -",
        "redundancy --model " + there + texts +
            "--points 120 --permutations 19 --ways zero --json -"}) {
    const program_run r = run(folder, command);
    INFO(r.err);
    CHECK(r.status == 0);
  }
}

TEST_CASE("models that cannot be compared are refused by the field that differs") {
  const temporary_folder folder;
  const program_run families = run(folder, "compare tiny-gpt2 tiny-llama");
  CHECK(families.status == 2);
  CHECK(families.one_line_of_error());
  CHECK(has(families.err, "tiny-llama: family: expected gpt2, as tiny-gpt2 has it, got llama"));
  const std::string micro = quoted(std::filesystem::path(atlas_test::model_folder("micro-gpt2")));
  const program_run shapes = run(folder, "compare tiny-gpt2 " + micro);
  CHECK(shapes.status == 2);
  CHECK(has(shapes.err, "layers: expected 6, as tiny-gpt2 has it, got"));
  // Equal shapes, another rotary embedding.
  atlas::transformer_config config = atlas_test::micro("tiny-llama").config();
  const atlas::transformer llama = atlas_test::micro("tiny-llama");
  config.rotary.theta = 500000;
  const atlas::transformer longer(config, [&](const std::string& name, const auto&) {
    std::vector<float> values;
    llama.for_each_parameter([&](const std::string& n, const auto&, std::span<const float> x) {
      if (n == name) values.assign(x.begin(), x.end());
    });
    return values;
  });
  const program_run rotary =
      run(folder, "compare tiny-llama " + save(folder, "longer", "tiny-llama", longer));
  CHECK(rotary.status == 2);
  CHECK(has(rotary.err, "rotary theta: expected 10000"));
  CHECK(run(folder, "compare tiny-gpt2").status == 2);
  CHECK(has(run(folder, "compare tiny-gpt2 tiny-gpt2 --blocks 3").err,
            "--blocks: expected at least 4 passages"));
  CHECK(has(run(folder, "compare tiny-gpt2 tiny-gpt2 --local-dim 33").err, "--local-dim"));
}

TEST_CASE("options of redundancy that would change nothing, or cannot be, are refused") {
  const temporary_folder folder;
  const auto refused = [&](const std::string& options) {
    const program_run r = run(folder, "redundancy " + options);
    CHECK(r.status == 2);
    CHECK(r.one_line_of_error());
    return r.err;
  };
  CHECK(has(refused("--ways zero --draws 2"), "--draws"));
  CHECK(has(refused("--ways zero,zero"), "--ways: expected different ones"));
  CHECK(has(refused("--blocks 3"), "--blocks: expected at least 4 passages"));
  CHECK(has(refused("--local-dim 33"), "--local-dim"));
  CHECK(has(refused("--layers 6"), "--layers"));
  CHECK(has(refused("--min-context 128"), "--min-context"));
  CHECK(has(refused("--held-out nowhere.txt"), "nowhere.txt"));
  CHECK(has(refused("--held-out a --held-out-tokens b"), "--held-out"));
}

}  // namespace

}  // namespace redundancy_command_test
