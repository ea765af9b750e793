// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a forward pass hands out and replaces.

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/core/progress.hpp"

namespace atlas::inline ATLAS_ABI {

/// Receives rows [first_row, first_row + rows) of what a model computes for all its positions,
/// block after block; row = block * T + position. Called from one thread.
using rows_observer =
    std::function<void(index_t first_row, const tensor_view<const float, 2>& rows)>;

/// The same with the depth: 0 is the embedding, l the output of layer l - 1; the last one is after
/// the final norm, as in Hugging Face's `hidden_states`.
using hidden_observer =
    std::function<void(index_t depth, index_t first_row, const tensor_view<const float, 2>& rows)>;

/// Where a pass begins in place of the embedding: what another pass of the same layers over the
/// same blocks has computed.
struct forward_start {
  index_t layer = 0;                 ///< the first that runs
  tensor_view<const float, 2> rows;  ///< `[B * T, model_dimension]`, hidden states of this depth
};

struct forward_options {
  std::vector<index_t> observed_layers = {};    ///< whose heads the observer sees; empty for all
  head_observer observer = {};                  ///< called for each (layer, block, head)
  std::map<index_t, context_rule> rules = {};   ///< by layer; layers without one: full attention
  atlas::hidden_observer hidden_observer = {};  ///< rows are `[., model_dimension]`
  rows_observer logits_observer = {};           ///< rows are `[., vocabulary]`, before the softmax
  std::optional<forward_start> start = {};      ///< none: the embedding, before layer 0
  int threads = 0;                              ///< 0: all of the machine
  progress_callback on_progress =
      {};  ///< a step a layer and batch of blocks, and 256 rows of logits
};

}  // namespace atlas::inline ATLAS_ABI
