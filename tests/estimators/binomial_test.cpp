// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/binomial.hpp"

#include <cmath>
#include <string>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

namespace binomial_tests {
namespace {

using atlas::binomial_method;
using atlas::estimators::binomial;
using atlas_test::golden_number;

TEST_CASE("the binomial dimension is that of the peer, whose error is too small") {
  for (const char* cloud : atlas_test::continuous_clouds)
    for (const auto& [method, text] :
         {std::pair{binomial_method::mle, "mle"}, std::pair{binomial_method::bayes, "bayes"}})
      for (const auto& [r, k] : {std::pair{0.5, 20}, std::pair{0.8, 40}}) {
        const auto points = atlas_test::golden_cloud(cloud);
        const std::string ratio = r < 0.6 ? "r0.5" : "r0.8";
        const auto& results = atlas_test::golden().at("results").at(cloud);
        const auto& of_radius = results.at("dadapy.binomial_rk." + std::string(text) + "." + ratio);
        CAPTURE(cloud, text, r);
        const auto radius = atlas::estimate_dimension(
            points, binomial{.r = r,
                             .k = 0,
                             .radius = golden_number(of_radius.at("params").at("rk")),
                             .method = method});
        CHECK(radius.dimension == Approx(golden_number(of_radius.at("value").at("id")))
                                      .epsilon(atlas_test::same_definition));
        CHECK(radius.standard_error > 1.4 * golden_number(of_radius.at("value").at("err")));
        const auto& of_k = results.at("dadapy.binomial_k." + std::string(text) + ".k" +
                                      std::to_string(k) + "." + ratio);
        const auto neighbors =
            atlas::estimate_dimension(points, binomial{.r = r, .k = k, .method = method});
        CHECK(
            neighbors.dimension ==
            Approx(golden_number(of_k.at("value").at("id"))).epsilon(atlas_test::same_definition));
        CHECK(neighbors.standard_error > 0.9 * golden_number(of_k.at("value").at("err")));
      }
}

TEST_CASE("the binomial dimension: wrong parameters are named") {
  atlas::random_stream random(1, 3);
  const auto points = atlas::simulate_cube(50, 2, random);
  const auto refused = [&](const binomial& e, const char* argument) {
    CHECK_THROWS_WITH(atlas::estimate_dimension(points, e), Catch::Matchers::Contains(argument));
  };
  refused({.r = 1}, "r:");
  refused({.r = 0}, "r:");
  refused({.k = 1}, "k:");
  refused({.k = 0, .radius = -1}, "radius");
  refused({.k = 5, .radius = 1}, "radius");
  refused({.k = 0, .radius = 1e-9}, "points");  // no pair within it
  refused({.k = 0, .radius = 1e9}, "points");   // all pairs within both radii
  atlas_test::check_refusals(binomial{.k = 20});
  atlas_test::check_refusals(binomial{.k = 0});
}

TEST_CASE("the binomial dimension does not depend on threads, order, scale or scalar") {
  atlas_test::check_invariances(binomial{.k = 20}, {.order = 1e-10, .narrow = 1e-2});
  atlas_test::check_invariances(binomial{.r = 0.7, .k = 0}, {.order = 1e-10, .narrow = 1e-2});
}

TEST_CASE("the interval of the binomial dimension covers") {
  const auto torus = [](atlas::random_stream& random) {
    return atlas::simulate_torus(300, 2, random);
  };
  ATLAS_CHECK_COVERS(atlas_test::coverage(binomial{.k = 20}, {.clouds = 200}, torus));
  ATLAS_CHECK_COVERS(atlas_test::coverage(binomial{.r = 0.8, .k = 0}, {.clouds = 200}, torus));
  ATLAS_CHECK_COVERS(
      atlas_test::coverage(binomial{.r = 0.8, .k = 0, .radius = 0.4}, {.clouds = 200}, torus));
  atlas_test::check_contexts(binomial{.r = 0.8, .k = 0});
}

TEST_CASE("in a flat periodic box the binomial interval covers the dimension") {
  const auto counted = atlas_test::coverage_of(
      {.clouds = 100, .value = 2},
      [](atlas::random_stream& random) { return atlas::simulate_cube(300, 2, random); },
      [](const auto& points, std::uint64_t) {
        return atlas::estimate_dimension(points, binomial{.k = 0, .radius = 0.2},
                                         {.periods = {1, 1}, .threads = 1});
      });
  CHECK(counted.of_value >= 0.9);
}

}  // namespace
}  // namespace binomial_tests
