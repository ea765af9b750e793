// SPDX-License-Identifier: MIT
/// \file
/// The 2 nearest neighbours of every row of float clouds in 64 dimensions; arguments: rows,
/// threads. Beside peers: bench/peers/neighbors.sh. `exclusions` searches the same serial cloud
/// under one exclusion after the other, on one thread: medians of the rounds in milliseconds, and
/// of the ratios to whole contexts in the same round. `among` looks for the neighbours of other
/// rows, on one thread, beside a loop over Eigen's products. `tree_and_cells` searches the same
/// cloud with either engine, on one thread.

#include <benchmark/benchmark.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/nearest_neighbors_among.hpp"

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

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The 2 nearest rows of `reference` of every query by |x|^2 + |y|^2 - 2 x.y in float, blocks of
/// 256 queries and 2,048 rows of Eigen's product at a time.
double second_by_eigen(const row_major& queries, const row_major& reference) {
  constexpr Eigen::Index rows = 256, columns = 2048;
  const Eigen::RowVectorXf squares = reference.rowwise().squaredNorm().transpose();
  double sum = 0;
  row_major block;
  for (Eigen::Index q = 0; q < queries.rows(); q += rows) {
    const auto asked = queries.middleRows(q, std::min(rows, queries.rows() - q));
    Eigen::VectorXf first = Eigen::VectorXf::Constant(asked.rows(), 1e30F), second = first;
    for (Eigen::Index r = 0; r < reference.rows(); r += columns) {
      const Eigen::Index count = std::min(columns, reference.rows() - r);
      block.noalias() = asked * reference.middleRows(r, count).transpose();
      block = (-2 * block).rowwise() + squares.segment(r, count);
      for (Eigen::Index i = 0; i < block.rows(); ++i)
        for (Eigen::Index j = 0; j < count; ++j) {
          const float x = block(i, j);
          if (x >= second[i]) continue;
          second[i] = std::max(first[i], x);
          first[i] = std::min(first[i], x);
        }
    }
    for (Eigen::Index i = 0; i < asked.rows(); ++i)
      sum += std::sqrt(std::max(0.0F, second[i] + asked.row(i).squaredNorm()));
  }
  return sum;
}

/// Arguments: queries, reference rows.
void among(benchmark::State& state) {
  const auto queries = cloud(state.range(0), wide, wide, false);
  const auto reference = cloud(state.range(1) + state.range(0), wide, wide, false);
  const atlas::tensor_view<const float, 2> others(&reference(state.range(0), index_t{0}),
                                                  {state.range(1), wide});
  for (auto _ : state)
    benchmark::DoNotOptimize(
        atlas::nearest_neighbors_among(queries, others, {.k = 2, .threads = 1}));
}
void among_with_eigen(benchmark::State& state) {
  const auto all = cloud(state.range(1) + state.range(0), wide, wide, false);
  const row_major x = Eigen::Map<const row_major>(all.data(), all.extent(0), wide);
  const row_major queries = x.topRows(state.range(0)), reference = x.bottomRows(state.range(1));
  for (auto _ : state) benchmark::DoNotOptimize(second_by_eigen(queries, reference));
}

/// Milliseconds of the search by an engine that `make` makes, the making included.
template <class Make>
double engine_milliseconds(const Make& make) {
  const std::clock_t start = std::clock();
  const auto engine = make();
  benchmark::DoNotOptimize(atlas::detail::run_search(*engine, 1, {}));
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// Arguments: rows, dimensions, whether curved. Counters: medians in milliseconds of the processor,
/// 0 of a tree where the cloud varies along too many axes for one.
void tree_and_cells(benchmark::State& state) {
  namespace inner = atlas::detail;
  const auto points = cloud(state.range(0), wide, state.range(1), state.range(2) != 0);
  const atlas::tensor_view<const float, 2>& view = points;
  const inner::centring c = inner::find_centring(view, 1);
  const atlas::neighbor_options options{.k = 2, .threads = 1};
  const auto axes = inner::find_leading_axes(inner::sample_rows(view, c), wide);
  const bool few_axes = axes.count < inner::most_axes;
  std::vector<double> tree, cells;
  for (auto _ : state) {
    tree.push_back(few_axes ? engine_milliseconds([&] {
      return std::make_unique<inner::tree_search<float>>(view, c, options, axes);
    })
                            : 0.0);
    cells.push_back(engine_milliseconds(
        [&] { return std::make_unique<inner::search_choice<float>::cells>(view, c, options); }));
  }
  state.counters["tree_ms"] = median(tree);
  state.counters["cells_ms"] = median(cells);
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

BENCHMARK(among)
    ->Args({1000, 20000})
    ->Args({20000, 20000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(among_with_eigen)
    ->Args({1000, 20000})
    ->Args({20000, 20000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void low_dimensions(benchmark::internal::Benchmark* b) {
  for (const index_t rows : {20000, 100000})
    for (const index_t curved : {0, 1})
      for (const index_t dimensions : {3, 5, 7, 10}) b->Args({rows, dimensions, curved});
}
BENCHMARK(tree_and_cells)->Apply(low_dimensions)->Iterations(3)->Unit(benchmark::kMillisecond);

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
