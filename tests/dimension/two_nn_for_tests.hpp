// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds and estimators of TwoNN.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn_options.hpp"

namespace atlas_test {

inline const auto all_estimators = {
    atlas::two_nn_estimator::censored, atlas::two_nn_estimator::regression,
    atlas::two_nn_estimator::truncated, atlas::two_nn_estimator::bayesian};

/// Uniform on the product of d unit circles.
inline Eigen::MatrixXd flat_torus(atlas::index_t n, atlas::index_t d, std::uint64_t seed) {
  atlas::random_stream random(21, seed);
  Eigen::MatrixXd x(n, 2 * d);
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < d; ++k) {
      const double t = 2 * std::numbers::pi * random.uniform();
      x(i, 2 * k) = std::cos(t);
      x(i, 2 * k + 1) = std::sin(t);
    }
  return x;
}

/// Uniform in a cube.
inline Eigen::MatrixXd uniform_cloud(int n, int d) {
  atlas::random_stream random(4);
  Eigen::MatrixXd x(n, d);
  for (double* v = x.data(); v != x.data() + x.size(); ++v) *v = random.uniform();
  return x;
}

}  // namespace atlas_test
