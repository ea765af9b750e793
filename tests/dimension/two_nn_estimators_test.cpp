// SPDX-License-Identifier: MIT
#include "atlas/dimension/two_nn_estimators.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"

using namespace atlas_test;
using atlas::two_nn_estimator;

namespace {

/// Ratios of an ideal d-dimensional cloud: mu = U^(-1/d).
std::vector<double> ideal_ratios(int n, double d, std::uint64_t seed) {
  atlas::random_stream random(17, seed);
  std::vector<double> ratios;
  for (int i = 0; i < n; ++i) ratios.push_back(std::pow(random.uniform(), -1 / d));
  return ratios;
}

struct repetitions {
  double mean = 0;      ///< of the estimates
  double coverage = 0;  ///< share of intervals with the true dimension inside
};

repetitions repeat(int times, double d, const atlas::two_nn_options& options) {
  repetitions r;
  for (int i = 0; i < times; ++i) {
    const auto e =
        atlas::two_nn_from_ratios(ideal_ratios(1000, d, static_cast<std::uint64_t>(i)), options);
    r.mean += e.dimension / times;
    r.coverage += (e.interval.lower <= d && d <= e.interval.upper ? 1.0 : 0.0) / times;
  }
  return r;
}

}  // namespace

TEST_CASE("censored TwoNN is unbiased and its interval covers as it says") {
  for (const double d : {2.0, 5.0, 10.0, 20.0}) {
    CAPTURE(d);
    const auto few = repeat(200, d, {});
    CHECK(few.mean == Approx(d).epsilon(tolerance::two_nn_mean));
    const auto many = repeat(2000, d, {});  // 95 % is then known to half a per cent
    CHECK(many.coverage > 0.93);
    CHECK(many.coverage < 0.97);
  }
}

TEST_CASE("every estimator's interval covers what it estimates") {
  for (const auto estimator : {two_nn_estimator::regression, two_nn_estimator::bayesian}) {
    const auto r = repeat(2000, 5, {.estimator = estimator});
    CHECK(r.mean == Approx(5).epsilon(tolerance::two_nn_mean));
    CHECK(r.coverage > 0.93);
    CHECK(r.coverage < 0.97);
  }
  for (const double level : {0.5, 0.99})
    CHECK(repeat(2000, 5, {.confidence = level}).coverage == Approx(level).margin(0.04));
}

TEST_CASE("the truncated estimator is 1.34 times too high") {
  for (const double d : {2.0, 10.0})
    CHECK(repeat(200, d, {.estimator = two_nn_estimator::truncated}).mean ==
          Approx(1.34 * d).epsilon(tolerance::two_nn_mean));
}

TEST_CASE("without discarding, censored and truncated differ by (k - 1) / k alone") {
  const auto ratios = ideal_ratios(500, 3, 1);
  const auto censored = atlas::two_nn_from_ratios(ratios, {.discard_fraction = 0});
  const auto truncated = atlas::two_nn_from_ratios(
      ratios, {.estimator = two_nn_estimator::truncated, .discard_fraction = 0});
  CHECK(censored.dimension ==
        Approx(truncated.dimension * 499 / 500).epsilon(tolerance::double_rounding));
}
