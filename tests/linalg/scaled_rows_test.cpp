// SPDX-License-Identifier: MIT
#include "atlas/linalg/scaled_rows.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/core/as_view.hpp"

using namespace atlas_test;

TEST_CASE("clouds whose squares a double cannot hold are scaled by a power of two, others not") {
  const Eigen::MatrixXd x = normal_cloud(20, 3);
  for (const int power : {-1000, -290, 0, 290, 1000}) {
    CAPTURE(power);
    const Eigen::MatrixXd y = std::ldexp(1.0, power) * x;
    const auto scaled = atlas::detail::scale_rows<double>(atlas::as_view<2>(y));
    CHECK((scaled.exponent == 0) == (std::abs(power) < 300));
    CHECK(scaled.rows == std::ldexp(1.0, power + scaled.exponent) * x);
    CHECK(std::isnormal(scaled.rows.cwiseAbs2().minCoeff()));
    CHECK(std::isfinite(scaled.rows.squaredNorm()));
    CHECK(scaled.unscaled(scaled.rows(3, 1)) == y(3, 1));
    CHECK(scaled.scaled(y(3, 1)) == scaled.rows(3, 1));
  }
  const Eigen::MatrixXf narrow = 1e-30F * x.cast<float>();
  CHECK(atlas::detail::scale_rows<float>(atlas::as_view<2>(narrow)).exponent == 0);
}
