// SPDX-License-Identifier: MIT
#include "atlas/linalg/leading_values.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/linalg/tridiagonal.hpp"

using namespace atlas_test;

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
