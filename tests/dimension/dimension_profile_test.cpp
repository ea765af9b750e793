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

/// Rows on a ring whose neighbours are the next twelve, and scores that are sums of normal numbers
/// over the same.
atlas::detail::profile_scale ring_of_scores(index_t n, atlas::random_stream& random) {
  atlas::detail::profile_scale out{
      {}, Eigen::VectorXd::Zero(n), std::vector<std::vector<index_t>>(static_cast<std::size_t>(n))};
  for (index_t i = 0; i < n; ++i) {
    const double x = random.normal();
    out.scores[i] += x;
    for (index_t k = 1; k <= 12; ++k) {
      out.scores[(i + k) % n] += x;
      out.neighbours[static_cast<std::size_t>(i)].push_back((i + k) % n);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("variances over scales are as uncertain as they say, with contexts too") {
  constexpr index_t n = 600;
  atlas::detail::row_units thirds{{}, n / 3, true};
  for (index_t i = 0; i < n; ++i) thirds.unit.push_back(i / 3);
  for (const auto& units : {thirds, atlas::detail::row_units{{}, n, false}}) {
    std::vector<double> variances;
    double found = 0;
    for (std::uint64_t draw = 0; draw < 400; ++draw) {
      atlas::random_stream random(41, draw);
      const auto c = atlas::detail::covariance_of_scales({ring_of_scores(n, random)},
                                                         Eigen::MatrixXd::Ones(1, 1), units);
      variances.push_back(c.matrix(0, 0));
      found += c.degrees / 400;
    }
    // 2 mean^2 / variance are the degrees of freedom of a multiple of chi-squared; of 400 draws
    // they are known to a tenth, and the form of the scores' correlation makes a fifth.
    const auto s = atlas::summarize(variances);
    CHECK(found == Approx(2 * s.mean * s.mean / (s.sd * s.sd)).epsilon(0.5));
    CHECK(s.mean == Approx(n * 13 * 13).epsilon(0.25));
  }
}

TEST_CASE("means of cut logarithms of beta variables are Boost.Math's") {
  for (const index_t n : {1, 2, 4, 16, 64, 1024}) {
    double harmonic = 0;
    for (index_t k = n; k < 2 * n; ++k) harmonic += 1 / static_cast<double>(k);
    CHECK(atlas::detail::cut_logs_of_beta(n, 1).mean == Approx(harmonic).epsilon(1e-5));
    const auto shape = static_cast<double>(n);
    const boost::math::beta_distribution<double> beta(shape, shape);
    const double w = boost::math::quantile(beta, 0.1);
    const auto got = atlas::detail::cut_logs_of_beta(n, 0.9);
    // The cut is known to some 1e-7, and the density is a power of n of it.
    CHECK(got.density == Approx(w * boost::math::pdf(beta, w)).epsilon(5e-4));
    // The integral of the share that is above each logarithm up to the cut.
    double wanted = 0;
    const int steps = 20000;
    const double cut = -std::log(w);
    for (int i = 0; i < steps; ++i)
      wanted += boost::math::cdf(beta, std::exp(-cut * (i + 0.5) / steps)) * cut / steps;
    CHECK(got.mean == Approx(wanted).epsilon(1e-5));
  }
}

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
