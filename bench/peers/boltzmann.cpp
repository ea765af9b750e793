// SPDX-License-Identifier: MIT
/// \file
/// Seconds that Boltzmann observables and density matrices of attention take, part by part, as
/// JSON. Run by boltzmann.py, beside PyTorch.
/// `peer_boltzmann FILE heads rows d threads`, FILE float32: logits `[heads, rows, rows]`, then
/// values `[heads, rows, d]`

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"

namespace {

/// The shortest of three runs: of one a round, the first would be that of cold pages.
template <class Work>
double seconds(Work&& work) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const auto end = std::chrono::steady_clock::now();
    best = std::min(best, std::chrono::duration<double>(end - start).count());
  }
  return best;
}

double mean(const atlas::owned_tensor<double, 2>& x) {
  double sum = 0;
  for (atlas::index_t i = 0; i < x.size(); ++i) sum += x.data()[i];
  return sum / static_cast<double>(x.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 1;
  const atlas::index_t heads = std::atol(argv[2]), rows = std::atol(argv[3]),
                       d = std::atol(argv[4]);
  const int threads = std::atoi(argv[5]);
  atlas::owned_tensor<float, 3> logits({heads, rows, rows}), values({heads, rows, d});
  std::ifstream file(argv[1], std::ios::binary);
  for (auto* x : {&logits, &values})
    file.read(reinterpret_cast<char*>(x->mutable_view().data()),
              static_cast<std::streamsize>(sizeof(float)) * x->size());
  if (!file) return 1;
  double shannon = 0, purity = 0, entropy = 0;
  const double softmax = seconds([&] { (void)atlas::softmax<3>(logits, {.threads = threads}); });
  const auto weights = atlas::softmax<3>(logits, {.threads = threads});
  const double observables = seconds([&] {
    shannon = mean(atlas::boltzmann_observables<3>(logits, {.threads = threads}).entropy);
  });
  const auto density = [&](bool entropies) {
    return seconds([&] {
      const auto got =
          atlas::density_matrices(weights, values, {.entropy = entropies, .threads = threads});
      purity = mean(got.purity);
      entropy = mean(got.von_neumann_entropy);
    });
  };
  const double pure = density(false), whole = density(true);
  std::printf(
      "{\"softmax\": %.6f, \"observables\": %.6f, \"purity\": %.6f, \"purity and entropy\": %.6f, "
      "\"means\": [%.9f, %.9f, %.9f]}\n",
      softmax, observables, pure, whole, shannon, purity, entropy);
}
