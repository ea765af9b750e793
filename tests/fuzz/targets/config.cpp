// SPDX-License-Identifier: MIT
#include "atlas/io/config.hpp"

#include "../target.hpp"
#include "atlas/io/checkpoint.hpp"
#include "atlas/io/folders/model_weights.hpp"

namespace {

namespace io = atlas::io;

/// With the tensors of a small Llama, which few configurations fit.
const atlas_fuzz::registered config("config", [](atlas_fuzz::bytes input) {
  static const auto tensors = io::checkpoint::open(ATLAS_TEST_DATA "/gguf/llama");
  const auto read = io::parse_transformer_config(atlas_fuzz::text_of(input), "fuzzed");
  (void)io::read_transformer(read, tensors);
});

}  // namespace
