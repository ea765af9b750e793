// SPDX-License-Identifier: MIT
#include "atlas/io/safetensors.hpp"

#include "../target.hpp"

namespace {

namespace io = atlas::io;

const atlas_fuzz::registered safetensors("safetensors", [](atlas_fuzz::bytes input) {
  const auto file = io::safetensors::from_memory(input, "fuzzed");
  for (const std::string& name : file.names()) {
    atlas_fuzz::tried([&] { (void)file.read<float, 1>(name); });
    atlas_fuzz::tried([&] { (void)file.read<float, 2>(name); });
    atlas_fuzz::tried([&] { (void)file.read<atlas::index_t, 1>(name); });
  }
});

}  // namespace
