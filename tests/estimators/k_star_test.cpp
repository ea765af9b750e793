// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/k_star.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace k_star_tests {
namespace {

using atlas::index_t;
using atlas::k_star_method;
using atlas::estimators::k_star;
using atlas_test::golden_number;
using atlas_test::golden_value;

TEST_CASE("neighbourhoods of one density are those of the peer, row for row") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud(cloud), {.k = 100});
    const auto& peer = golden_value(cloud, "dadapy.kstar");
    const auto k = atlas::k_star(table, golden_number(peer.at("id_used")));
    CHECK(k == peer.at("kstar").get<std::vector<index_t>>());
  }
}

TEST_CASE("the dimension within them is that of the peer, after every round") {
  for (const char* cloud : atlas_test::continuous_clouds)
    for (std::size_t round = 1; round <= 5; ++round) {
      CAPTURE(cloud, round);
      const auto table = atlas::nearest_neighbors(atlas_test::golden_cloud(cloud), {.k = 100});
      const auto iterations = static_cast<index_t>(round);
      const auto gride = atlas::estimate_from_neighbors(
          table, k_star{.method = k_star_method::gride, .iterations = iterations});
      const auto binomial = atlas::estimate_from_neighbors(table, k_star{.iterations = iterations});
      CHECK(gride.dimension ==
            Approx(golden_number(golden_value(cloud, "dadapy.kstar_gride").at("ids")[round]))
                .epsilon(atlas_test::same_definition));
      CHECK(binomial.dimension ==
            Approx(golden_number(golden_value(cloud, "dadapy.kstar_binomial").at("ids")[round]))
                .epsilon(atlas_test::same_definition));
    }
}

/// The test of one density as it is written, of volumes and not of logarithms.
TEST_CASE("a neighbourhood ends where the likelihoods of one density and of two differ") {
  atlas::random_stream random(4, 1);
  const auto table = atlas::nearest_neighbors(atlas::simulate_gaussian(400, 3, random), {.k = 60});
  const double alpha = 1e-4, z = atlas::normal_quantile(alpha / 2);
  const auto k = atlas::k_star(table, 3, {.alpha = alpha, .max_k = 60});
  for (index_t i = 0; i < 400; ++i) {
    index_t expected = 3;
    for (; expected < 59; ++expected) {
      const double a = std::pow(table.distances(i, expected - 1), 3);
      const double b = std::pow(table.distances(table.indices(i, expected), expected - 1), 3);
      const double difference = -2 * static_cast<double>(expected) *
                                (std::log(a) + std::log(b) - 2 * std::log(a + b) + std::log(4.0));
      if (difference > z * z) break;
    }
    CHECK(k[static_cast<std::size_t>(i)] == expected);
  }
  CHECK(*std::min_element(k.begin(), k.end()) < 59);
}

TEST_CASE("a neighbourhood is that of its dimension, whatever was asked before") {
  atlas::random_stream random(5, 2);
  auto points = atlas::simulate_spectrum(300, std::vector<double>{9, 4, 1}, random);
  double* const x = points.mutable_view().data();
  for (index_t i = 0; i < 300; ++i) x[i] = std::round(4 * x[i]) / 4;  // equal distances
  for (index_t i = 300; i < 330; ++i) x[i] *= 1e-310;                 // ratios that overflow
  const auto table = atlas::nearest_neighbors(points, {.k = 50});
  atlas::detail::raw_estimate counted;
  const auto rows = atlas::detail::rows_with_neighbors(table, 50, counted);
  REQUIRE(rows.size() > 100);
  const auto limits = atlas::detail::density_limits(1e-3, 50);
  atlas::detail::density_changes<> changes(table, limits);
  for (const double d : {2.0, 30.0, 0.01, 4.0, 400.0, 2.0}) {
    const auto fresh = atlas::k_star(table, d, {.alpha = 1e-3, .max_k = 50});
    for (const index_t i : rows) {
      CAPTURE(d, i);
      CHECK(changes.neighbors(i, d) == fresh[static_cast<std::size_t>(i)]);
      index_t k = 3;  // the definition
      for (; k < 49; ++k) {
        const double gap = std::abs(std::log(table.distances(i, k - 1)) -
                                    std::log(table.distances(table.indices(i, k), k - 1)));
        if (!(d * gap <= limits[static_cast<std::size_t>(k)])) break;
      }
      CHECK(fresh[static_cast<std::size_t>(i)] == k);
    }
  }
}

TEST_CASE("k_star says how many neighbourhoods end at the largest, and rounds that do not settle") {
  const auto said = [](const char* cloud) {
    return atlas::estimate_dimension(atlas_test::golden_cloud(cloud), k_star{}, {.errors = false})
        .remark;
  };
  CHECK_THAT(said("sphere2"), Catch::Matchers::Contains("300 of 300 neighbourhoods"));
  CHECK_THAT(atlas::estimate_dimension(atlas_test::golden_cloud("helix"),
                                       k_star{.method = k_star_method::gride}, {.errors = false})
                 .remark,
             Catch::Matchers::Contains("last iteration moved"));
}

TEST_CASE("k_star: wrong parameters are named") {
  atlas::random_stream random(1, 3);
  const auto points = atlas::simulate_cube(90, 2, random);
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, k_star{.alpha = 0}),
                    Catch::Matchers::Contains("alpha"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, k_star{.max_k = 4}),
                    Catch::Matchers::Contains("max_k"));
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, k_star{.iterations = 0}),
                    Catch::Matchers::Contains("iterations"));
  CHECK_THROWS_AS(atlas::estimate_dimension(points, k_star{}), atlas::value_error);
  const auto table = atlas::nearest_neighbors(points, {.k = 20});
  CHECK_THROWS_AS(atlas::k_star(table, 2), atlas::shape_error);
  CHECK_THROWS_WITH(atlas::k_star(table, 0, {.max_k = 20}), Catch::Matchers::Contains("dimension"));
  atlas_test::check_refusals(k_star{.max_k = 10});
}

TEST_CASE("rows that coincide, and rows without enough neighbours, have no neighbourhood") {
  std::vector<std::vector<double>> rows;
  atlas::random_stream random(9, 1);
  for (int i = 0; i < 60; ++i) rows.push_back({random.uniform(), random.uniform()});
  rows.push_back(rows[5]);
  const auto table = atlas::nearest_neighbors(rows, {.k = 10});
  const auto k = atlas::k_star(table, 2, {.max_k = 10});
  CHECK(k[5] == -1);
  CHECK(k[60] == -1);
  CHECK(std::count(k.begin(), k.end(), -1) == 2);
  const auto r = atlas::estimate_dimension(rows, k_star{.max_k = 10},
                                           {.duplicates = atlas::duplicate_policy::drop});
  CHECK(r.duplicates == 2);
  CHECK(r.points_used == 59);
}

TEST_CASE("k_star does not depend on threads, order, scale or scalar") {
  atlas_test::check_invariances(k_star{.max_k = 20}, {.rows = 500, .order = 1e-10, .narrow = 1e-2});
  atlas_test::check_invariances(k_star{.method = k_star_method::gride, .max_k = 20},
                                {.rows = 500, .order = 1e-10, .narrow = 1e-2});
}

TEST_CASE("the interval of k_star covers the mean of the estimator") {
  const auto torus = [](atlas::random_stream& random) {
    return atlas::simulate_torus(400, 2, random);
  };
  const auto gauss = [](atlas::random_stream& random) {
    return atlas::simulate_gaussian(400, 3, random);
  };
  for (const auto method : {k_star_method::gride, k_star_method::binomial}) {
    const k_star e{.method = method, .max_k = 20};
    ATLAS_CHECK_COVERS(atlas_test::coverage(e, {.clouds = 120}, torus));
    const auto of_gauss = atlas_test::coverage(e, {.clouds = 120}, gauss);
    CHECK(of_gauss.of_mean >= 0.9);
  }
  const auto halves = atlas_test::coverage(k_star{.max_k = 40}, {.clouds = 50}, gauss);
  CHECK(halves.of_mean >= 0.9);
}

}  // namespace
}  // namespace k_star_tests
