// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/linalg/random_rotation.hpp"

using namespace atlas_test;

TEST_CASE("leading vectors span what those of the whole basis do") {
  for (const int d : {2, 7, 16, 40, 65})
    for (const int k : {1, 5, 9, 17}) {
      if (k > d) continue;
      CAPTURE(d, k);
      const Eigen::MatrixXd x = normal_cloud(d + 4, d, static_cast<std::uint64_t>(d));
      const Eigen::MatrixXd m = x.transpose() * x;
      const Eigen::MatrixXd found = atlas::detail::leading_eigenvectors(m, k);
      const Eigen::MatrixXd whole = atlas::symmetric_eigenbasis(m).vectors.leftCols(k);
      CHECK((found * found.transpose() - whole * whole.transpose()).norm() < 1e-9);
      CHECK((found.transpose() * found - Eigen::MatrixXd::Identity(k, k)).norm() < 1e-13);
    }
}

TEST_CASE("leading values are found by bisection, equal ones and zeros as well") {
  for (const int d : {1, 2, 9, 30}) {
    Eigen::VectorXd values = normal_cloud(d, 1, 3);
    if (d > 8) values(1) = values(2) = values(5) = 0;
    const Eigen::MatrixXd q = rotation(d, 4);
    const Eigen::MatrixXd m = q * values.asDiagonal() * q.transpose();
    const atlas::detail::tridiagonal_form<double> form(m);
    const auto found =
        atlas::detail::leading_tridiagonal_values(form.diagonal, form.off_diagonal, d);
    std::sort(values.data(), values.data() + d, [](double a, double b) { return a > b; });
    for (int i = 0; i < d; ++i)
      CHECK(std::ldexp(found(i), form.exponent) == Approx(values(i)).margin(1e-13 * d));
  }
  const Eigen::VectorXd zero = Eigen::VectorXd::Zero(5);
  const auto none = atlas::detail::leading_tridiagonal_values(zero, zero, 3);
  for (int i = 0; i < 3; ++i) CHECK(std::abs(none(i)) < 1e-14);
}

TEST_CASE("random rotations are orthogonal and uniform") {
  atlas::random_stream random(12);
  for (const int d : {1, 2, 5, 8}) {
    Eigen::MatrixXd corner = Eigen::MatrixXd::Zero(d, d), squares = corner;
    constexpr int draws = 3000;
    for (int i = 0; i < draws; ++i) {
      const atlas::detail::random_rotation<double> rotation(d, random);
      atlas::row_matrix<double> q = atlas::row_matrix<double>::Identity(d, 8);
      rotation.turn(q.data());
      const Eigen::MatrixXd square = q.leftCols(d);
      if (i == 0)
        CHECK((square.transpose() * square - Eigen::MatrixXd::Identity(d, d)).norm() < 1e-13);
      corner += square;
      squares += square.cwiseAbs2();
    }
    // Haar: mean 0, mean square 1/d; the square of an entry has a variance below 2/d^2.
    CHECK((corner / draws).cwiseAbs().maxCoeff() < 5.5 / std::sqrt(draws * d));
    CHECK((squares / draws - Eigen::MatrixXd::Constant(d, d, 1.0 / d)).cwiseAbs().maxCoeff() <
          5.5 * std::sqrt(2.0 / draws) / d);
  }
}
