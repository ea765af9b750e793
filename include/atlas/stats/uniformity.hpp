// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether p values are uniform, z scores have the distribution they are said to have, and
/// intervals cover as often as they say: what calibration is measured by.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/stats/normal.hpp"
#include "atlas/stats/student_t.hpp"

namespace atlas::inline ATLAS_ABI {

/// A sample against a distribution.
struct ks_result {
  double statistic = 0;  ///< D, the largest distance of the two distribution functions
  double p = 0;          ///< of a distance as large
  index_t n = 0;
};

/// How often intervals held the truth.
struct coverage_estimate {
  double share = 0;
  atlas::interval interval;  ///< of the share: Wilson's
  index_t hits = 0, n = 0;
};

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

template <class = void>
scaled_matrix matrix_power(const scaled_matrix& base, index_t power) {
  if (power == 1) return base;
  const scaled_matrix half = matrix_power(base, power / 2);
  const scaled_matrix square = half.times(half);
  return power % 2 == 0 ? square : square.times(base);
}

/// The matrix of Marsaglia, Tsang and Wang ("Evaluating Kolmogorov's distribution", J. Stat. Softw.
/// 8(18), 2003): of size 2 k - 1, for n D = k - h.
template <class = void>
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
template <class = void>
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
template <class = void>
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
template <class = void>
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
/// Kolmogorov's limit with Vrbik's correction (tests/stats/uniformity_test.cpp).
/// \throws value_error for d outside [0, 1] or n below 1
///
/// O(k^3 log n), k = n d, below n^(3/2) log n times 10.
template <class = void>
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

/// Kolmogorov-Smirnov test of a sample.
/// \param values `[N]`
/// \param cdf    of the distribution, from a number to [0, 1]; continuous. Where the values can be
///               only few different ones, as p of ranks, the test rejects more seldom than it says
///               or, in large samples, always.
/// \throws shape_error for no values; value_error for NaN
template <number_tensor<1> Values, class Cdf>
[[nodiscard]] ks_result kolmogorov_smirnov(const Values& values, Cdf&& cdf) {
  const auto view = as_view<1>(values);
  check_not_empty(view, "values");
  check_finite(view, "values");
  std::vector<double> shares;
  for (index_t i = 0; i < view.extent(0); ++i)
    shares.push_back(std::clamp(cdf(static_cast<double>(view[i])), 0.0, 1.0));
  std::sort(shares.begin(), shares.end());
  const auto n = static_cast<double>(shares.size());
  double gap = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const auto rank = static_cast<double>(i);
    gap = (std::max)({gap, shares[i] - rank / n, (rank + 1) / n - shares[i]});
  }
  return {gap, kolmogorov_smirnov_p(gap, view.extent(0)), view.extent(0)};
}

/// P(T <= t) of Student's t, as precise as `two_sided_t_p`.
template <class = void>
[[nodiscard]] double student_t_cdf(double t, double degrees) {
  const double tail = 0.5 * two_sided_t_p(t, degrees);
  return t > 0 ? 1 - tail : tail;
}

/// The test of p values: are they uniform on [0, 1]?
/// \throws as `kolmogorov_smirnov`
template <number_tensor<1> Values>
[[nodiscard]] ks_result uniformity(const Values& p) {
  return kolmogorov_smirnov(p, [](double x) { return x; });
}

/// The test of z scores against Student's t, the distribution of `score_against_draws`.
/// \param degrees of freedom, draws - 1; infinite for the normal distribution
/// \throws as `kolmogorov_smirnov`; value_error unless degrees > 0
template <number_tensor<1> Values>
[[nodiscard]] ks_result uniformity_of_t(const Values& z, double degrees) {
  return kolmogorov_smirnov(z, [degrees](double t) {
    return std::isinf(degrees) ? normal_cdf(t) : student_t_cdf(t, degrees);
  });
}

/// The share of hits with Wilson's interval (J. Am. Stat. Assoc. 22, 209, 1927), which has an end
/// of its own at 0 and at 1 too.
/// \param hits of n
/// \throws value_error for n below 1, hits outside [0, n] or a confidence outside (0, 1)
template <class = void>
[[nodiscard]] coverage_estimate coverage(index_t hits, index_t n, double confidence = 0.95) {
  check_between(n, 1, index_t{1} << 40, "n");
  check_between(hits, 0, n, "hits");
  check_open_unit(confidence, "confidence");
  const double z = normal_quantile(0.5 + 0.5 * confidence), count = static_cast<double>(n);
  const double share = static_cast<double>(hits) / count, square = z * z / count;
  const double centre = (share + square / 2) / (1 + square);
  const double half =
      z * std::sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square);
  return {share, {hits == 0 ? 0 : centre - half, hits == n ? 1 : centre + half}, hits, n};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS double kolmogorov_smirnov_p<void>(double, index_t);
ATLAS_OF_STATS double student_t_cdf<void>(double, double);
ATLAS_OF_STATS coverage_estimate coverage<void>(index_t, index_t, double);
}  // namespace atlas::inline ATLAS_ABI
#endif
