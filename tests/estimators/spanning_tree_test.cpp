// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/spanning_tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "golden.hpp"

namespace spanning_tree_test {
namespace {

using atlas::index_t;
using atlas::estimators::spanning_tree;
using tensor = atlas::owned_tensor<double, 2>;

tensor gaussian(index_t rows, index_t dimension, std::uint64_t seed) {
  atlas::random_stream random(seed, 0);
  return atlas::simulate_gaussian(rows, dimension, random);
}

/// Lengths of Prim's tree, ascending, from all distances in long double.
std::vector<double> prim_lengths(const tensor& points) {
  const index_t n = points.extent(0);
  std::vector<long double> nearest(static_cast<std::size_t>(n),
                                   std::numeric_limits<long double>::infinity());
  std::vector<bool> in(static_cast<std::size_t>(n));
  std::vector<double> out;
  index_t last = 0;
  for (index_t step = 1; step < n; ++step) {
    in[static_cast<std::size_t>(last)] = true;
    index_t next = -1;
    for (index_t j = 0; j < n; ++j) {
      const auto at = static_cast<std::size_t>(j);
      if (in[at]) continue;
      long double square = 0;
      for (index_t k = 0; k < points.extent(1); ++k) {
        const long double gap = static_cast<long double>(points(last, k)) - points(j, k);
        square += gap * gap;
      }
      nearest[at] = (std::min)(nearest[at], std::sqrt(square));
      if (next < 0 || nearest[at] < nearest[static_cast<std::size_t>(next)]) next = j;
    }
    out.push_back(static_cast<double>(nearest[static_cast<std::size_t>(next)]));
    last = next;
  }
  std::sort(out.begin(), out.end());
  return out;
}

template <class Points>
void check_is_tree(const Points& points, const std::vector<atlas::tree_edge>& edges) {
  REQUIRE(static_cast<index_t>(edges.size()) == points.extent(0) - 1);
  atlas::detail::disjoint_sets sets(points.extent(0));
  for (const auto& edge : edges) {
    CHECK(edge.first < edge.second);
    CHECK_FALSE(sets.together(edge.first, edge.second));
    sets.join(edge.first, edge.second);
  }
}

double total_of(const tensor& points, double alpha) {
  double sum = 0;
  for (const auto& edge : atlas::minimum_spanning_tree(points)) sum += std::pow(edge.length, alpha);
  return sum;
}

tensor first_rows(const tensor& points, index_t rows) {
  tensor out({rows, points.extent(1)});
  for (index_t i = 0; i < rows; ++i)
    for (index_t k = 0; k < points.extent(1); ++k) out.mutable_view()(i, k) = points(i, k);
  return out;
}

/// Clusters of very different sizes, far from each other, in a row.
tensor clusters() {
  tensor points = gaussian(400, 3, 8);
  for (index_t i = 0; i < 400; ++i)
    points.mutable_view()(i, 0) += i < 200 ? 0 : i < 330 ? 100 : i < 395 ? 300 : 1000;
  return points;
}

TEST_CASE("total lengths of spanning trees are those of the peer") {
  for (const char* cloud :
       {"sphere2", "sphere5_in8", "swiss_roll", "cube4", "helix", "lattice3", "duplicates3"}) {
    CAPTURE(cloud);
    const tensor points = atlas_test::golden_cloud(cloud);
    const auto& peer = atlas_test::golden_value(cloud, "skdim.PH.mst_total");
    const double alphas[] = {0.5, 1, 2};
    const bool repeats = std::string(cloud) == "duplicates3";  // the peer leaves these out first
    const tensor half = first_rows(points, points.extent(0) / 2);
    for (std::size_t a = 0; a < 3; ++a) {
      if (!repeats)
        CHECK(total_of(half, alphas[a]) ==
              Approx(peer[0][a].get<double>()).epsilon(atlas_test::same_definition));
      CHECK(total_of(points, alphas[a]) ==
            Approx(peer[1][a].get<double>()).epsilon(atlas_test::same_definition));
    }
  }
}

TEST_CASE("the spanning tree is Prim's, whatever is looked up first") {
  const tensor clouds[] = {gaussian(300, 1, 1), gaussian(300, 3, 2), gaussian(250, 40, 3),
                           clusters()};
  for (const tensor& points : clouds) {
    const std::vector<double> expected = prim_lengths(points);
    for (const index_t k : {1, 2, 16, 1000}) {
      const auto edges = atlas::minimum_spanning_tree(points, {.k = k});
      check_is_tree(points, edges);
      for (std::size_t e = 0; e < edges.size(); ++e)
        CHECK(edges[e].length == Approx(expected[e]).epsilon(1e-14));
    }
  }
}

TEST_CASE("trees of lattices are the same however they are found") {
  tensor lattice({64, 2});
  for (index_t i = 0; i < 64; ++i) {
    lattice.mutable_view()(i, 0) = static_cast<double>(i % 8);
    lattice.mutable_view()(i, 1) = static_cast<double>(i / 8);
  }
  const auto all = atlas::minimum_spanning_tree(lattice, {.k = 63});
  check_is_tree(lattice, all);
  for (const index_t k : {1, 4, 9}) {
    const auto edges = atlas::minimum_spanning_tree(lattice, {.k = k});
    for (std::size_t e = 0; e < all.size(); ++e) {
      CHECK(edges[e].length == 1);
      CHECK(edges[e].first == all[e].first);
      CHECK(edges[e].second == all[e].second);
    }
  }
}

TEST_CASE("a ring in a periodic box is joined across its end") {
  tensor ring({10, 1});
  for (index_t i = 0; i < 10; ++i)
    ring.mutable_view()(i, 0) = 0.1 * static_cast<double>(i) + (i > 4 ? 0.05 : 0.0);
  double length = 0;
  for (const auto& edge : atlas::minimum_spanning_tree(ring, {.k = 1, .periods = {1.0}}))
    length += edge.length;
  CHECK(length == Approx(0.85));  // all gaps but the widest, of 0.15
}

TEST_CASE("spanning trees of two rows, of equal ones, and of none") {
  const tensor two = gaussian(2, 3, 1);
  CHECK(atlas::minimum_spanning_tree(two).size() == 1);
  const tensor equal({20, 2});
  for (const auto& edge : atlas::minimum_spanning_tree(equal, {.k = 2})) CHECK(edge.length == 0);
  CHECK_THROWS_AS(atlas::minimum_spanning_tree(gaussian(1, 3, 1)), atlas::shape_error);
  CHECK_THROWS_WITH(atlas::minimum_spanning_tree(two, {.k = 0}), Catch::Contains("k"));
  tensor broken = gaussian(5, 2, 1);
  broken.mutable_view()(3, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(atlas::minimum_spanning_tree(broken), atlas::value_error);
}

TEST_CASE("trees of dyadic scales have the same bits, and of any order of rows the same length") {
  const tensor points = gaussian(200, 4, 6);
  tensor scaled({200, 4}), turned({200, 4});
  for (index_t i = 0; i < 200; ++i)
    for (index_t k = 0; k < 4; ++k) {
      scaled.mutable_view()(i, k) = 0x1p-30 * points(i, k);
      turned.mutable_view()(i, k) = points(199 - i, k);
    }
  const auto edges = atlas::minimum_spanning_tree(points);
  const auto smaller = atlas::minimum_spanning_tree(scaled);
  for (std::size_t e = 0; e < edges.size(); ++e)
    CHECK(smaller[e].length == 0x1p-30 * edges[e].length);
  CHECK(total_of(turned, 1) == Approx(total_of(points, 1)).epsilon(1e-13));
  const spanning_tree e{.sizes = 3, .draws = 2};
  const atlas::dimension_options o{.errors = false};
  CHECK(atlas::estimate_dimension(scaled, e, o).dimension ==
        Approx(atlas::estimate_dimension(points, e, o).dimension).epsilon(1e-12));
}

TEST_CASE("the dimension is of the slope of the lengths of parts") {
  const tensor points = gaussian(60, 2, 4);
  const auto r = atlas::estimate_dimension(points, spanning_tree{.alpha = 0.7, .draws = 2},
                                           {.errors = false, .seed = 9});
  atlas::random_stream random(9, 0);
  const std::vector<index_t> order = atlas::random_permutation(60, random);
  double log_half = 0;  // the first and the last 30 of one order
  for (const index_t from : {0, 30}) {
    tensor half({30, 2});
    for (index_t i = 0; i < 30; ++i)
      for (index_t k = 0; k < 2; ++k)
        half.mutable_view()(i, k) = points(order[static_cast<std::size_t>(from + i)], k);
    log_half += 0.5 * std::log(total_of(half, 0.7));
  }
  const double slope = (std::log(total_of(points, 0.7)) - log_half) / std::log(2.0);
  CHECK(r.dimension == Approx(0.7 / (1 - slope)).epsilon(1e-10));
  CHECK(r.points_used == 60);
  CHECK(r.claim == atlas::interval_claim::dimension);
}

TEST_CASE("trees find the dimension, and give the same bits on one thread and three") {
  for (const index_t d : {1, 2, 3}) {
    atlas::random_stream random(3, static_cast<std::uint64_t>(d));
    const auto points = atlas::simulate_torus(800, d, random);
    const auto one =
        atlas::estimate_dimension(points, spanning_tree{}, {.resamples = 6, .threads = 1});
    const auto three =
        atlas::estimate_dimension(points, spanning_tree{}, {.resamples = 6, .threads = 3});
    CHECK(one.dimension == Approx(static_cast<double>(d)).epsilon(0.08));
    CHECK(one.dimension == three.dimension);
    CHECK(one.standard_error == three.standard_error);
    CHECK(one.error_from == atlas::error_source::halves);
  }
}

TEST_CASE("trees of float rows are those of the same rows in double") {
  atlas::random_stream random(3, 0);
  const auto single = atlas::simulate_torus<float>(200, 2, random);
  tensor wide({200, 4});
  for (index_t i = 0; i < 200; ++i)
    for (index_t k = 0; k < 4; ++k) wide.mutable_view()(i, k) = static_cast<double>(single(i, k));
  const auto edges = atlas::minimum_spanning_tree(single);
  const auto expected = atlas::minimum_spanning_tree(wide);
  for (std::size_t e = 0; e < edges.size(); ++e) CHECK(edges[e].length == expected[e].length);
}

TEST_CASE("intervals of trees cover the mean of the estimator") {
  constexpr int repeats = 160;
  std::vector<atlas::interval> intervals;
  double mean = 0, square = 0;
  for (int s = 0; s < repeats; ++s) {
    atlas::random_stream random(50, static_cast<std::uint64_t>(s));
    const auto points = atlas::simulate_cube(300, 2, random);
    const auto r = atlas::estimate_dimension(
        points, spanning_tree{.draws = 8},
        {.periods = {1, 1}, .resamples = 16, .seed = static_cast<std::uint64_t>(s)});
    intervals.push_back(r.interval);
    mean += r.dimension / repeats;
    square += r.standard_error * r.standard_error / repeats;
  }
  int held = 0;
  for (const auto& i : intervals) held += i.lower <= mean && mean <= i.upper;
  CAPTURE(held, mean, std::sqrt(square));
  CHECK(held >= 144);
  CHECK(held <= 159);
  CHECK(mean == Approx(2).epsilon(0.03));
}

TEST_CASE("trees refuse what they cannot honour, and rows that they cannot grow from") {
  const tensor points = gaussian(40, 3, 1);
  atlas::dimension_options o;
  o.exclude = atlas::same_context(std::vector<int>(40, 1));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, spanning_tree{}, o),
                    Catch::Contains("exclude"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, spanning_tree{.alpha = 0}),
                    Catch::Contains("alpha"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, spanning_tree{.sizes = 1}),
                    Catch::Contains("sizes"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, spanning_tree{.draws = 0}),
                    Catch::Contains("draws"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, spanning_tree{.sizes = 100}),
                    Catch::Contains("points"));
  CHECK_THROWS_AS(atlas::estimate_dimension(gaussian(10, 3, 1), spanning_tree{}),
                  atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(tensor({50, 3}), spanning_tree{}), atlas::value_error);
}

TEST_CASE("trees of powers of lengths have the same bits at all scales") {
  const tensor points = gaussian(60, 3, 6);
  const spanning_tree e{.alpha = 2, .draws = 4};
  const auto one = atlas::estimate_dimension(points, e, {.errors = false});
  for (const double scale : {0x1p-900, 0x1p700}) {
    tensor scaled({60, 3});
    for (index_t i = 0; i < 60; ++i)
      for (index_t k = 0; k < 3; ++k) scaled.mutable_view()(i, k) = scale * points(i, k);
    CHECK(atlas::estimate_dimension(scaled, e, {.errors = false}).dimension == one.dimension);
  }
}

TEST_CASE("rows that coincide are out of the trees, and counted") {
  tensor points = gaussian(60, 2, 2);
  for (index_t k = 0; k < 2; ++k) points.mutable_view()(9, k) = points(4, k);
  const auto merged = atlas::estimate_dimension(points, spanning_tree{}, {.errors = false});
  CHECK(merged.merged == 1);
  CHECK(merged.points_used == 59);
  const auto dropped = atlas::estimate_dimension(
      points, spanning_tree{}, {.duplicates = atlas::duplicate_policy::drop, .errors = false});
  CHECK(dropped.duplicates == 2);
  CHECK(dropped.points_used == 58);
  CHECK(dropped.dimension > 1);
}

TEST_CASE("contexts are the units of the error of trees") {
  const tensor points = gaussian(120, 2, 2);
  std::vector<int> context(120);
  for (std::size_t i = 0; i < 120; ++i) context[i] = static_cast<int>(i / 6);
  const auto r = atlas::estimate_dimension(points, spanning_tree{.draws = 2},
                                           {.context = context, .resamples = 8});
  CHECK(r.contexts == 20);
  CHECK(r.standard_error > 0);
}

}  // namespace
}  // namespace spanning_tree_test
