// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Quantiles of the Gamma distribution. Boost.Math has them as well (the tests compare), but its
/// header alone would double the compile time of `two_nn.hpp`.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/stats/normal.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// `ln Gamma(a) - ((a - 1/2) ln a - a + ln(2 pi) / 2)`, a > 0: Stirling's series where it is exact
/// to rounding, and the recurrence down from there.
template <class = void>
double stirling_error(double a) {
  constexpr double enough = 16;
  if (a < enough) {
    double product = 1, up = a;
    for (; up < enough; ++up) product *= up;
    const auto leading = [](double x) { return (x - 0.5) * std::log(x) - x; };
    return stirling_error(up) + leading(up) - leading(a) - std::log(product);
  }
  const double r = 1 / (a * a);
  const double series =
      1.0 / 12 -
      r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691.0 / 360360))));
  return series / a;
}

/// `x^a e^-x / Gamma(a)`, from the deviance of x from a, which does not overflow.
template <class = void>
double gamma_prefix(double a, double x) {
  const double u = (x - a) / a;
  const double log_ratio = std::abs(u) < 0.5 ? std::log1p(u) : std::log(x / a);
  const double deviance = a * (u - log_ratio);
  return std::sqrt(a / (2 * std::numbers::pi)) * std::exp(-deviance - stirling_error(a));
}

/// P(X <= x) of a Gamma(a) variable, or with `upper` P(X > x): by its series below a + 1, by its
/// continued fraction (modified Lentz) above. O(sqrt a) terms where it matters.
template <class = void>
double gamma_tail(double a, double x, bool upper) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const double prefix = gamma_prefix(a, x);
  if (x < a + 1) {
    double term = 1 / a, sum = term;
    for (double n = a + 1; term > epsilon * sum; ++n) sum += term *= x / n;
    return upper ? 1 - prefix * sum : prefix * sum;
  }
  constexpr double tiny = 1e-300;
  double b = x + 1 - a, c = 1 / tiny, d = 1 / b, fraction = d;
  for (double i = 1;; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    d = 1 / (std::abs(d) < tiny ? tiny : d);
    c = b + an / c;
    c = std::abs(c) < tiny ? tiny : c;
    fraction *= d * c;
    if (std::abs(d * c - 1) <= epsilon) break;
  }
  return upper ? prefix * fraction : 1 - prefix * fraction;
}

/// Wilson and Hilferty's approximation, or the leading term of the series near 0.
template <class = void>
double gamma_quantile_guess(double a, double p, bool upper) {
  const double z = normal_quantile(p) * (upper ? -1 : 1);
  const double cube_root = 1 - 1 / (9 * a) + z / (3 * std::sqrt(a));
  if (cube_root > 0.3) return a * cube_root * cube_root * cube_root;
  const double share = upper ? 1 - p : p;
  const double log_gamma =
      stirling_error(a) + (a - 0.5) * std::log(a) - a + 0.5 * std::log(2 * std::numbers::pi);
  return std::exp((std::log(share) + std::log(a) + log_gamma) / a);
}

}  // namespace detail

/// The x with P(X <= x) = p, or with `upper` P(X > x) = p, of a Gamma variable of this shape and
/// rate 1. Relative error below 1e-10 for shapes of 1e-3 to 1e8
/// (tests/stats/gamma_quantile_test.cpp).
/// \throws value_error unless shape > 0 and 0 < p < 1; convergence_error where 200 steps do not
///         come within that error
///
/// A few evaluations of the distribution, O(sqrt(shape)) each: Newton's method for the logarithm of
/// the share as a function of the logarithm of x.
template <class = void>
[[nodiscard]] double gamma_quantile(double shape, double p, bool upper = false) {
  if (!(shape > 0 && std::isfinite(shape)))
    throw value_error("shape", "a number above 0", detail::number_text(shape));
  check_open_unit(p, "p");
  double x = detail::gamma_quantile_guess(shape, p, upper);
  if (x < (std::numeric_limits<double>::min)()) return x;
  double change = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 200; ++step) {
    const double share = detail::gamma_tail(shape, x, upper);
    const double prefix = detail::gamma_prefix(shape, x);
    if (!(share > 0 && prefix > 0)) {  // so far out that they underflow
      x = 0.5 * (x + shape);
      continue;
    }
    change = std::log(share / p) * share / prefix * (upper ? 1 : -1);
    x *= std::exp(std::clamp(change, -1.0, 1.0));
    if (std::abs(change) < 1e-14) return x;
  }
  // The last steps of large shapes stay at rounding.
  if (!(std::abs(change) < 1e-10))
    throw convergence_error("shape", "one whose quantile 200 steps of Newton's method reach",
                            detail::number_text(shape));
  return x;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS double gamma_quantile<void>(double, double, bool);
}  // namespace atlas::inline ATLAS_ABI
#endif
