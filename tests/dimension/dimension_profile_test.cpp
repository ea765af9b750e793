// SPDX-License-Identifier: MIT
#include "atlas/dimension/dimension_profile.hpp"

#include <Eigen/Dense>
#include <boost/math/distributions/beta.hpp>
#include <cmath>
#include <numbers>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/stats/summary.hpp"

using namespace atlas_test;
using atlas::dimension_profile;
using atlas::index_t;

namespace {

/// A circle of radius 1 in noise of `sd` in ten dimensions.
Eigen::MatrixXd circle_in_noise(index_t n, double sd, std::uint64_t seed) {
  atlas::random_stream random(31, seed);
  Eigen::MatrixXd x = sd * normal_cloud(n, 10, 50 + seed);
  for (index_t i = 0; i < n; ++i) {
    const double t = 2 * std::numbers::pi * random.uniform();
    x(i, 0) += std::cos(t);
    x(i, 1) += std::sin(t);
  }
  return x;
}

}  // namespace

TEST_CASE("a profile of the whole at order 1 is two_nn, and every scale of a circle is 1") {
  const Eigen::MatrixXd x = circle_in_noise(1200, 0, 1);
  const auto whole = atlas::two_nn(x);
  const auto r = dimension_profile(x);
  REQUIRE(r.sizes.size() == 4);
  REQUIRE(r.orders.size() == 4);
  for (const auto* first : {&r.sizes[0], &r.orders[0]}) {
    CHECK(first->dimension == Approx(whole.dimension).epsilon(0.001));
    CHECK(first->standard_error == Approx(whole.standard_error).epsilon(0.01));
  }
  for (std::size_t s = 0; s < 4; ++s) {
    CHECK(r.sizes[s].points == 1200 >> s);
    CHECK(r.sizes[s].parts == 1 << s);
    CHECK(r.orders[s].order == 1 << s);
    CHECK(r.sizes[s].dimension == Approx(1).epsilon(0.2));
    CHECK(r.orders[s].dimension == Approx(1).epsilon(0.2));
    if (s == 0) continue;
    CHECK(r.sizes[s].distance > r.sizes[s - 1].distance);
    CHECK(r.orders[s].standard_error < r.orders[s - 1].standard_error);
  }
  CHECK(r.p > 1e-6);
  CHECK(r.contexts == 0);
  const auto again = dimension_profile(x, {.threads = 1});
  CHECK(again.p == r.p);
}

TEST_CASE("a dimension that depends on the scale is said to move, one that does not is not") {
  const auto noisy = dimension_profile(circle_in_noise(1200, 0.03, 2));
  CHECK(noisy.moves);
  CHECK(noisy.over_sizes.slope > 0.05);
  CHECK(noisy.over_orders.slope < -0.05);
  CHECK(noisy.p < 1e-6);
  // Of 60 clouds of one dimension, 5 % in the mean: more than 14 once in 10^6 runs.
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed)
    if (dimension_profile(circle_in_noise(400, 0, seed), {}, {.halvings = 2}).moves) ++alarms;
  CHECK(alarms <= 14);
}

TEST_CASE("a profile divides whole contexts and merges rows that coincide") {
  Eigen::MatrixXd x = circle_in_noise(960, 0, 3);
  std::vector<int> context;
  for (int i = 0; i < 960; ++i) context.push_back(i / 12);
  x.row(959) = x.row(0);
  const auto r = dimension_profile(x, {.exclude = atlas::distinct_contexts(context)});
  CHECK(r.merged == 1);
  CHECK(r.contexts == 80);
  REQUIRE(r.sizes.size() == 2);  // of 80 and 40 contexts, 20 being too few
  for (const auto& step : r.sizes) CHECK(step.dimension == Approx(1).epsilon(0.3));
}

TEST_CASE("a profile of one context has no errors, and odd options are refused") {
  const Eigen::MatrixXd x = circle_in_noise(300, 0, 3);
  const auto one = dimension_profile(
      x, {.context = atlas::detail::copy_labels(std::vector<int>(300, 4), "context")});
  CHECK(one.contexts == 1);
  CHECK(one.few_contexts);
  CHECK(std::isnan(one.sizes[0].standard_error));
  CHECK(std::isnan(one.p));
  CHECK_FALSE(one.moves);
  CHECK_REFUSED(atlas::value_error,
                (dimension_profile(x, {.estimator = atlas::two_nn_estimator::truncated})),
                "estimator", "censored");
  CHECK_REFUSED(atlas::value_error, (dimension_profile(x, {}, {.orders = 0})), "orders", "0");
  CHECK_REFUSED(atlas::value_error, (dimension_profile(x, {}, {.halvings = -1})), "halvings", "-1");
}
