// SPDX-License-Identifier: MIT
/// \file
/// Clouds of heads, kernel by kernel on one thread: dimensions, surrogates, frames and what is made
/// of them; argument: d.

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/surrogates/source.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/simulation/passages.hpp"
#include "atlas/subspace/haar.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace {

constexpr atlas::index_t points = 1200, directions = 7;

/// `[N, d]` floats whose spectrum falls off, in axes of their own.
atlas::owned_tensor<float, 2> cloud(atlas::index_t d) {
  atlas::random_stream random(1);
  const Eigen::MatrixXd axes = atlas::random_frame(d, d, random);
  Eigen::MatrixXd x = atlas::normal_matrix(points, d, random);
  for (atlas::index_t k = 0; k < d; ++k) x.col(k) *= std::pow(static_cast<double>(k + 1), -0.75);
  const Eigen::MatrixXd turned = x * axes.transpose();
  return atlas::copy_as<float>(atlas::as_view<2>(turned));
}

void covariance(benchmark::State& state) {
  const auto x = cloud(state.range(0));
  const atlas::tensor_view<const float, 2>& view = x;
  for (auto _ : state) benchmark::DoNotOptimize(atlas::detail::moments(view));
  const auto d = static_cast<double>(state.range(0));
  state.counters["flops"] = benchmark::Counter(static_cast<double>(points) * d * (d + 1),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void eigenvalues(benchmark::State& state) {
  const Eigen::MatrixXd m = atlas::detail::moments<float>(cloud(state.range(0))).covariance;
  for (auto _ : state) benchmark::DoNotOptimize(atlas::symmetric_eigenvalues(m));
}

void eigenbasis(benchmark::State& state) {
  const Eigen::MatrixXd m = atlas::detail::moments<float>(cloud(state.range(0))).covariance;
  for (auto _ : state) benchmark::DoNotOptimize(atlas::symmetric_eigenbasis(m));
}

void frame(benchmark::State& state) {
  const auto x = cloud(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(atlas::principal_frame(x, directions));
}

void rank(benchmark::State& state) {
  const auto x = cloud(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(atlas::pca_rank(x));
}

void two_nn(benchmark::State& state) {
  const auto x = cloud(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(atlas::two_nn(x, {.threads = static_cast<int>(state.range(1))}));
}

/// The exhaustive search alone, of rows rounded to floats or, where that pays, to bytes.
void exhaustive_search(benchmark::State& state, bool bytes) {
  const auto x = cloud(state.range(0));
  const atlas::tensor_view<const float, 2>& view = x;
  const auto centring = atlas::detail::find_centring(view, 1);
  const atlas::neighbor_options options{.k = 2, .threads = 1};
  for (auto _ : state) {
    atlas::detail::block_search<float> search(view, centring, options, bytes);
    benchmark::DoNotOptimize(atlas::detail::run_search(search, 1, {}));
  }
}
void search_in_floats(benchmark::State& state) {
  exhaustive_search(state, false);
}
void search_in_bytes(benchmark::State& state) {
  exhaustive_search(state, true);
}

void surrogate(benchmark::State& state) {
  const auto x = cloud(state.range(0));
  const atlas::cloud_surrogates<float> source(x);
  std::uint64_t number = 0;
  for (auto _ : state) benchmark::DoNotOptimize(source.draw(1, number++));
}

/// A cloud of 16 passages that differ, of 75 rows each.
atlas::labelled_cloud<float> passages(atlas::index_t d) {
  atlas::random_stream random(1);
  atlas::passage_structure structure{.correlation = 0.7, .mean_sd = 0.3, .scale_sd = 0.3};
  structure.mixing = atlas::random_frame(d, d, random);
  for (atlas::index_t k = 0; k < d; ++k)
    structure.mixing.row(k) *= std::pow(static_cast<double>(k + 1), -0.75);
  return atlas::simulate_passages<float>({.passages = 16, .rows = points / 16}, d, structure,
                                         random);
}

/// All that draws of passages need.
void surrogate_source(benchmark::State& state) {
  const auto x = passages(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(atlas::cloud_surrogates<float>(
        x.points, atlas::surrogate_kind::passages, {x.context, x.position}));
}

void surrogate_of_passages(benchmark::State& state) {
  const auto x = passages(state.range(0));
  const atlas::cloud_surrogates<float> source(x.points, atlas::surrogate_kind::passages,
                                              {x.context, x.position});
  std::uint64_t number = 0;
  for (auto _ : state) benchmark::DoNotOptimize(source.draw(1, number++));
}

/// As many as a cloud has.
void normal_one_by_one(benchmark::State& state) {
  std::vector<float> x(static_cast<std::size_t>(points * state.range(0)));
  atlas::random_stream random(1);
  for (auto _ : state) {
    for (float& value : x) value = static_cast<float>(random.normal());
    benchmark::DoNotOptimize(x.data());
    benchmark::ClobberMemory();
  }
}
void normal_at_once(benchmark::State& state) {
  std::vector<float> x(static_cast<std::size_t>(points * state.range(0)));
  atlas::random_stream random(1);
  for (auto _ : state) {
    random.fill_normal(x.data(), static_cast<atlas::index_t>(x.size()));
    benchmark::DoNotOptimize(x.data());
    benchmark::ClobberMemory();
  }
}

void overlaps(benchmark::State& state) {
  std::vector<Eigen::MatrixXd> frames;
  atlas::random_stream random(1);
  for (int h = 0; h < 144; ++h)
    frames.push_back(atlas::random_frame(state.range(0), directions, random));
  for (auto _ : state) benchmark::DoNotOptimize(atlas::overlap_matrix(frames, {.threads = 1}));
}

void haar(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::haar_overlap(state.range(0), directions, {.draws = 20000, .threads = 1}));
}

}  // namespace

BENCHMARK(covariance)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(eigenvalues)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(eigenbasis)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(frame)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(rank)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(two_nn)
    ->ArgNames({"d", "threads"})
    ->ArgsProduct({{64, 128}, {1, 2}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(search_in_floats)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(search_in_bytes)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(surrogate)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(surrogate_source)->Arg(64)->Unit(benchmark::kMicrosecond);
BENCHMARK(surrogate_of_passages)->Arg(64)->Unit(benchmark::kMicrosecond);
BENCHMARK(normal_one_by_one)->Arg(64)->Unit(benchmark::kMicrosecond);
BENCHMARK(normal_at_once)->Arg(64)->Unit(benchmark::kMicrosecond);
BENCHMARK(overlaps)->Arg(64)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(haar)->Arg(64)->Arg(4096)->Unit(benchmark::kMillisecond);
