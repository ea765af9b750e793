// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/knn_graph.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "golden.hpp"

namespace knn_graph_test {
namespace {

using atlas::index_t;
using atlas::estimators::knn_graph;
using tensor = atlas::owned_tensor<double, 2>;

tensor gaussian(index_t rows, index_t dimension, std::uint64_t seed) {
  atlas::random_stream random(seed, 0);
  return atlas::simulate_gaussian(rows, dimension, random);
}

double distance_of(const tensor& points, index_t i, index_t j) {
  double square = 0;
  for (index_t k = 0; k < points.extent(1); ++k)
    square += (points(i, k) - points(j, k)) * (points(i, k) - points(j, k));
  return std::sqrt(square);
}

/// The mean over these rows of `sum r_j^gamma` over the k nearest among them.
double brute_length(const tensor& points, const std::vector<index_t>& rows, index_t k,
                    double gamma) {
  double sum = 0;
  for (const index_t i : rows) {
    std::vector<double> distances;
    for (const index_t j : rows)
      if (j != i) distances.push_back(distance_of(points, i, j));
    std::sort(distances.begin(), distances.end());
    for (index_t j = 0; j < k; ++j) sum += std::pow(distances[static_cast<std::size_t>(j)], gamma);
  }
  return sum / static_cast<double>(rows.size());
}

TEST_CASE("shares of neighbours are those of all parts, counted one by one") {
  // Of 9 other rows 5 are in the part: all 126 of them.
  const index_t all = 9, others = 5, k = 2;
  std::vector<double> counted(9, 0.0);
  double parts = 0;
  for (unsigned set = 0; set < 512; ++set) {
    index_t size = 0;
    for (unsigned j = 0; j < 9; ++j) size += (set >> j) & 1U;
    if (size != others) continue;
    parts += 1;
    index_t met = 0;
    for (unsigned j = 0; j < 9 && met < k; ++j)
      if ((set >> j) & 1U) {
        counted[j] += 1;
        ++met;
      }
  }
  const std::vector<double> shares = atlas::detail::neighbor_shares(k, all, others, all);
  for (std::size_t j = 0; j < 9; ++j) CHECK(shares[j] == Approx(counted[j] / parts).margin(1e-15));
}

TEST_CASE("shares of neighbours add up to k, and of all rows are the first k") {
  for (const index_t k : {1, 4, 10}) {
    const knn_graph e{.k = k};
    double sum = 0;
    for (const double s : atlas::detail::neighbor_shares(k, e.neighbors(), 199, 399)) sum += s;
    CHECK(sum == Approx(static_cast<double>(k)).epsilon(1e-8));
    const auto whole = atlas::detail::neighbor_shares(k, e.neighbors(), 399, 399);
    for (std::size_t j = 0; j < whole.size(); ++j)
      CHECK(whole[j] == Approx(j < static_cast<std::size_t>(k) ? 1 : 0).margin(1e-14));
  }
}

TEST_CASE("the mean over all parts is what many that are drawn tend to") {
  const tensor points = gaussian(100, 3, 2);
  const auto mean = atlas::estimate_dimension(points, knn_graph{.k = 2, .sizes = 3});
  const auto drawn = atlas::estimate_dimension(points, knn_graph{.k = 2, .sizes = 3, .draws = 1000},
                                               {.errors = false, .seed = 4});
  CHECK(drawn.dimension == Approx(mean.dimension).epsilon(0.02));
}

TEST_CASE("parts that are drawn have the lengths of their own graphs") {
  const tensor points = gaussian(60, 2, 3);
  const knn_graph e{.k = 1, .gamma = 0.5, .sizes = 2, .draws = 2};
  const auto r = atlas::estimate_dimension(points, e, {.errors = false, .seed = 8});
  std::vector<index_t> all(60);
  for (index_t i = 0; i < 60; ++i) all[static_cast<std::size_t>(i)] = i;
  double log_half = 0;
  for (const std::uint64_t stream : {std::uint64_t{0}, std::uint64_t{1}}) {
    atlas::random_stream random(8, stream);
    log_half += 0.5 * std::log(brute_length(points, atlas::sample_rows(60, 30, random), 1, 0.5));
  }
  const double fall = (log_half - std::log(brute_length(points, all, 1, 0.5))) / std::log(2.0);
  CHECK(r.dimension == Approx(0.5 / fall).epsilon(1e-10));
  CHECK(r.error_from == atlas::error_source::none);
}

TEST_CASE("graphs find the dimension of clouds, and of those of the peers") {
  for (const index_t d : {1, 2, 4}) {
    atlas::random_stream random(3, static_cast<std::uint64_t>(d));
    const auto points = atlas::simulate_cube(2000, d, random);
    const std::vector<double> periods(static_cast<std::size_t>(d), 1.0);
    const auto r = atlas::estimate_dimension(points, knn_graph{}, {.periods = periods});
    CHECK(r.dimension == Approx(static_cast<double>(d)).epsilon(0.05));
    CHECK(r.error_from == atlas::error_source::scores);
    CHECK(r.claim == atlas::interval_claim::dimension);
  }
  const auto sphere = atlas::estimate_dimension(atlas_test::golden_cloud("sphere2"), knn_graph{});
  CHECK(sphere.dimension == Approx(2).epsilon(0.1));
}

TEST_CASE("intervals of graphs cover the dimension of flat clouds without an edge") {
  for (const index_t d : {2, 4}) {
    constexpr int repeats = 200;
    int held = 0;
    for (int s = 0; s < repeats; ++s) {
      atlas::random_stream random(70, static_cast<std::uint64_t>(s));
      const auto points = atlas::simulate_cube(400, d, random);
      const std::vector<double> periods(static_cast<std::size_t>(d), 1.0);
      const auto r = atlas::estimate_dimension(points, knn_graph{}, {.periods = periods});
      held +=
          r.interval.lower <= static_cast<double>(d) && static_cast<double>(d) <= r.interval.upper;
    }
    CAPTURE(d, held);
    CHECK(held >= 180);
    CHECK(held <= 198);
  }
}

TEST_CASE("errors of drawn parts are of halves") {
  const auto r = atlas::estimate_dimension(gaussian(200, 2, 1), knn_graph{.k = 2, .draws = 2},
                                           {.resamples = 8});
  CHECK(r.error_from == atlas::error_source::halves);
  CHECK(r.standard_error > 0);
}

TEST_CASE("graphs have the same bits for all threads, scales and tables, near bits in any order") {
  const tensor points = gaussian(150, 3, 6);
  tensor scaled({150, 3}), turned({150, 3});
  atlas::owned_tensor<float, 2> single({150, 3});
  for (index_t i = 0; i < 150; ++i)
    for (index_t k = 0; k < 3; ++k) {
      scaled.mutable_view()(i, k) = 0x1p40 * points(i, k);
      turned.mutable_view()(i, k) = points(149 - i, k);
      single.mutable_view()(i, k) = static_cast<float>(points(i, k));
    }
  const auto one = atlas::estimate_dimension(points, knn_graph{}, {.threads = 1});
  const auto three = atlas::estimate_dimension(points, knn_graph{}, {.threads = 3});
  CHECK(one.dimension == three.dimension);
  CHECK(one.standard_error == three.standard_error);
  CHECK(atlas::estimate_dimension(scaled, knn_graph{}).dimension ==
        Approx(one.dimension).epsilon(1e-12));
  CHECK(atlas::estimate_dimension(turned, knn_graph{}).dimension ==
        Approx(one.dimension).epsilon(1e-12));
  CHECK(atlas::estimate_dimension(single, knn_graph{}).dimension ==
        Approx(one.dimension).epsilon(1e-4));
  const auto table = atlas::nearest_neighbors(points, {.k = 80});
  CHECK(atlas::estimate_from_neighbors(table, knn_graph{}).dimension == one.dimension);
}

TEST_CASE("graphs of powers of lengths have the same bits at all scales") {
  const tensor points = gaussian(120, 3, 6);
  const auto one = atlas::estimate_dimension(points, knn_graph{.gamma = 2});
  for (const double scale : {0x1p-900, 0x1p700}) {
    tensor scaled({120, 3});
    for (index_t i = 0; i < 120; ++i)
      for (index_t k = 0; k < 3; ++k) scaled.mutable_view()(i, k) = scale * points(i, k);
    for (const index_t draws : {0, 2}) {
      const knn_graph e{.gamma = 2, .draws = draws};
      CHECK(atlas::estimate_dimension(scaled, e, {.errors = false}).dimension ==
            atlas::estimate_dimension(points, e, {.errors = false}).dimension);
    }
  }
  CHECK(one.dimension == Approx(3).epsilon(0.3));
  const auto huge = atlas::estimate_dimension(points, knn_graph{.gamma = 1e4},
                                              {.degenerate = atlas::degenerate_policy::report});
  CHECK(huge.fault == atlas::cloud_fault::no_estimate);
  CHECK_FALSE(huge.remark.empty());
}

TEST_CASE("as many neighbours as a half of the rows needs, found by halving") {
  for (const index_t k : {1, 4, 30}) {
    const index_t rows = knn_graph{.k = k}.neighbors();
    CHECK(atlas::detail::halves_have(k, rows));
    CHECK_FALSE(atlas::detail::halves_have(k, rows - 1));
  }
  CHECK(knn_graph{}.neighbors() == 44);
  CHECK(knn_graph{.k = 65536}.neighbors() == 133261);
}

TEST_CASE("graphs refuse what they cannot honour, and clouds that are too small") {
  const tensor points = gaussian(100, 3, 1);
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, knn_graph{.k = 0}), Catch::Contains("k"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, knn_graph{.gamma = -1}),
                    Catch::Contains("gamma"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, knn_graph{.sizes = 1}),
                    Catch::Contains("sizes"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, knn_graph{.draws = -1}),
                    Catch::Contains("draws"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, knn_graph{.k = 99}),
                    Catch::Contains("points"));
  std::vector<int> context(100);
  for (std::size_t i = 0; i < 100; ++i) context[i] = static_cast<int>(i);
  atlas::dimension_options o;
  o.exclude = atlas::distinct_contexts(context);
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, knn_graph{}, o),
                    Catch::Contains("exclude.distinct"));
  tensor broken = points;
  broken.mutable_view()(3, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(atlas::estimate_dimension(broken, knn_graph{}), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(tensor({100, 3}), knn_graph{}), atlas::value_error);
}

TEST_CASE("graphs count rows without neighbours and rows that coincide") {
  tensor points = gaussian(100, 2, 2);
  for (index_t k = 0; k < 2; ++k) points.mutable_view()(9, k) = points(4, k);
  CHECK(atlas::estimate_dimension(points, knn_graph{}).merged == 1);
  const auto dropped =
      atlas::estimate_dimension(points, knn_graph{}, {.duplicates = atlas::duplicate_policy::drop});
  CHECK(dropped.duplicates == 2);
  CHECK(dropped.points_used == 98);
  std::vector<int> context(100, 0);  // all but ten of one text: those have ten neighbours
  for (std::size_t i = 0; i < 10; ++i) context[i] = static_cast<int>(i) + 1;
  atlas::dimension_options o;
  o.exclude = atlas::same_context(context);
  const auto few = atlas::estimate_dimension(gaussian(100, 2, 2), knn_graph{}, o);
  CHECK(few.isolated == 90);
  CHECK(few.contexts == 10);
}

}  // namespace
}  // namespace knn_graph_test
