// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What one head did to one block of text: what models hand out and measurements take.

#include <functional>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// One head of one layer on one text block of T positions. The views live only during the call
/// that hands them out. Weights are `[query, key]`.
struct head_capture {
  index_t layer = 0;
  index_t head = 0;                     ///< query head
  index_t key_value_head = 0;           ///< head / heads_per_group
  index_t block = 0;                    ///< number of the text block
  tensor_view<const float, 2> logits;   ///< `[T, T]`, scaled, and capped where the model
                                        ///< caps them; masked keys are -inf
  tensor_view<const float, 2> weights;  ///< `[T, T]`, softmax of the logits
  tensor_view<const float, 2> values;   ///< `[T, d_head]`
  tensor_view<const float, 2> context;  ///< `[T, d_head]`, what the head hands on; empty for rules
  tensor_view<const float, 2> queries =
      {};  ///< `[T, d_head]`, normed and rotated by their positions, as the model does
  tensor_view<const float, 2> keys = {};  ///< `[T, d_head]`, likewise
  index_t window = 0;                     ///< keys that a query sees at most; 0: no limit
};

/// Receives captures. Called from several threads at once, for different (block, head) pairs:
/// write only to places that belong to the pair.
using head_observer = std::function<void(const head_capture&)>;

/// How a head turns weights and values into its output: rewrites `context`, `[T, d_head]`, which
/// holds full attention before. An empty rule is full attention. Called from several threads at
/// once, as observers are.
using context_rule = std::function<void(const head_capture&, tensor_view<float, 2> context)>;

}  // namespace atlas::inline ATLAS_ABI
