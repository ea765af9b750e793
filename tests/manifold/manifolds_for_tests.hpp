// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Manifolds whose answers are known.

#include <Eigen/Dense>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "../clouds_for_tests.hpp"

namespace atlas_test {

/// Equally spaced on the unit circle.
inline Eigen::MatrixXd regular_circle(atlas::index_t n) {
  Eigen::MatrixXd cloud(n, 2);
  for (atlas::index_t i = 0; i < n; ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n);
    cloud.row(i) << std::cos(t), std::sin(t);
  }
  return cloud;
}

/// Uniform on the unit circle.
inline Eigen::MatrixXd random_circle(atlas::index_t n, std::uint64_t seed = 1) {
  atlas::random_stream random(seed);
  Eigen::MatrixXd cloud(n, 2);
  for (atlas::index_t i = 0; i < n; ++i) {
    const double t = 2 * std::numbers::pi * random.uniform();
    cloud.row(i) << std::cos(t), std::sin(t);
  }
  return cloud;
}

/// Uniform on the product of two unit circles, in R^4.
inline Eigen::MatrixXd flat_torus(atlas::index_t n, std::uint64_t seed = 1) {
  Eigen::MatrixXd cloud(n, 4);
  cloud << random_circle(n, 2 * seed), random_circle(n, 2 * seed + 1);
  return cloud;
}

/// Uniform on the unit sphere of R^3.
inline Eigen::MatrixXd sphere(atlas::index_t n, std::uint64_t seed = 1) {
  return normal_cloud(n, 3, seed).rowwise().normalized();
}

/// Uniform in the unit cube of R^d.
inline Eigen::MatrixXd cube(atlas::index_t n, atlas::index_t d, std::uint64_t seed = 1) {
  atlas::random_stream random(seed);
  Eigen::MatrixXd cloud(n, d);
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < d; ++k) cloud(i, k) = random.uniform();
  return cloud;
}

/// Two normal blobs of n rows each, `gap` apart along the first axis.
inline Eigen::MatrixXd two_blobs(atlas::index_t n, atlas::index_t d, double gap,
                                 std::uint64_t seed = 1) {
  Eigen::MatrixXd cloud = normal_cloud(2 * n, d, seed);
  cloud.col(0).tail(n).array() += gap;
  return cloud;
}

/// Heads with a swiss roll each in R^12, at another place: in one space of three dimensions or in
/// spaces of their own.
inline std::vector<Eigen::MatrixXd> rolls(int heads, int n, bool shared) {
  std::vector<Eigen::MatrixXd> clouds;
  for (int h = 0; h < heads; ++h) {
    const auto seed = static_cast<std::uint64_t>(h);
    const Eigen::MatrixXd axes = rotation(12, shared ? 50 : 50 + seed).leftCols(3);
    clouds.push_back(((swiss_roll(n, 10 + seed) * axes.transpose()).array() + 30.0 * h).matrix());
  }
  return clouds;
}

}  // namespace atlas_test
