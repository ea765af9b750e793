// SPDX-License-Identifier: MIT
// Measures the heads of a model that runs in LibTorch: its attention weights and values go to the
// library as they are. The library's own transformer reads the same text, and both must agree.
//
// Usage: torch_attention MODEL_FOLDER TEXT_FILE
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "atlas/adapters/torch.hpp"
#include "atlas/attention/clouds.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/io/model.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "torch_gpt2.hpp"

namespace {

using atlas::index_t;

constexpr index_t blocks = 16, tokens_per_block = 128, local_dimension = 7;

/// Of the largest logit. Two programs that sum float32 in other orders differ by some 1e-6 of it.
constexpr double logit_tolerance = 1e-5;
/// Relative; a measure moves where two nearly equal distances swap.
constexpr double measure_tolerance = 1e-3;

struct measures {
  std::vector<double> dimensions;  ///< TwoNN of each head, without neighbours of the same block
  std::vector<index_t> ranks;      ///< of its PCA
  atlas::overlap_estimate overlap;
};

measures measure(const atlas::head_clouds& clouds) {
  measures out;
  for (index_t h = 0; h < clouds.points.extent(0); ++h) {
    out.dimensions.push_back(
        atlas::two_nn(clouds.points[h], {.exclude = clouds.same_context()}).dimension);
    out.ranks.push_back(atlas::pca_rank(clouds.points[h]).rank);
  }
  const auto frames = atlas::principal_frames(clouds.points, local_dimension);
  out.overlap = atlas::head_overlap(frames).global;
  return out;
}

/// Hands what LibTorch computed, `[B, H, T, T]` and `[B, H, T, d_head]`, to an observer of heads.
torch_gpt2::attention_observer captures(index_t layer, const atlas::head_observer& observer) {
  return [layer, observer](const at::Tensor& weights, const at::Tensor& values) {
    const auto a = atlas::as_view<4>(weights), v = atlas::as_view<4>(values);
    for (index_t b = 0; b < a.extent(0); ++b)
      for (index_t h = 0; h < a.extent(1); ++h) {
        atlas::head_capture capture;
        capture.layer = layer;
        capture.head = capture.key_value_head = h;
        capture.block = b;
        capture.weights = a[b][h];
        capture.values = v[b][h];
        observer(capture);
      }
  };
}

/// The largest difference of logits, `[B * T, vocabulary]`, as the reference hands them out.
atlas::rows_observer compare(const at::Tensor& logits, double& largest) {
  return [&](index_t first, const atlas::tensor_view<const float, 2>& rows) {
    const at::Tensor ours =
        at::from_blob(const_cast<float*>(rows.data()), {rows.extent(0), rows.extent(1)});
    const at::Tensor theirs = logits.slice(0, first, first + rows.extent(0));
    largest = std::max(largest, at::abs(ours - theirs).max().item<double>());
  };
}

bool close(double a, double b) {
  return std::abs(a - b) <= measure_tolerance * std::abs(b);
}

/// Prints both sets of measures. \return whether they agree
bool agree(const measures& ours, const measures& theirs) {
  bool all = true;
  std::printf("head    TwoNN: LibTorch      atlas    PCA rank: LibTorch  atlas\n");
  for (std::size_t h = 0; h < ours.dimensions.size(); ++h) {
    std::printf("%4zu %18.4f %10.4f %21td %6td\n", h, ours.dimensions[h], theirs.dimensions[h],
                ours.ranks[h], theirs.ranks[h]);
    all =
        all && close(ours.dimensions[h], theirs.dimensions[h]) && ours.ranks[h] == theirs.ranks[h];
  }
  std::printf("overlap of the heads' %td main directions: LibTorch %.6f, atlas %.6f (Haar %.4f)\n",
              local_dimension, ours.overlap.mean, theirs.overlap.mean, theirs.overlap.null_mean);
  return all && close(ours.overlap.mean, theirs.overlap.mean);
}

bool run(const std::string& folder, const std::string& text) {
  const atlas::io::language_model lm = atlas::io::open_model(folder);
  const atlas::transformer_config& c = lm.model.config();
  const torch_gpt2::model model(atlas::io::checkpoint::open(folder), c);
  const auto tokens =
      atlas::io::text_blocks(lm.tokenizer, atlas::io::read_text(text), blocks, tokens_per_block);
  const index_t deepest = c.layers - 1;
  const atlas::cloud_options options{.layers = {deepest},
                                     .heads = c.heads,
                                     .head_dimension = c.head_dimension,
                                     .blocks = blocks,
                                     .tokens_per_block = tokens_per_block};

  const at::NoGradGuard without_gradients;
  atlas::cloud_collector collector(options);
  const at::Tensor ids =
      at::from_blob(const_cast<index_t*>(tokens.data()), {blocks, tokens_per_block}, at::kLong);
  const at::Tensor logits =
      model.forward(ids, captures(deepest, collector.observer())).flatten(0, 1);

  double difference = 0;
  atlas::cloud_collector reference(options);
  lm.model.forward(tokens, {.observed_layers = {deepest},
                            .observer = reference.observer(),
                            .logits_observer = compare(logits, difference)});
  const double largest = at::abs(logits).max().item<double>();
  std::printf("%td blocks of %td tokens; layer %td, %td points a head\n", blocks, tokens_per_block,
              deepest, collector.rows());
  std::printf("logits up to %.2f differ by at most %.1e\n\n", largest, difference);
  const bool same = agree(measure(collector.clouds(deepest)), measure(reference.clouds(deepest)));
  return same && difference <= logit_tolerance * largest;
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) {
    std::fprintf(stderr, "usage: %s MODEL_FOLDER TEXT_FILE\n", arguments[0]);
    return 2;
  }
  const bool same = run(arguments[1], arguments[2]);
  std::printf("\nLibTorch and the library's transformer %s\n", same ? "agree" : "DISAGREE");
  return same ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
