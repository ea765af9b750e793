// SPDX-License-Identifier: MIT
#include "../target.hpp"
#include "atlas/io/checkpoint.hpp"

namespace {

namespace io = atlas::io;

/// `model.safetensors.index.json`, of a folder with one shard in it.
const atlas_fuzz::registered shards("shards", [](atlas_fuzz::bytes input) {
  static const auto shard = atlas_fuzz::file_of(
      io::mapped_file(ATLAS_TEST_DATA "/gguf/llama/model.safetensors").bytes(), "a.safetensors");
  const auto index = atlas_fuzz::file_of(input, "model.safetensors.index.json");
  (void)io::checkpoint::open(index.parent_path());
});

}  // namespace
