// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/tle.hpp"

#include "estimator_checks.hpp"
#include "golden.hpp"

namespace tle_test {
namespace {

using atlas::estimators::tle;
using atlas_test::golden_number;
using atlas_test::golden_value;

TEST_CASE("tight localities are those of the peer, rows, mean and median") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto points = atlas_test::golden_cloud(cloud);
    const auto& peer = golden_value(cloud, "skdim.TLE.k20");
    for (const auto& [key, combine] : {std::pair{"mean", atlas::local_mean::arithmetic},
                                       std::pair{"median", atlas::local_mean::median}}) {
      const auto r = atlas::estimate_dimension(points, tle{.k = 20, .combine = combine});
      const auto& rows = peer.at("pointwise");
      for (std::size_t i = 0; i < rows.size(); ++i)
        CHECK(r.local[i] == Approx(golden_number(rows[i])).epsilon(1e-11));
      CHECK(r.dimension == Approx(golden_number(peer.at(key))).epsilon(1e-11));
    }
  }
}

/// The paper's equations word by word, with the diagonal of their matrices as terms of their own.
double by_the_equations(const atlas::owned_tensor<double, 2>& points,
                        const atlas::neighbor_table& table, atlas::index_t row, atlas::index_t k) {
  const auto squared = [&](double sign, atlas::index_t a, atlas::index_t b) {
    double sum = 0;
    for (atlas::index_t c = 0; c < points.extent(1); ++c) {
      const double x = points(a, c) - points(row, c), y = points(b, c) - points(row, c);
      sum += (x + sign * y) * (x + sign * y);
    }
    return sum;
  };
  const double r = table.distances(row, k - 1);
  double sum = 0;
  for (atlas::index_t i = 0; i < k; ++i) {
    const double u = table.distances(row, i);
    sum += 2 * std::log(u / r);
    for (atlas::index_t j = 0; j < k; ++j) {
      if (i == j) continue;
      const double w = table.distances(row, j);
      for (const double sign : {-1.0, 1.0}) {
        const double v = squared(sign, table.indices(row, i), table.indices(row, j));
        const double b = u * u + v - w * w, a = r * r - u * u;
        const double s = i + 1 == k ? r * v / (r * r + v - w * w)
                                    : r * (std::sqrt(b * b + 4 * v * a) - b) / (2 * a);
        sum += std::log(s / r);
      }
    }
  }
  return -2 * static_cast<double>(k * k) / sum;
}

TEST_CASE("tight localities follow the paper's equations") {
  atlas::random_stream random(1);
  const auto points = atlas::simulate_gaussian(200, 5, random);
  const auto table = atlas::nearest_neighbors(points, {.k = 9});
  const auto r = atlas::estimate_dimension(points, tle{.k = 9, .epsilon = 0});
  for (atlas::index_t i = 0; i < 200; ++i)
    CHECK(r.local[static_cast<std::size_t>(i)] ==
          Approx(by_the_equations(points, table, i, 9)).epsilon(1e-9));
}

TEST_CASE("radii too short to count depend on no unit") {
  const auto cube = atlas_test::golden_cloud("cube4");
  const double whole = atlas::estimate_dimension(cube, tle{}).dimension;
  for (const double factor : {1e-3, 1e-4, 1e6}) {
    const auto other =
        atlas_test::changed_cloud<double>(cube, factor, atlas_test::same_order(cube));
    CHECK(atlas::estimate_dimension(other, tle{}).dimension == Approx(whole).epsilon(1e-10));
  }
}

TEST_CASE("tight localities across the ends of a box are those inside") {
  atlas::random_stream random(8);
  const auto cube = atlas::simulate_cube(500, 2, random);
  auto shifted = cube;
  for (atlas::index_t i = 0; i < 500; ++i) {
    double& x = shifted.mutable_view()(i, 0);
    x = x + 0.5 < 1 ? x + 0.5 : x - 0.5;
  }
  const atlas::dimension_options box{.periods = {1, 1}};
  CHECK(atlas::estimate_dimension(cube, tle{.k = 10}, box).dimension ==
        Approx(atlas::estimate_dimension(shifted, tle{.k = 10}, box).dimension).epsilon(1e-9));
}

TEST_CASE("tight localities: threads, scale, order, float, bad input, lattices") {
  const auto cloud = atlas_test::golden_cloud("sphere5_in8");
  for (const auto combine : {atlas::local_mean::arithmetic, atlas::local_mean::harmonic}) {
    const tle e{.combine = combine};
    atlas_test::check_threads(e, cloud, {});
    for (const double factor : {0x1p-40, 0x1p600})
      atlas_test::check_scale(e, cloud, factor, {.errors = false});
  }
  atlas_test::check_order(tle{}, cloud, {.errors = false}, 1e-12);
  atlas_test::check_float(tle{}, cloud, 1e-5);
  atlas_test::check_refusals(tle{.k = 10});
  CHECK_THROWS_AS(tle{.k = 2}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS((tle{.epsilon = 1}.check_parameters()), atlas::value_error);
  CHECK_THROWS_AS(tle{.epsilon = std::nan("")}.check_parameters(), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, tle{.k = 500}), atlas::value_error);
  const auto lattice = atlas::estimate_dimension(atlas_test::golden_cloud("lattice3"), tle{});
  CHECK(lattice.dimension > 2);
  CHECK(lattice.dimension < 4);
  const auto twice = atlas::estimate_dimension(atlas_test::golden_cloud("duplicates3"), tle{});
  CHECK(twice.merged == 20);
  const auto dropped = atlas::estimate_dimension(atlas_test::golden_cloud("duplicates3"), tle{},
                                                 {.duplicates = atlas::duplicate_policy::drop});
  CHECK(dropped.duplicates == 40);
  CHECK(dropped.dimension == Approx(twice.dimension).epsilon(0.05));
}

TEST_CASE("neighbourhoods whose radii are all equal give no estimate") {
  atlas::owned_tensor<double, 2> simplex({6, 6});
  for (atlas::index_t i = 0; i < 6; ++i) simplex.mutable_view()(i, i) = 1;
  CHECK_THROWS_AS(atlas::estimate_dimension(simplex, tle{.k = 3}), atlas::value_error);
}

TEST_CASE("intervals of tight localities hold the mean estimate") {
  const double held = atlas_test::coverage_on_tori(tle{.k = 10}, 400, 2, {.clouds = 200}).of_mean;
  CAPTURE(held);
  CHECK(held >= 0.90);
  CHECK(held <= 0.99);
}

}  // namespace
}  // namespace tle_test
