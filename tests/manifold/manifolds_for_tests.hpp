// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Manifolds whose answers are known.

#include <Eigen/Dense>
#include <cmath>
#include <cstdint>
#include <numbers>

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

}  // namespace atlas_test
