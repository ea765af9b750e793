// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Context rules: what a head hands on instead of, or as, full attention.

#include <algorithm>
#include <numeric>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

/// The sum of all values under their weights: what no rule does as well, written out, to check
/// rules against. O(T^2 d).
template <class = lazy>
[[nodiscard]] context_rule full_rule() {
  return [](const head_capture& head, tensor_view<float, 2> context) {
    const index_t keys = head.values.extent(0), d = head.values.extent(1);
    std::vector<double> sum;
    for (index_t t = 0; t < head.weights.extent(0); ++t) {
      sum.assign(static_cast<std::size_t>(d), 0.0);
      for (index_t j = 0; j < keys; ++j) {
        const auto w = static_cast<double>(head.weights(t, j));
        if (w == 0) continue;
        for (index_t k = 0; k < d; ++k)
          sum[static_cast<std::size_t>(k)] += w * static_cast<double>(head.values(j, k));
      }
      for (index_t k = 0; k < d; ++k)
        context(t, k) = static_cast<float>(sum[static_cast<std::size_t>(k)]);
    }
  };
}

namespace detail {

/// The `k` keys of the largest weights (of equal ones, the first), or all where there are fewer.
template <class = lazy>
void largest_weights(const tensor_view<const float, 1>& weights, index_t k,
                     std::vector<index_t>& keys) {
  keys.resize(static_cast<std::size_t>(weights.extent(0)));
  std::iota(keys.begin(), keys.end(), index_t{0});
  const auto last = keys.begin() + (std::min)(k, weights.extent(0));
  std::partial_sort(keys.begin(), last, keys.end(), [&](index_t a, index_t b) {
    return weights[a] != weights[b] ? weights[a] > weights[b] : a < b;
  });
  keys.erase(last, keys.end());
}

}  // namespace detail

/// Softmax over the k keys of the largest logits: their weights, rescaled to sum to 1. With k = 1
/// the context is `V*`, the value that the head looks at most.
/// \throws value_error for k < 1
template <class = lazy>
[[nodiscard]] context_rule top_k_rule(index_t k) {
  check_between(k, 1, index_t{1} << 40, "k");
  return [k](const head_capture& head, tensor_view<float, 2> context) {
    std::vector<index_t> keys;
    for (index_t t = 0; t < head.weights.extent(0); ++t) {
      detail::largest_weights(head.weights[t], k, keys);
      double total = 0;
      for (const index_t j : keys) total += static_cast<double>(head.weights(t, j));
      for (index_t c = 0; c < context.extent(1); ++c) {
        double sum = 0;
        for (const index_t j : keys)
          sum += static_cast<double>(head.weights(t, j)) * static_cast<double>(head.values(j, c));
        context(t, c) = static_cast<float>(sum / total);
      }
    }
  };
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_ATTENTION context_rule full_rule<void>();
ATLAS_OF_ATTENTION context_rule top_k_rule<void>(index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
