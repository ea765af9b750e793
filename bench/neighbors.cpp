// SPDX-License-Identifier: MIT
/// \file
/// The 2 nearest neighbours of every row of float clouds in 64 dimensions; arguments: rows,
/// threads. Beside peers: bench/peers/neighbors.sh. `exclusions` searches the same serial cloud
/// under one exclusion after the other, on one thread: medians of the rounds in milliseconds, and
/// of the ratios to whole contexts in the same round.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace {

using atlas::index_t;

constexpr index_t wide = 64;

/// Normal numbers; `inner` of them, mapped linearly or curved, where that is less than the width.
/// \param context rows that follow each other with correlation 0.9; 1: all are independent
atlas::owned_tensor<float, 2> cloud(index_t rows, index_t width, index_t inner, bool curved,
                                    index_t context = 1) {
  atlas::owned_tensor<float, 2> out({rows, width});
  atlas::random_stream random(1);
  std::vector<double> map(static_cast<std::size_t>(inner * width)), z(map.size());
  for (double& m : map) m = random.normal();
  for (index_t i = 0; i < rows; ++i) {
    const double kept = i % context == 0 ? 0 : 0.9;
    for (index_t k = 0; k < inner; ++k) {
      double& x = z[static_cast<std::size_t>(k)];
      x = kept * x + std::sqrt(1 - kept * kept) * random.normal();
    }
    for (index_t c = 0; c < width; ++c) {
      double sum = inner == width ? z[static_cast<std::size_t>(c)] : 0;
      for (index_t k = 0; k < inner && inner < width; ++k)
        sum += z[static_cast<std::size_t>(k)] * map[static_cast<std::size_t>(k * width + c)];
      if (curved) sum = std::sin(0.5 * sum + 0.1 * static_cast<double>(c));
      out.mutable_view()(i, c) = static_cast<float>(sum);
    }
  }
  return out;
}

void search(benchmark::State& state, index_t inner, bool curved = false) {
  const auto points = cloud(state.range(0), wide, inner, curved);
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::nearest_neighbors(points, {.k = 2, .threads = static_cast<int>(state.range(1))}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// Of the processor, which others that use it do not stretch.
double milliseconds(const atlas::owned_tensor<float, 2>& points,
                    const atlas::neighbor_options& options) {
  const std::clock_t start = std::clock();
  benchmark::DoNotOptimize(atlas::nearest_neighbors(points, options));
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2), x.end());
  return x[x.size() / 2];
}

/// Arguments: rows, width, rows of a context, dimensions, whether curved, neighbours.
void exclusions(benchmark::State& state) {
  const index_t n = state.range(0), size = state.range(2);
  const auto points = cloud(n, state.range(1), (std::min)(state.range(1), state.range(3)),
                            state.range(4) != 0, size);
  atlas::random_stream random(2);
  std::vector<index_t> context, token;
  for (index_t i = 0; i < n; ++i) {
    context.push_back(i / size);
    token.push_back(static_cast<index_t>(std::pow(5000, random.uniform())));  // as words occur
  }
  const auto whole = atlas::same_context(context), distinct = atlas::distinct_contexts(context);
  const struct {
    const char* name;
    atlas::exclusion exclude;
  } cases[] = {{"whole", whole},
               {"distinct", distinct},
               {"whole_tokens", also_excluding(whole, token)},
               {"distinct_tokens", also_excluding(distinct, token)}};
  std::vector<double> times[4], ratios[4];
  for (auto _ : state)
    for (std::size_t c = 0; c < 4; ++c) {
      times[c].push_back(
          milliseconds(points, {.k = state.range(5), .exclude = cases[c].exclude, .threads = 1}));
      ratios[c].push_back(times[c].back() / times[0].back());
    }
  state.counters["whole_ms"] = median(times[0]);
  for (std::size_t c = 1; c < 4; ++c) state.counters[cases[c].name] = median(ratios[c]);
}

void full_rank(benchmark::State& state) {
  search(state, wide);
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

void few_rows(benchmark::internal::Benchmark* b) {
  for (const index_t width : {32, 64})
    for (const index_t context : {12, 256})
      for (const index_t k : {2, 5}) b->Args({1200, width, context, width, 0, k});
}
void many_rows(benchmark::internal::Benchmark* b) {
  for (const index_t width : {32, 64})
    for (const index_t context : {12, 256}) b->Args({20000, width, context, width, 0, 2});
  for (const index_t curved : {0, 1})
    for (const index_t context : {12, 256}) b->Args({20000, 64, context, 7, curved, 2});
}
void most_rows(benchmark::internal::Benchmark* b) {
  for (const index_t context : {12, 256}) {
    b->Args({100000, 64, context, 7, 0, 2});
    b->Args({100000, 64, context, 7, 1, 2});
    b->Args({100000, 32, context, 32, 0, 2});
  }
}
BENCHMARK(exclusions)->Apply(few_rows)->Iterations(25)->Unit(benchmark::kMillisecond);
BENCHMARK(exclusions)->Apply(many_rows)->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(exclusions)->Apply(most_rows)->Iterations(3)->Unit(benchmark::kMillisecond);

}  // namespace
