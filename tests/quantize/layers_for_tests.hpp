// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Linear layers that tests share.

#include <Eigen/Dense>
#include <cmath>
#include <cstdint>

#include "../clouds_for_tests.hpp"

namespace atlas_test {

/// Inputs as transformers have them: a spectrum that decays, and every 29th channel an outlier.
inline Eigen::MatrixXd layer_inputs(atlas::index_t n, atlas::index_t d, std::uint64_t seed = 11) {
  Eigen::VectorXd spread(d);
  for (atlas::index_t i = 0; i < d; ++i) spread(i) = 1 / std::sqrt(1.0 + static_cast<double>(i));
  const Eigen::MatrixXd mixing = spread.asDiagonal() * normal_cloud(d, d, seed + 1);
  Eigen::MatrixXd inputs = normal_cloud(n, d, seed) * mixing + 0.1 * normal_cloud(n, d, seed + 2);
  for (atlas::index_t c = 3; c < d; c += 29) inputs.col(c) *= 20;
  return inputs;
}

/// E[a a^T] of such inputs, of full rank.
inline Eigen::MatrixXd layer_moments(atlas::index_t d, std::uint64_t seed = 11) {
  const Eigen::MatrixXd inputs = layer_inputs(4 * d, d, seed);
  const Eigen::MatrixXd f = inputs.transpose() * inputs / static_cast<double>(4 * d);
  return 0.5 * (f + f.transpose());  // products may round both halves differently
}

/// `tr(E F E^T)` as it is written.
inline double weighted_norm(const Eigen::MatrixXd& e, const Eigen::MatrixXd& f) {
  return (e * f * e.transpose()).trace();
}

inline double relative_norm(const Eigen::MatrixXd& difference, const Eigen::MatrixXd& whole) {
  return difference.norm() / whole.norm();
}

}  // namespace atlas_test
