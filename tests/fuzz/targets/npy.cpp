// SPDX-License-Identifier: MIT
#include "atlas/io/npy.hpp"

#include "../target.hpp"
#include "atlas/io/tokens.hpp"

namespace {

namespace io = atlas::io;

const atlas_fuzz::registered npy("npy", [](atlas_fuzz::bytes input) {
  const auto file = atlas_fuzz::file_of(input, "fuzzed.npy");
  (void)io::npy_header(file);
  atlas_fuzz::tried([&] { (void)io::read_npy<double, 1>(file); });
  atlas_fuzz::tried([&] { (void)io::read_npy<float, 2>(file); });
  atlas_fuzz::tried([&] { (void)io::read_npy<float, 3>(file); });
  (void)io::read_tokens(file, 1000);
});

}  // namespace
