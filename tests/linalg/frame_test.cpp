// SPDX-License-Identifier: MIT
#include "atlas/linalg/frame.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

TEST_CASE("random frames are orthonormal and Haar: each entry has variance 1/d") {
  double sum = 0, fourth = 0;
  for (std::uint64_t s = 0; s < 2000; ++s) {
    atlas::random_stream random(9, s);
    const Eigen::MatrixXd frame = atlas::random_frame(10, 3, random);
    if (s == 0)
      CHECK((frame.transpose() * frame - Eigen::MatrixXd::Identity(3, 3)).norm() <
            tolerance::double_rounding);
    sum += frame(0, 0);
    fourth += std::pow(frame(2, 1), 4);
  }
  CHECK(std::abs(sum / 2000) < 5 * std::sqrt(0.1 / 2000));
  CHECK(fourth / 2000 == Approx(3.0 / 120).epsilon(0.15));  // E x^4 = 3 / (d (d + 2))
}

TEST_CASE("a frame does not depend on how long the columns are") {
  const Eigen::MatrixXd a = normal_cloud(9, 4);
  Eigen::MatrixXd b = a;
  const int powers[] = {-1000, -300, 400, 1015};
  for (int c = 0; c < 4; ++c) b.col(c) *= std::ldexp(1.0, powers[c]);
  CHECK(atlas::orthonormal_columns(b) == atlas::orthonormal_columns(a));
}
