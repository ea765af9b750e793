// SPDX-License-Identifier: MIT
#include "atlas/dimension/two_nn_scores.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "two_nn_for_tests.hpp"

using namespace atlas_test;
using atlas::index_t;

TEST_CASE("scores of an estimator are what leaving each row out takes away") {
  atlas::random_stream random(5);
  std::vector<double> logs;
  for (int i = 0; i < 300; ++i) logs.push_back(random.exponential() / 4);
  for (const auto estimator : all_estimators) {
    const atlas::two_nn_options options{.estimator = estimator, .prior = {3, 2}};
    const auto estimate = [&](const std::vector<double>& x) {
      std::vector<double> ratios;
      for (const double log : x) ratios.push_back(std::exp(log));
      return atlas::two_nn_from_ratios(ratios, options);
    };
    const auto whole = estimate(logs);
    std::vector<double> sorted = logs;
    std::sort(sorted.begin(), sorted.end());
    const Eigen::VectorXd scores = atlas::detail::centred_scores(
        atlas::detail::estimator_scores({logs, 270, sorted[269]}, whole.dimension, options));
    Eigen::VectorXd influence(300);
    for (std::size_t i = 0; i < 300; ++i) {
      std::vector<double> others = logs;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
      influence[static_cast<index_t>(i)] =
          std::log(whole.dimension) - std::log(estimate(others).dimension);
    }
    influence.array() -= influence.mean();
    CAPTURE(static_cast<int>(estimator));
    CHECK(influence.dot(scores) > 0.97 * influence.norm() * scores.norm());
    // One row more or less moves the cut by one spacing, which scatters.
    CHECK(influence.norm() == Approx(scores.norm()).epsilon(0.35));
    CHECK(whole.standard_error ==
          Approx(whole.dimension * scores.norm()).epsilon(tolerance::double_rounding));
  }
}
