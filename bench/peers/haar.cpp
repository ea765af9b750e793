// SPDX-License-Identifier: MIT
/// \file
/// Seconds that the Haar null of 7-dimensional subspaces takes, and its standard error, as JSON.
/// Run by haar.py, beside PyTorch. `peer_haar d draws threads`

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "atlas/subspace/haar.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const atlas::index_t d = std::atol(argv[1]), draws = std::atol(argv[2]);
  const int threads = std::atoi(argv[3]);
  double best = 1e9;
  atlas::haar_null null;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    null = atlas::haar_overlap(d, 7, {.draws = draws, .threads = threads});
    const auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double>(end - start).count());
  }
  std::printf("{\"seconds\": %.6f, \"mean\": %.9g, \"error\": %.4g}\n", best, null.mean,
              null.standard_error);
}
