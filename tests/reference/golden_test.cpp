// SPDX-License-Identifier: MIT
/// \file
/// The reference transformer against tensors that another implementation computed.

#include <atomic>
#include <string>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/attention/residual.hpp"
#include "atlas/reference/perplexity.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;
using atlas::tensor_view;

namespace {

/// Everything that a golden file may hold, by its name there. The largest relative error.
class golden_comparison {
 public:
  explicit golden_comparison(const atlas::io::checkpoint& golden) : golden_(golden) {}

  void compare_head(const atlas::head_capture& head) {
    const std::string layer = std::to_string(head.layer);
    compare(head.weights, golden_.read<float, 3>("attention." + layer)[head.head]);
    compare(head.values, golden_.read<float, 3>("values." + layer)[head.head]);
    const auto residual = atlas::decompose_residual(head.weights, head.values);
    compare(residual.raw, golden_.read<float, 3>("epsilon." + layer)[head.head]);
  }
  template <std::size_t Rank>
  void compare(const tensor_view<const float, Rank>& got,
               const tensor_view<const float, Rank>& wanted) {
    const double error = relative_error<Rank>(got, wanted);
    worst_ = std::max(worst_, error);
    ++compared_;
  }
  double worst() const { return worst_; }
  int compared() const { return compared_; }

 private:
  const atlas::io::checkpoint& golden_;
  double worst_ = 0;
  int compared_ = 0;
};

/// A tiny model of an architecture and the logits that it should have.
class architecture_golden {
 public:
  explicit architecture_golden(const std::string& name)
      : folder_(std::string(ATLAS_TEST_DATA) + "/architectures/" + name),
        expected_(atlas::io::checkpoint::open(folder_ + "/expected.safetensors")),
        tensors_(atlas::io::checkpoint::open(folder_)) {
    const auto ids = expected_.read<std::int32_t, 1>("ids");
    block_ = atlas::owned_tensor<atlas::index_t, 2>({1, ids.extent(0)});
    for (atlas::index_t t = 0; t < ids.extent(0); ++t) block_.mutable_view()(0, t) = ids[t];
  }

  atlas::transformer_config config() const { return atlas::io::open_transformer_config(folder_); }
  /// Relative error of the logits of a model with these weights.
  double error(const atlas::transformer_config& c, int threads) const {
    const auto wanted = expected_.read<float, 2>("logits");
    double error = INFINITY;
    atlas::forward_options options;
    options.threads = threads;
    options.logits_observer = [&](atlas::index_t, const tensor_view<const float, 2>& rows) {
      error = relative_error<2>(rows, wanted);
    };
    atlas::io::read_transformer(c, tensors_).forward(block_, options);
    return error;
  }

 private:
  std::string folder_;
  atlas::io::checkpoint expected_, tensors_;
  atlas::owned_tensor<atlas::index_t, 2> block_;
};

}  // namespace

TEST_CASE("the micro models give the golden tensors") {
  for (const std::string name : {"micro-gpt2", "micro-llama", "micro-llama-headdim",
                                 "micro-llama3-rope", "micro-mistral", "micro-qwen2"}) {
    CAPTURE(name);
    const auto model = atlas::io::open_transformer(model_folder(name));
    const auto golden = golden_of(name);
    golden_comparison heads(golden), hidden(golden), logits(golden);
    atlas::forward_options options;
    options.threads = 1;
    options.observer = [&](const atlas::head_capture& head) { heads.compare_head(head); };
    options.hidden_observer = [&](atlas::index_t depth, atlas::index_t,
                                  const tensor_view<const float, 2>& rows) {
      hidden.compare<2>(rows, golden.read<float, 2>("hidden." + std::to_string(depth)));
    };
    options.logits_observer = [&](atlas::index_t, const tensor_view<const float, 2>& rows) {
      logits.compare<2>(rows, golden.read<float, 2>("logits"));
    };
    const auto block = golden_block(golden);
    model.forward(block, options);
    CHECK(heads.compared() == 2 * 4 * 3);
    CHECK(heads.worst() < tolerance::micro_golden);
    CHECK(hidden.compared() == 3);
    CHECK(hidden.worst() < tolerance::micro_golden);
    CHECK(logits.compared() == 1);
    CHECK(logits.worst() < tolerance::micro_golden);
    const auto loss = atlas::perplexity(model, block).loss;
    CHECK(loss == Approx(golden.read<float, 1>("loss")[0]).epsilon(tolerance::micro_golden));
  }
}

TEST_CASE("the architectures beside these give the logits of transformers") {
  for (const std::string name :
       {"qwen3", "gemma2", "gemma3", "phi3", "gpt_neox", "gpt_neox_in_turn", "olmo2"}) {
    CAPTURE(name);
    const architecture_golden golden(name);
    CHECK(golden.error(golden.config(), 1) < tolerance::architecture_golden);
    CHECK(golden.error(golden.config(), 3) < tolerance::architecture_golden);
  }
}

TEST_CASE("mixed architectures give the logits of PyTorch") {
  for (const std::string name : {"own_layer_learned_gated", "own_rms_learned_plain",
                                 "own_layer_rotary_gated", "own_rms_learned_gated"}) {
    CAPTURE(name);
    const architecture_golden golden(name);
    CHECK(golden.error(golden.config(), 1) < tolerance::architecture_golden);
    CHECK(golden.error(golden.config(), 3) < tolerance::architecture_golden);
  }
}

TEST_CASE("each setting of an architecture is one that its golden logits depend on") {
  using config = atlas::transformer_config;
  const auto depends = [](const std::string& name, void (*change)(config&)) {
    const architecture_golden golden(name);
    config c = golden.config();
    change(c);
    REQUIRE(c != golden.config());
    CHECK(golden.error(c, 1) > 1e-3);
  };
  for (const std::string name : {"qwen3", "gemma2", "gemma3", "phi3"})
    depends(name, [](config& c) { c.windows.clear(); });
  for (const std::string name : {"gemma2", "gemma3"}) {
    depends(name, [](config& c) { c.output_cap = 0; });
    depends(name, [](config& c) { c.embedding_scale = 1; });
    depends(name, [](config& c) { c.norm_offset = 0; });
    depends(name, [](config& c) { c.query_scalar = 0; });
    depends(name, [](config& c) { std::swap(c.windows[0], c.windows[1]); });
  }
  depends("gemma2", [](config& c) { c.logit_cap = 0; });
  depends("gemma3", [](config& c) { c.window_rotary = {}; });
  depends("gemma3", [](config& c) { c.rotary.kind = {}; });
  depends("gemma3", [](config& c) { c.rotary.theta = 1e4; });
  depends("phi3", [](config& c) { c.rotary_share = 1; });
  depends("gpt_neox", [](config& c) { c.rotary_share = 1; });
  depends("gpt_neox", [](config& c) { c.rotary.theta = 1e4; });
  depends("gpt_neox", [](config& c) { c.parallel_residual = false; });
  depends("gpt_neox_in_turn", [](config& c) { c.parallel_residual = true; });
  depends("own_layer_learned_gated", [](config& c) { c.norm_offset = 0; });
  depends("own_layer_learned_gated", [](config& c) { c.embedding_scale = 1; });
  depends("own_rms_learned_plain", [](config& c) { c.query_scalar = 0; });
  depends("own_rms_learned_plain", [](config& c) { c.parallel_residual = false; });
  depends("own_layer_rotary_gated", [](config& c) { c.window_rotary = {}; });
  depends("own_layer_rotary_gated", [](config& c) { c.rotary_share = 1; });
  depends("own_rms_learned_gated", [](config& c) { c.scale_by_layer = false; });
  depends("own_rms_learned_gated", [](config& c) { c.logit_cap = 0; });
  depends("own_rms_learned_gated", [](config& c) { c.output_cap = 0; });
}

TEST_CASE("the trained models give the golden tensors") {
  for (const std::string name : {"tiny-gpt2", "tiny-llama"}) {
    CAPTURE(name);
    const auto model = atlas::io::open_transformer(model_folder(name));
    const auto golden = golden_of(name);
    const auto residuals = golden.read<float, 3>("epsilon_last");
    const auto row = golden.read<float, 2>("attention_mid_row255");
    golden_comparison last(golden), middle(golden), hidden(golden), logits(golden);
    atlas::forward_options options;
    options.threads = 1;
    options.observed_layers = {3, 5};
    options.observer = [&](const atlas::head_capture& head) {
      if (head.layer == 3)
        middle.compare<1>(head.weights[255], row[head.head]);
      else
        last.compare<2>(atlas::decompose_residual(head.weights, head.values).raw,
                        residuals[head.head]);
    };
    options.hidden_observer = [&](atlas::index_t depth, atlas::index_t,
                                  const tensor_view<const float, 2>& rows) {
      if (depth == 6) hidden.compare<2>(rows, golden.read<float, 2>("hidden_last"));
    };
    options.logits_observer = [&](atlas::index_t, const tensor_view<const float, 2>& rows) {
      const tensor_view<const float, 2> tail(&rows(248, 0), {8, rows.extent(1)});
      logits.compare<2>(tail, golden.read<float, 2>("logits_last8"));
    };
    model.forward(golden_block(golden), options);
    for (const auto* part : {&last, &middle, &hidden, &logits})
      CHECK(part->worst() < tolerance::tiny_golden);
    CHECK(last.compared() == 6);
    CHECK(middle.compared() == 6);
    CHECK(hidden.compared() == 1);
    CHECK(logits.compared() == 1);
  }
}

TEST_CASE("perplexities of the trained models are the published ones") {
  struct published {
    std::string model, text;
    double perplexity;
  };
  for (const auto& [name, text, wanted] :
       {published{"tiny-gpt2", "moby-dick", 42.2536}, published{"tiny-gpt2", "addresses", 35.2005},
        published{"tiny-llama", "moby-dick", 40.8137},
        published{"tiny-llama", "addresses", 34.8797}}) {
    CAPTURE(name, text);
    const auto lm = atlas::io::open_model(model_folder(name));
    const auto words = atlas::io::read_text(std::string(ATLAS_EXAMPLE_DATA) + "/" + text + ".txt");
    const auto blocks = atlas::io::text_blocks(lm.tokenizer, words, 12, 256);
    const auto got = atlas::perplexity(lm.model, blocks);
    CHECK(got.perplexity == Approx(wanted).epsilon(tolerance::perplexity));
    CHECK(got.tokens == 12 * 255);
    CHECK(got.standard_error > 0);
  }
}
