// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether ratios of neighbour distances are those of a dimension: their logarithms are then
/// exponential.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/linked_scores.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI {

/// A smooth test (Neyman 1937) of `ln(r2/r1)` against the exponential distribution, as far as it is
/// observed.
struct goodness_of_fit {
  /// Square of the two components in units of their covariance, near 2 where the fit is good.
  double statistic = 0;
  double p = 0;  ///< of one as large (Hotelling), for rows as dependent as these; NaN without
                 ///< degrees of freedom
};

namespace detail {

/// Columns 0 and 1: what a row adds to the components of the test.
///
/// With `u = 1 - exp(-d x)`, uniform, and p its value at the cut, component m is
/// `sum_i [x_i observed] P_m(u_i / p) - int_0^{u_i or p} P_m(v / p) / (1 - v) dv`, P_m being the
/// Legendre polynomials on [0, 1] of degree 1 and 2: its mean is 0 whatever is cut (a martingale of
/// the counting process of ratios), and it does not vary with the estimate of d, to first order,
/// which fits the component of degree 0.
///
/// \param x    `ln(r2/r1)` of each row
/// \param cut  the largest that is observed
/// \param rate d, which makes the component of degree 0 vanish
template <class = lazy>
Eigen::MatrixXd fit_scores(std::span<const double> x, double cut, double rate) {
  const double p = -std::expm1(-rate * cut);
  Eigen::MatrixXd out(static_cast<index_t>(x.size()), 2);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double hazard = rate * (std::min)(x[i], cut), u = -std::expm1(-hazard), s = u / p;
    const double first = hazard - u;            // int v / (1 - v)
    const double second = first - 0.5 * u * u;  // int v^2 / (1 - v)
    const double seen = x[i] <= cut ? 1 : 0;
    const auto row = static_cast<index_t>(i);
    out(row, 0) = seen * (2 * s - 1) - (2 / p * first - hazard);
    out(row, 1) = seen * (6 * s * (s - 1) + 1) - (6 / (p * p) * second - 6 / p * first + hazard);
  }
  return out;
}

/// Two sums against their covariance: Hotelling's T^2 and its p. With n degrees of freedom
/// `T^2 (n - 1) / (2 n)` has the F distribution of 2 and n - 1.
template <class = lazy>
goodness_of_fit compare_two_sums(const Eigen::Vector2d& sums, const score_covariance& covariance) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const Eigen::MatrixXd& v = covariance.matrix;
  const double determinant = v(0, 0) * v(1, 1) - v(0, 1) * v(1, 0);
  if (!(determinant > 0 && sums.allFinite())) return {none, none};
  const double square =
      v(1, 1) * sums[0] * sums[0] - 2 * v(0, 1) * sums[0] * sums[1] + v(0, 0) * sums[1] * sums[1];
  const double statistic = (std::max)(square / determinant, 0.0), n = covariance.degrees;
  if (!(n > 1)) return {statistic, none};
  if (std::isinf(n)) return {statistic, chi_squared_tail(statistic, 2)};
  return {statistic, f_tail(0.5 * statistic * (n - 1) / n, 2, n - 1)};
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
