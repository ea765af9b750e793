// SPDX-License-Identifier: MIT
/// \file
/// Estimators of dimension on one thread, with their defaults, on N rows of a Gaussian cloud in 64
/// dimensions: each with its search for neighbours but without its error, and, where distances to
/// neighbours are enough, from a table of them, without and with its error. Argument: N.

#include <benchmark/benchmark.h>

#include <string>

#include "atlas/dimension/any_estimator.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/manifolds/draw_manifold.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/simulation/clouds.hpp"

namespace {

constexpr atlas::index_t columns = 64, most_neighbors = 100;

atlas::owned_tensor<double, 2> cloud(atlas::index_t rows) {
  atlas::random_stream random(1);
  return atlas::simulate_gaussian(rows, columns, random);
}

/// Of a cube of 7 dimensions, turned into 64, looked for once and on all threads.
const atlas::neighbor_table& table(atlas::index_t rows) {
  static atlas::neighbor_table held;
  if (held.distances.extent(0) == rows) return held;
  const auto cube = atlas::draw_manifold("cube_7", rows, {.ambient = columns});
  held = atlas::nearest_neighbors(cube.points, {.k = most_neighbors});
  return held;
}

template <class Estimator>
void of_points(benchmark::State& state, const Estimator& estimator) {
  const auto points = cloud(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::estimate_dimension(points, estimator, {.errors = false, .threads = 1}));
}

template <class Estimator>
void of_neighbors(benchmark::State& state, const Estimator& estimator, bool errors) {
  const auto& neighbors = table(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::estimate_from_neighbors(neighbors, estimator, {.errors = errors, .threads = 1}));
}

template <class Estimator>
void register_estimator(const Estimator& e) {
  const std::string name(Estimator::name);
  const auto points = [e](benchmark::State& state) { of_points(state, e); };
  benchmark::RegisterBenchmark((name + "/points").c_str(), points)
      ->Arg(10'000)
      ->Unit(benchmark::kMillisecond);
  if constexpr (!Estimator::needs_points)
    for (const bool errors : {false, true}) {
      const auto from_table = [e, errors](benchmark::State& state) {
        of_neighbors(state, e, errors);
      };
      benchmark::RegisterBenchmark((name + (errors ? "/table with error" : "/table")).c_str(),
                                   from_table)
          ->Arg(1'000'000)
          ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace

int main(int argc, char** argv) {
  for (const atlas::any_estimator& estimator : atlas::all_estimators())
    std::visit([](const auto& e) { register_estimator(e); }, estimator);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
