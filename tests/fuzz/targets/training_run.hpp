// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A training so small that its checkpoints are seeds.

#include <vector>

#include "atlas/reference/random_transformer.hpp"
#include "atlas/reference/training/trainer.hpp"

namespace atlas_fuzz {

inline atlas::trainer training_run() {
  atlas::transformer_config c;
  c.layers = 1;
  c.model_dimension = 4;
  c.heads = c.key_value_heads = 1;
  c.head_dimension = 4;
  c.mlp_dimension = 8;
  c.vocabulary = 6;
  c.positions = 4;
  std::vector<atlas::index_t> tokens;
  for (atlas::index_t i = 0; i < 20; ++i) tokens.push_back(i * i % 6);
  return {atlas::random_transformer(c, {.seed = 1}),
          tokens,
          {.batch = 1, .tokens_per_block = 4, .schedule = {.warmup = 1, .steps = 4}}};
}

}  // namespace atlas_fuzz
