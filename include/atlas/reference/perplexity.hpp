// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How well a model predicts a text.

#include <cmath>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/reference/transformer.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct perplexity_result {
  double perplexity = 0;
  double standard_error = 0;         ///< of the perplexity; NaN for a single block
  double loss = 0;                   ///< nats per predicted token
  double loss_standard_error = 0;    ///< from the spread between blocks
  index_t tokens = 0;                ///< predicted
  std::vector<double> block_losses;  ///< `[B]`, means over the tokens of each block
};

namespace detail {

/// `-log softmax(logits)[token]`, summed in double.
template <class = lazy>
double token_loss(const tensor_view<const float, 1>& logits, index_t token) {
  float top = logits[0];
  for (index_t v = 1; v < logits.extent(0); ++v) top = (std::max)(top, logits[v]);
  double sum = 0;
  for (index_t v = 0; v < logits.extent(0); ++v)
    sum += static_cast<double>(std::exp(logits[v] - top));
  return std::log(sum) + static_cast<double>(top) - static_cast<double>(logits[token]);
}

template <class = lazy>
perplexity_result perplexity_of(const transformer& model,
                                const tensor_view<const index_t, 2>& blocks,
                                forward_options options) {
  check_not_empty(blocks, "blocks");
  const index_t t = blocks.extent(1);
  if (t < 2) throw shape_error("blocks", "at least 2 positions", std::to_string(t));
  std::vector<double> losses(static_cast<std::size_t>(blocks.extent(0) * t), 0.0);
  const rows_observer also = options.logits_observer;
  const int threads = options.threads;
  options.logits_observer = [&](index_t first, const tensor_view<const float, 2>& logits) {
    if (also) also(first, logits);
    parallel_for(logits.extent(0), threads, [&](index_t i) {
      const index_t row = first + i;
      if (row % t + 1 < t)
        losses[static_cast<std::size_t>(row)] = token_loss(logits[i], blocks(row / t, row % t + 1));
    });
  };
  model.forward(blocks, options);
  perplexity_result out;
  for (index_t b = 0; b < blocks.extent(0); ++b) {
    double sum = 0;
    for (index_t i = 0; i + 1 < t; ++i) sum += losses[static_cast<std::size_t>(b * t + i)];
    out.block_losses.push_back(sum / static_cast<double>(t - 1));
  }
  const sample_summary s = summarize(out.block_losses);
  out.loss = s.mean;
  out.loss_standard_error = s.sd / std::sqrt(static_cast<double>(blocks.extent(0)));
  out.perplexity = std::exp(s.mean);
  out.standard_error = out.perplexity * out.loss_standard_error;
  out.tokens = blocks.extent(0) * (t - 1);
  return out;
}

}  // namespace detail

/// Perplexity over blocks of a text, each read without the ones before it: in a block of T tokens
/// the first is given and T - 1 are predicted.
///
/// \param blocks `[B, T]` token ids, whole numbers of any type
/// \param options rules, threads and progress are used; observers see the pass too
/// \throws as transformer::forward; shape_error for blocks of one token
template <whole_tensor<2> Blocks>
[[nodiscard]] perplexity_result perplexity(const transformer& model, const Blocks& blocks,
                                           forward_options options = {}) {
  const auto held = detail::view_indices<2>(blocks, "blocks");
  return detail::perplexity_of(model, held, std::move(options));
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_REFERENCE perplexity_result perplexity_of<void>(const transformer&,
                                                         const tensor_view<const index_t, 2>&,
                                                         forward_options);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
