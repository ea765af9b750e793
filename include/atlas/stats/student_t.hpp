// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Student's t: p values, and how far a value is from what a number of simulations gave. Boost.Math
/// has the distribution as well (the tests compare), but its header alone would double the compile
/// time of `surrogate.hpp`.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/stats/gamma_quantile.hpp"

namespace atlas::inline ATLAS_ABI {

/// The fewest simulations that a mean and a standard deviation are taken from: with fewer, the
/// deviation itself is known to no more than a quarter, and Student's t has no use.
inline constexpr index_t least_draws = 10;

/// How far a value is from a null.
struct null_score {
  double z = 0;  ///< in standard deviations; NaN where the null has no spread beyond rounding
  double p = 0;  ///< two-sided, of a value as far from the null's mean; NaN likewise
};

namespace detail {

/// `1 / (1 + d1 / (1 + d2 / ...))` of the incomplete beta function (NIST DLMF 8.17.22), by the
/// modified Lentz method. Converges in O(sqrt(a + b)) steps where `x (a + b + 2) < a + 1`.
template <class = void>
double beta_fraction(double a, double b, double x) {
  static constexpr double tiny = 1e-300;
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const auto kept_apart = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / kept_apart(1 - (a + b) * x / (a + 1)), fraction = d;
  for (double m = 1;; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double step : {even, odd}) {
      d = 1 / kept_apart(1 + step * d);
      c = kept_apart(1 + step / c);
      change = d * c;
      fraction *= change;
    }
    if (std::abs(change - 1) <= 2 * epsilon) return fraction;
  }
}

inline void check_draws(index_t draws, std::string_view argument) {
  if (draws < least_draws)
    throw value_error(argument, "at least " + std::to_string(least_draws), std::to_string(draws));
  check_between(draws, least_draws, index_t{1} << 30, argument);
}

/// Whether simulations differ by more than the rounding of numbers as large as they or the value
/// that is compared with them. What differs by less has no spread to count in.
inline bool has_spread(double sd, double mean, double value) {
  constexpr double rounding = 1e-13;
  return sd > rounding * (std::max)(std::abs(mean), std::abs(value));
}

}  // namespace detail

/// P(|T| >= |t|) of Student's t: the incomplete beta function `I_x(n/2, 1/2)` at
/// `x = n / (n + t^2)`. Relative error below 1e-12 for up to 1e3 degrees of freedom,
/// growing with them to 1e-9 at 1e6 (tests/stats/student_t_test.cpp).
/// \param degrees n, of freedom, above 0; need not be whole
/// \throws value_error unless degrees > 0
template <class = void>
[[nodiscard]] double two_sided_t_p(double t, double degrees) {
  check_positive(degrees, "degrees");
  if (std::isnan(t)) return t;
  if (std::isinf(t)) return 0;
  if (t == 0) return 1;
  constexpr double large = 1e100;  // its square is a number
  const double a = 0.5 * degrees, u = std::abs(t) / std::sqrt(degrees);
  const double log_inverse = u < large ? std::log1p(u * u) : 2 * std::log(u);  // of x
  const double x = std::exp(-log_inverse), y = -std::expm1(-log_inverse);
  const double log_gammas =  // ln Gamma(a + 1/2) - ln Gamma(a)
      a * std::log1p(0.5 / a) + 0.5 * (std::log(a) - 1) + detail::stirling_error(a + 0.5) -
      detail::stirling_error(a);
  const double prefix = std::exp(log_gammas - a * log_inverse) * std::sqrt(y / std::numbers::pi);
  if (x * (a + 2.5) < a + 1) return prefix / a * detail::beta_fraction(a, 0.5, x);
  return (std::max)(0.0, 1 - 2 * prefix * detail::beta_fraction(0.5, a, y));
}

/// A value against a null of which only n simulations are known: it is compared with one more of
/// them. `z = (value - mean) / (sd sqrt(1 + 1/n))` has Student's t distribution with n - 1 degrees
/// of freedom where the simulations are normal and the value is one of their kind, and p is of that
/// distribution. Both are NaN where the simulations agree up to rounding.
/// \param mean, sd of the simulations, sd with n - 1
/// \param draws    n, at least `least_draws`
/// \throws value_error for fewer draws
template <class = void>
[[nodiscard]] null_score score_against_draws(double value, double mean, double sd, index_t draws) {
  detail::check_draws(draws, "draws");
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (!detail::has_spread(sd, mean, value)) return {none, none};
  const auto n = static_cast<double>(draws);
  const double z = (value - mean) / (sd * std::sqrt(1 + 1 / n));
  return {z, two_sided_t_p(z, n - 1)};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS double two_sided_t_p<void>(double, double);
ATLAS_OF_STATS null_score score_against_draws<void>(double, double, double, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
