// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The exact distribution of the Kolmogorov-Smirnov statistic of n numbers. Boost.Math has none up
/// to 1.74, and its limit for many numbers alone since 1.75: that is wrong by 1 / sqrt(n) of
/// itself.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// A matrix times 10^exponent.
struct scaled_matrix {
  Eigen::MatrixXd values;
  int exponent = 0;

  /// Numbers that grow beyond 1e140 would overflow when they are multiplied.
  void rescale() {
    if (values.cwiseAbs().maxCoeff() < 1e140) return;
    values *= 1e-140;
    exponent += 140;
  }
  scaled_matrix times(const scaled_matrix& other) const {
    scaled_matrix out{values * other.values, exponent + other.exponent};
    out.rescale();
    return out;
  }
};

template <class = lazy>
scaled_matrix matrix_power(const scaled_matrix& base, index_t power) {
  if (power == 1) return base;
  const scaled_matrix half = matrix_power(base, power / 2);
  const scaled_matrix square = half.times(half);
  return power % 2 == 0 ? square : square.times(base);
}

/// The matrix of Marsaglia, Tsang and Wang ("Evaluating Kolmogorov's distribution", J. Stat. Softw.
/// 8(18), 2003): of size 2 k - 1, for n D = k - h.
template <class = lazy>
Eigen::MatrixXd kolmogorov_matrix(index_t k, double h) {
  const index_t m = 2 * k - 1;
  Eigen::MatrixXd out(m, m);
  for (index_t i = 0; i < m; ++i)
    for (index_t j = 0; j < m; ++j) out(i, j) = i - j + 1 < 0 ? 0 : 1;
  double power = 1;
  for (index_t i = 0; i < m; ++i) {
    power *= h;
    out(i, 0) -= power;
    out(m - 1, m - 1 - i) -= power;
  }
  if (2 * h - 1 > 0) out(m - 1, 0) += std::pow(2 * h - 1, static_cast<double>(m));
  for (index_t i = 0; i < m; ++i)
    for (index_t j = 0; j < (std::min)(m, i + 1); ++j)
      for (index_t g = 1; g <= i - j + 1; ++g) out(i, j) /= static_cast<double>(g);
  return out;
}

/// P(D < d) of n uniform numbers, for n d that is not large.
template <class = lazy>
double kolmogorov_cdf(double d, index_t n) {
  const double nd = static_cast<double>(n) * d;
  const auto k = static_cast<index_t>(nd) + 1;
  scaled_matrix power = matrix_power({kolmogorov_matrix(k, static_cast<double>(k) - nd), 0}, n);
  double value = power.values(k - 1, k - 1);
  for (index_t i = 1; i <= n; ++i) {
    value *= static_cast<double>(i) / static_cast<double>(n);
    if (value < 1e-140) {
      value *= 1e140;
      power.exponent -= 140;
    }
  }
  return value * std::pow(10.0, power.exponent);
}

/// P(D+ >= d) of n uniform numbers, D+ one of the two sides (Smirnov 1944, Birnbaum and Tingey
/// 1951).
template <class = lazy>
double one_sided_ks_p(double d, index_t n) {
  const auto count = static_cast<double>(n);
  double sum = 0, log_choices = 0;  // ln of n over j
  for (index_t j = 0; j < n; ++j) {
    const double at = static_cast<double>(j), above = d + at / count, left = 1 - above;
    if (left <= 0) break;
    sum += std::exp(log_choices + (at - 1) * std::log(above) + (count - at) * std::log(left));
    log_choices += std::log((count - at) / (at + 1));
  }
  return (std::min)(1.0, d * sum);
}

/// Kolmogorov's limit at x = D sqrt(n), with Vrbik's correction of order 1/n.
template <class = lazy>
double kolmogorov_limit_p(double d, index_t n) {
  const double root = std::sqrt(static_cast<double>(n)), x = d * root;
  const double y = x + 1 / (6 * root) + (x - 1) / (4 * static_cast<double>(n));
  double p = 0;
  for (int k = 1; k <= 100; ++k) p += (k % 2 == 1 ? 2 : -2) * std::exp(-2 * k * k * y * y);
  return std::clamp(p, 0.0, 1.0);
}

}  // namespace detail

/// P(D >= d) of the two-sided Kolmogorov-Smirnov statistic of n independent numbers against their
/// own continuous distribution. Relative error below 1e-9 for up to 1,000 numbers (Marsaglia, Tsang
/// and Wang's matrix, and where n d^2 > 4 twice the exact one-sided p: what both sides have in
/// common is then nothing beside it); absolute error below 1e-5 for more where n d^2 <= 4, by
/// Kolmogorov's limit with Vrbik's correction (tests/stats/kolmogorov_smirnov_test.cpp).
/// \throws value_error for d outside [0, 1] or n below 1
///
/// O(k^3 log n), k = n d, below n^(3/2) log n times 10.
template <class = lazy>
[[nodiscard]] double kolmogorov_smirnov_p(double d, index_t n) {
  check_between(n, 1, index_t{1} << 40, "n");
  if (!(d >= 0 && d <= 1)) throw value_error("d", "a number in [0, 1]", detail::number_text(d));
  constexpr index_t most_exact = 1000;
  const auto count = static_cast<double>(n);
  if (2 * count * d <= 1) return 1;
  if (d == 1) return 0;
  if (count * d * d > 4) return (std::min)(1.0, 2 * detail::one_sided_ks_p(d, n));
  if (n > most_exact) return detail::kolmogorov_limit_p(d, n);
  return std::clamp(1 - detail::kolmogorov_cdf(d, n), 0.0, 1.0);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS double kolmogorov_smirnov_p<void>(double, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
