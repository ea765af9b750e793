// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Small models of the family atlas in every combination of five choices of an architecture.

#include <vector>

#include "atlas/reference/config.hpp"

namespace atlas_test {

/// All 32: grouped queries, heads of another dimension, rotary positions, RMSNorm, a gated MLP,
/// each or not.
inline std::vector<atlas::transformer_config> every_combination() {
  std::vector<atlas::transformer_config> all;
  for (int choice = 0; choice < 32; ++choice) {
    const auto chosen = [&](int factor) { return ((choice >> factor) & 1) != 0; };
    atlas::transformer_config c;
    c.family = atlas::model_family::atlas;
    c.layers = 2;
    c.model_dimension = 8;
    c.heads = 4;
    c.key_value_heads = chosen(0) ? 2 : 4;
    c.head_dimension = chosen(1) ? 6 : 2;
    c.mlp_dimension = 12;
    c.vocabulary = 11;
    c.positions = 160;
    c.rotary_share = chosen(2) ? 1 : 0;
    c.norm = chosen(3) ? atlas::norm_kind::rms : atlas::norm_kind::layer;
    c.gated_mlp = chosen(4);
    c.mlp_activation = chosen(4) ? atlas::activation::silu : atlas::activation::gelu_tanh;
    all.push_back(c);
  }
  return all;
}

}  // namespace atlas_test
