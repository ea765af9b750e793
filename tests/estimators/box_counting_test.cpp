// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimators/box_counting.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/simulation/clouds.hpp"
#include "estimator_checks.hpp"

namespace box_counting_tests {
namespace {

using atlas::index_t;
using atlas::estimators::box_counting;

/// 2^k by 2^k rows at the middles of the boxes of side 2^-k.
atlas::owned_tensor<double, 2> grid(index_t side) {
  atlas::owned_tensor<double, 2> out({side * side, 2});
  for (index_t i = 0; i < side * side; ++i) {
    out.mutable_view()(i, 0) = static_cast<double>(i / side) / static_cast<double>(side - 1);
    out.mutable_view()(i, 1) = static_cast<double>(i % side) / static_cast<double>(side - 1);
  }
  return out;
}

/// Points of the Cantor set of ratio 1/3, of dimension ln 2 / ln 3.
atlas::owned_tensor<double, 2> cantor(index_t rows, atlas::random_stream& random) {
  atlas::owned_tensor<double, 2> out({rows, 1});
  for (index_t i = 0; i < rows; ++i) {
    double x = 0;
    for (int digit = 0; digit < 30; ++digit) x = (x + (random.uniform() < 0.5 ? 0 : 2)) / 3;
    out.mutable_view()(i, 0) = x;
  }
  return out;
}

TEST_CASE("boxes of a grid are all occupied, by as many rows each") {
  const auto points = grid(64);
  const auto capacity = atlas::estimate_dimension(points, box_counting{});
  CHECK(capacity.dimension == Approx(2).epsilon(1e-12));
  CHECK(atlas::estimate_dimension(points, box_counting{.order = 1}).dimension ==
        Approx(2).epsilon(0.01));
  CHECK(atlas::estimate_dimension(points, box_counting{.order = 2}).dimension ==
        Approx(2).epsilon(0.02));  // pairs of random rows would be as many more
  CHECK(capacity.claim == atlas::interval_claim::own_mean);
}

TEST_CASE("the numbers of rows of boxes are those of a count by hand") {
  const std::vector<std::vector<double>> rows{{0}, {0.1}, {0.3}, {0.9}, {1}};
  const auto held = atlas::as_view<2>(rows);
  const atlas::tensor_view<const double, 2> points = held;
  const atlas::detail::row_units units{{}, 5, false};
  const auto frame = atlas::detail::frame_of(points);
  const auto half = atlas::detail::count_boxes(points, frame, 1, units, 1);
  CHECK(half.rows == std::vector<double>{3, 3, 3, 2, 2});
  CHECK(half.boxes == 2);
  CHECK(half.alone == std::vector<double>(5, 0));
  const auto quarter = atlas::detail::count_boxes(points, frame, 2, units, 1);
  CHECK(quarter.rows == std::vector<double>{1, 2, 2, 2, 2});
  CHECK(quarter.alone == std::vector<double>{1, 0, 0, 0, 0});
  CHECK(atlas::detail::measure_of_boxes(quarter, 0) == Approx(std::log(3.0)));
  CHECK(atlas::detail::measure_of_boxes(quarter, 2) == Approx(-std::log(4.0 / 20)));
}

TEST_CASE("the Cantor set has its dimension in all orders") {
  atlas::random_stream random(2, 2);
  const auto set = cantor(4000, random);
  for (const index_t order : {0, 1, 2})
    CHECK(atlas::estimate_dimension(set, box_counting{.order = order}).dimension ==
          Approx(std::log(2.0) / std::log(3.0)).epsilon(0.05));
}

TEST_CASE("box counting: wrong parameters and options it cannot honour are named") {
  atlas::random_stream random(1, 3);
  const auto points = atlas::simulate_cube(500, 2, random);
  const auto refused = [&](const box_counting& e, const char* argument,
                           const atlas::dimension_options& options = {}) {
    CHECK_THROWS_WITH(atlas::estimate_dimension(points, e, options),
                      Catch::Matchers::Contains(argument));
  };
  refused({.order = 3}, "order");
  refused({.least = 0}, "least");
  refused({.most = 1}, "most");
  refused({}, "periods", {.periods = {1, 1}});
  CHECK(atlas::estimate_dimension(points, box_counting{}, {.periods = {0, 0}}).dimension > 0);
  const std::vector<index_t> context(500, 1);
  refused({}, "exclude", {.exclude = atlas::same_context(context)});
  CHECK_THROWS_WITH(atlas::estimate_dimension(atlas::simulate_cube(500, 8, random), box_counting{}),
                    Catch::Matchers::Contains("boxes"));
  atlas_test::check_refusals(box_counting{});
}

TEST_CASE("box counting does not depend on threads, order, scale or scalar") {
  for (const index_t order : {0, 1, 2})
    atlas_test::check_invariances(box_counting{.order = order, .most = 0.5},
                                  {.rows = 2000, .order = 1e-10, .narrow = 1e-2});
}

TEST_CASE("boxes that are all full are said to be") {
  atlas::random_stream random(1, 5);
  const auto r =
      atlas::estimate_dimension(atlas::simulate_cube(800, 2, random), box_counting{.most = 0.05});
  CHECK(r.dimension == Approx(2).epsilon(1e-12));
  CHECK(r.standard_error == 0);
  CHECK_THAT(r.remark, Catch::Matchers::Contains("error is 0"));
}

TEST_CASE("the intervals of box counting cover the mean of the estimator") {
  for (const index_t order : {0, 1, 2}) {
    const box_counting e{.order = order};
    CAPTURE(order);
    const auto flat = atlas_test::coverage(e, {.clouds = 100}, [](atlas::random_stream& random) {
      return atlas::simulate_cube(1500, 2, random);
    });
    CHECK(flat.of_mean >= 0.9);
    ATLAS_CHECK_COVERS(atlas_test::coverage(e, {.clouds = 100}, [](atlas::random_stream& random) {
      return atlas::simulate_gaussian(800, 2, random);
    }));
  }
  atlas_test::check_contexts(box_counting{.order = 1, .most = 0.5}, false);
}

}  // namespace
}  // namespace box_counting_tests
