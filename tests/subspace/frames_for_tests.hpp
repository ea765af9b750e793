// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Frames at random.

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/linalg/frame.hpp"

namespace atlas_test {

inline std::vector<Eigen::MatrixXd> random_frames(int heads, int d, int k, std::uint64_t seed) {
  std::vector<Eigen::MatrixXd> frames;
  atlas::random_stream random(seed);
  for (int h = 0; h < heads; ++h) frames.push_back(atlas::random_frame(d, k, random));
  return frames;
}

}  // namespace atlas_test
