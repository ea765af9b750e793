// SPDX-License-Identifier: MIT
/// \file
/// Observables of the 12 heads of a layer, 1,024 causal rows of 1,024 keys each, against the plain
/// loops that one would write; argument: threads.

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cmath>
#include <limits>
#include <vector>

#include "atlas/boltzmann/density_matrix.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/core/random.hpp"

namespace {

constexpr atlas::index_t heads = 12, rows = 1024, width = 64;

struct layer {
  atlas::owned_tensor<float, 3> logits{{heads, rows, rows}}, weights, values{{heads, rows, width}};

  layer() {
    atlas::random_stream random(1);
    for (atlas::index_t h = 0; h < heads; ++h)
      for (atlas::index_t q = 0; q < rows; ++q)
        for (atlas::index_t k = 0; k < rows; ++k)
          logits.mutable_view()(h, q, k) = k <= q ? static_cast<float>(2 * random.normal())
                                                  : -std::numeric_limits<float>::infinity();
    for (atlas::index_t i = 0; i < values.size(); ++i)
      values.mutable_view().data()[i] = static_cast<float>(random.normal());
    weights = atlas::softmax<3>(logits);
  }
  static const layer& shared() {
    static const layer instance;
    return instance;
  }
};

/// The definitions, one loop each, in double.
void plain_loops(benchmark::State& state) {
  const layer& l = layer::shared();
  for (auto _ : state)
    for (atlas::index_t r = 0; r < heads * rows; ++r) {
      const float* s = l.logits.data() + r * rows;
      double top = s[0], z = 0, mean = 0, square = 0, entropy = 0;
      for (atlas::index_t k = 1; k < rows; ++k) top = std::max(top, static_cast<double>(s[k]));
      std::vector<double> p(rows);
      for (std::size_t k = 0; k < rows; ++k) z += p[k] = std::exp(static_cast<double>(s[k]) - top);
      for (std::size_t k = 0; k < rows; ++k)
        if (p[k] > 0) {
          p[k] /= z;
          mean -= p[k] * static_cast<double>(s[k]);
          entropy -= p[k] * std::log(p[k]);
        }
      for (std::size_t k = 0; k < rows; ++k)
        if (p[k] > 0) square += p[k] * std::pow(-static_cast<double>(s[k]) - mean, 2);
      benchmark::DoNotOptimize(square + entropy);
    }
}

void observables(benchmark::State& state) {
  const layer& l = layer::shared();
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::boltzmann_observables<3>(l.logits, {.threads = static_cast<int>(state.range(0))}));
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Counts how far the peak of the process rises over its inputs.
void density(benchmark::State& state) {
  const layer& l = layer::shared();
  static const double before = peak_mib();  // of all repetitions
  for (auto _ : state)
    benchmark::DoNotOptimize(atlas::density_matrices(
        l.weights, l.values,
        {.entropy = state.range(1) != 0, .threads = static_cast<int>(state.range(0))}));
  state.counters["peak_MiB_more"] = peak_mib() - before;
}

}  // namespace

BENCHMARK(plain_loops)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(observables)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(density)
    ->Args({1, 1})
    ->Args({2, 1})
    ->Args({1, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
