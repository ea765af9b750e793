/// \file
/// The 2 nearest neighbours of every row of float clouds in 64 dimensions; arguments: rows,
/// threads. Beside peers: bench/peers/neighbors.sh.

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace {

constexpr atlas::index_t width = 64;

/// Normal numbers; `inner` of them, mapped linearly or curved, where that is less than the width.
atlas::owned_tensor<float, 2> cloud(atlas::index_t rows, atlas::index_t inner, bool curved) {
  atlas::owned_tensor<float, 2> out({rows, width});
  atlas::random_stream random(1);
  std::vector<double> map(static_cast<std::size_t>(inner * width)), z(map.size());
  for (double& m : map) m = random.normal();
  for (atlas::index_t i = 0; i < rows; ++i) {
    for (atlas::index_t k = 0; k < inner; ++k) z[static_cast<std::size_t>(k)] = random.normal();
    for (atlas::index_t c = 0; c < width; ++c) {
      double sum = inner == width ? z[static_cast<std::size_t>(c)] : 0;
      for (atlas::index_t k = 0; k < inner && inner < width; ++k)
        sum += z[static_cast<std::size_t>(k)] * map[static_cast<std::size_t>(k * width + c)];
      if (curved) sum = std::sin(0.5 * sum + 0.1 * static_cast<double>(c));
      out.mutable_view()(i, c) = static_cast<float>(sum);
    }
  }
  return out;
}

void search(benchmark::State& state, atlas::index_t inner, bool curved = false) {
  const auto points = cloud(state.range(0), inner, curved);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::nearest_neighbors(points, {.k = 2, .threads = static_cast<int>(state.range(1))}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void full_rank(benchmark::State& state) {
  search(state, width);
}
void seven_dimensions(benchmark::State& state) {
  search(state, 7);
}
void seven_curved_dimensions(benchmark::State& state) {
  search(state, 7, true);
}

BENCHMARK(full_rank)
    ->Args({1200, 1})
    ->Args({20000, 1})
    ->Args({20000, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(seven_dimensions)
    ->Args({20000, 1})
    ->Args({20000, 2})
    ->Args({100000, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(seven_curved_dimensions)
    ->Args({20000, 2})
    ->Args({100000, 1})
    ->Args({100000, 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
