// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds that tests share.

#include <Eigen/Dense>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/frame.hpp"

namespace atlas_test {

inline Eigen::MatrixXd normal_cloud(atlas::index_t n, atlas::index_t d, std::uint64_t seed = 1) {
  atlas::random_stream random(seed);
  Eigen::MatrixXd cloud(n, d);
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < d; ++k) cloud(i, k) = random.normal();
  return cloud;
}

/// Uniform on a rolled-up rectangle: two-dimensional, in R^3.
inline Eigen::MatrixXd swiss_roll(atlas::index_t n, std::uint64_t seed = 1) {
  atlas::random_stream random(seed);
  Eigen::MatrixXd cloud(n, 3);
  // Arc length of the spiral r = t grows with t, so that uniform patches need t to be drawn from
  // a density that does.
  for (atlas::index_t i = 0; i < n; ++i) {
    const double low = 1.5 * std::numbers::pi, high = 4.5 * std::numbers::pi;
    const double t = std::sqrt(low * low + (high * high - low * low) * random.uniform());
    cloud.row(i) << t * std::cos(t), 21 * random.uniform(), t * std::sin(t);
  }
  return cloud;
}

inline Eigen::MatrixXd rotation(atlas::index_t d, std::uint64_t seed = 7) {
  atlas::random_stream random(seed);
  return atlas::random_frame(d, d, random);
}

}  // namespace atlas_test
