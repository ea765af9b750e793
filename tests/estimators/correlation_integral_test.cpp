// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/correlation_integral.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace correlation_integral_tests {
namespace {

using atlas::index_t;
using atlas::estimators::correlation_integral;
using atlas_test::golden_number;
using atlas_test::golden_value;

/// Ordered pairs closer than r, and the share of all.
double brute_force(const atlas::owned_tensor<double, 2>& points, double r) {
  double count = 0;
  for (index_t i = 0; i < points.extent(0); ++i)
    for (index_t j = 0; j < points.extent(0); ++j) {
      double square = 0;
      for (index_t c = 0; c < points.extent(1); ++c)
        square += std::pow(points(i, c) - points(j, c), 2);
      if (i != j && std::sqrt(square) < r) ++count;
    }
  return count / static_cast<double>(points.extent(0) * (points.extent(0) - 1));
}

/// These clouds have even numbers of rows, so that no pair is at a median radius: for odd ones the
/// peer's values are decided by rounding, and differ by up to 4e-4.
TEST_CASE("the correlation dimension is that of the peers") {
  for (const char* cloud : atlas_test::continuous_clouds) {
    CAPTURE(cloud);
    const auto points = atlas_test::golden_cloud(cloud);
    CHECK(atlas::estimate_dimension(points, correlation_integral{}).dimension ==
          Approx(golden_number(golden_value(cloud, "skdim.CorrInt.10.20")))
              .epsilon(atlas_test::same_definition));
    CHECK(atlas::estimate_dimension(points, correlation_integral{.k1 = 5, .k2 = 50}).dimension ==
          Approx(golden_number(golden_value(cloud, "skdim.CorrInt.5.50")))
              .epsilon(atlas_test::same_definition));
    const auto& radii = atlas_test::golden()
                            .at("results")
                            .at(cloud)
                            .at("dadapy.correlation_integral")
                            .at("params")
                            .at("scales");
    const auto curve = atlas::correlation_integral(points, radii.get<std::vector<double>>());
    const auto& peer = golden_value(cloud, "dadapy.correlation_integral");
    for (std::size_t a = 0; a < curve.integral.size(); ++a)
      CHECK(curve.integral[a] ==
            Approx(golden_number(peer.at("C")[a])).epsilon(atlas_test::same_definition));
    for (std::size_t a = 0; a < curve.up_to.size(); ++a)
      CHECK(curve.up_to[a].dimension ==
            Approx(golden_number(peer.at("ids")[a])).epsilon(atlas_test::same_definition));
    CHECK(curve.between[0].dimension == Approx(curve.up_to[0].dimension).epsilon(1e-12));
    CHECK(curve.between[0].standard_error == Approx(curve.up_to[0].standard_error).epsilon(1e-9));
  }
}

TEST_CASE("pairs at the radius do not count, and those that may not be neighbours are no pairs") {
  atlas::random_stream random(1, 2);
  const auto points = atlas::simulate_cube(60, 2, random);
  const auto curve = atlas::correlation_integral(points, {0.2, 0.4, 0.7});
  for (std::size_t a = 0; a < 3; ++a)
    CHECK(curve.integral[a] == Approx(brute_force(points, curve.radii[a])).epsilon(1e-12));
  const std::vector<std::vector<double>> line{{0}, {1}, {2}, {4}};
  const auto of_line = atlas::correlation_integral(line, {1, 2, 5});
  CHECK(of_line.integral == std::vector<double>{0, 4.0 / 12, 1});
  CHECK(std::isnan(of_line.between[0].dimension));
  CHECK(of_line.between[0].fault == atlas::cloud_fault::too_few_ratios);
  const std::vector<index_t> context{0, 0, 1, 1};
  const auto apart = atlas::correlation_integral(
      line, {1.5, 5}, {.exclude = atlas::same_context(context), .errors = false});
  CHECK(apart.integral == std::vector<double>{2.0 / 8, 1});
}

TEST_CASE("the correlation dimension: wrong parameters are named") {
  atlas::random_stream random(1, 3);
  const auto points = atlas::simulate_cube(50, 2, random);
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, correlation_integral{.k1 = 20, .k2 = 20}),
                    Catch::Matchers::Contains("k2"));
  CHECK_THROWS_AS(atlas::estimate_dimension(points, correlation_integral{.k2 = 50}),
                  atlas::value_error);
  CHECK_THROWS_WITH(atlas::correlation_integral(points, {0.3, 0.2}),
                    Catch::Matchers::Contains("radii"));
  CHECK_THROWS_AS(atlas::correlation_integral(points, {0.3}), atlas::shape_error);
  std::vector<index_t> context(50);
  for (std::size_t i = 0; i < 50; ++i) context[i] = static_cast<index_t>(i);
  CHECK_THROWS_WITH(atlas::estimate_dimension(points, correlation_integral{},
                                              {.exclude = atlas::distinct_contexts(context)}),
                    Catch::Matchers::Contains("distinct"));
  atlas_test::check_refusals(correlation_integral{});
}

TEST_CASE("a curve of rows that coincide is refused where that is asked for") {
  atlas::random_stream random(4);
  Eigen::MatrixXd points(40, 3);
  for (double& x : points.reshaped()) x = random.normal();
  points.row(7) = points.row(31);
  const atlas::dimension_options options{.duplicates = atlas::duplicate_policy::error};
  CHECK_THROWS_WITH(atlas::correlation_integral(points, {0.5, 1}, options),
                    Catch::Matchers::Contains("no duplicates, got 1 pairs"));
  CHECK(atlas::correlation_integral(points, {0.5, 1}).merged == 1);
}

TEST_CASE("the correlation dimension does not depend on threads, order, scale or scalar") {
  atlas_test::check_invariances(correlation_integral{}, {.order = 1e-10, .narrow = 1e-2});
}

TEST_CASE("the interval of the correlation dimension covers") {
  const correlation_integral e{};
  ATLAS_CHECK_COVERS(atlas_test::coverage(e, {.clouds = 200}, [](atlas::random_stream& random) {
    return atlas::simulate_torus(300, 2, random);
  }));
  ATLAS_CHECK_COVERS(atlas_test::coverage(e, {.clouds = 200}, [](atlas::random_stream& random) {
    return atlas::simulate_gaussian(300, 3, random);
  }));
  atlas_test::check_contexts(e);
}

}  // namespace
}  // namespace correlation_integral_tests
