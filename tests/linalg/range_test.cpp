// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"

using namespace atlas_test;

TEST_CASE("eigenvalues and vectors are the same at every scale") {
  const Eigen::MatrixXd x = normal_cloud(40, 12), a = x.transpose() * x / 256;
  const auto plain = atlas::leading_eigenbasis(a, 3);
  for (const int power : {-1000, -600, 600, 1023}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto b = atlas::leading_eigenbasis((scale * a).eval(), 3);
    CHECK((b.values / scale - plain.values).cwiseAbs().maxCoeff() < 1e-14);
    CHECK((b.vectors - plain.vectors).cwiseAbs().maxCoeff() < 1e-12);
    CHECK((atlas::symmetric_eigenvalues((scale * a).eval()) / scale - plain.values)
              .cwiseAbs()
              .maxCoeff() < 1e-14);
  }
}

TEST_CASE("a frame does not depend on how long the columns are") {
  const Eigen::MatrixXd a = normal_cloud(9, 4);
  Eigen::MatrixXd b = a;
  const int powers[] = {-1000, -300, 400, 1015};
  for (int c = 0; c < 4; ++c) b.col(c) *= std::ldexp(1.0, powers[c]);
  CHECK(atlas::orthonormal_columns(b) == atlas::orthonormal_columns(a));
}

TEST_CASE("covariances that a double cannot hold are those of the cloud by a power of two") {
  const Eigen::MatrixXd x = (64 * normal_cloud(100, 3)).array().round();
  const auto plain = atlas::detail::moments<double>(atlas::as_view<2>(x));
  CHECK(plain.exponent == 0);
  for (const int power : {-900, -520, 520, 1012}) {
    CAPTURE(power);
    const Eigen::MatrixXd y = std::ldexp(1.0, power) * x;
    const auto m = atlas::detail::moments<double>(atlas::as_view<2>(y));
    CHECK(m.mean == std::ldexp(1.0, power) * plain.mean);
    CHECK(m.covariance * std::ldexp(1.0, -2 * (m.exponent + power)) == plain.covariance);
  }
  Eigen::MatrixXd apart = x;  // differences of rows beyond the largest double
  apart.col(0) *= 0x1p1015;
  const auto m = atlas::detail::moments<double>(atlas::as_view<2>(apart));
  CHECK(m.covariance.allFinite());
  CHECK(m.covariance(0, 0) > 0);
  for (const double offset : {1e6, 1e9, 1e12}) {
    const Eigen::MatrixXd y = x.array() + offset;
    CHECK(atlas::detail::moments<double>(atlas::as_view<2>(y)).covariance == plain.covariance);
  }
}
