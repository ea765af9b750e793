// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tails and quantiles of the normal, Gamma, Student's t, chi-squared and F distributions, all of
/// Boost.Math in double. With the compiled form of the library only its unit includes Boost.
///
/// Draws do not come from here: those of `core/random.hpp` have to be the same bits on every
/// platform.

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/version.hpp"

#if !defined(ATLAS_COMPILED) || defined(ATLAS_DETAIL_UNIT_OF_STATS)
#define ATLAS_DETAIL_DISTRIBUTIONS_DEFINED
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "atlas/core/checks.hpp"
#include "atlas/stats/boost_policy.hpp"
#endif

namespace atlas::inline ATLAS_ABI {

/// P(Z <= z) of the standard normal distribution; NaN for NaN.
template <class = lazy>
[[nodiscard]] double normal_cdf(double z);

/// P(|Z| >= |z|): the two-sided p value of a z score; NaN for NaN.
template <class = lazy>
[[nodiscard]] double two_sided_p(double z);

/// The z with P(Z <= z) = p, for p in (0, 1). Infinite at 0 and 1, NaN outside.
template <class = lazy>
[[nodiscard]] double normal_quantile(double p);

/// P(T <= t) of Student's t.
/// \throws as `two_sided_t_p`
template <class = lazy>
[[nodiscard]] double student_t_cdf(double t, double degrees);

/// P(|T| >= |t|) of Student's t; NaN where t is. Relative error below 1e-12 for up to 1e3 degrees
/// of freedom, growing with them to 1e-9 at 1e6 (tests/stats/distributions_test.cpp).
/// \param degrees n, of freedom, above 0; need not be whole; infinite for the normal distribution
/// \throws value_error unless degrees > 0
template <class = lazy>
[[nodiscard]] double two_sided_t_p(double t, double degrees);

/// The t with P(|T| <= t) = confidence: what a standard error is multiplied by. Relative error
/// below 1e-10 (tests/stats/distributions_test.cpp).
/// \param degrees of freedom, above 0; infinite for the normal distribution
/// \throws value_error for a confidence outside (0, 1) or no degrees
template <class = lazy>
[[nodiscard]] double two_sided_t_quantile(double confidence, double degrees);

/// The x with P(X <= x) = p, or with `upper` P(X > x) = p, of a Gamma variable of this shape and
/// rate 1. Relative error below 1e-10 for shapes of 1e-3 to 1e8 and above 1e10
/// (tests/stats/distributions_test.cpp).
/// \throws value_error unless shape > 0, finite, and 0 < p < 1
template <class = lazy>
[[nodiscard]] double gamma_quantile(double shape, double p, bool upper = false);

/// P(X >= x) of a chi-squared variable, x >= 0 or infinite.
/// \throws value_error unless x >= 0 and degrees > 0
template <class = lazy>
[[nodiscard]] double chi_squared_tail(double x, double degrees);

/// P(F >= x) of an F variable: of a ratio of two mean squares.
/// \param x     0 or more, or infinite
/// \param above degrees of freedom of the one above, > 0
/// \param below degrees of the one below, > 0; infinite for chi-squared over its degrees
/// \throws value_error for arguments out of range
template <class = lazy>
[[nodiscard]] double f_tail(double x, double above, double below);

#ifdef ATLAS_DETAIL_DISTRIBUTIONS_DEFINED

namespace detail {

/// \throws convergence_error where Boost's iterations do not end
template <class Evaluate>
double of_boost(const char* argument, const Evaluate& evaluate) {
  try {
    return evaluate();
  } catch (const boost::math::evaluation_error& reason) {
    throw convergence_error(argument, "a distribution that can be evaluated", reason.what());
  }
}

template <class = lazy>
void check_degrees(double degrees) {
  if (!(degrees > 0)) throw value_error("degrees", "a positive number", number_text(degrees));
}

template <class = lazy>
void check_not_negative(double x) {
  if (!(x >= 0)) throw value_error("x", "a number of 0 or more", number_text(x));
}

}  // namespace detail

template <class>
double normal_cdf(double z) {
  return cdf(boost::math::normal_distribution<double, detail::boost_policy>(), z);
}

template <class>
double two_sided_p(double z) {
  return 2 * normal_cdf(-std::abs(z));
}

template <class>
double normal_quantile(double p) {
  return quantile(boost::math::normal_distribution<double, detail::boost_policy>(), p);
}

template <class>
double student_t_cdf(double t, double degrees) {
  const double tail = 0.5 * two_sided_t_p(t, degrees);
  return t > 0 ? 1 - tail : tail;
}

template <class>
double two_sided_t_p(double t, double degrees) {
  detail::check_degrees(degrees);
  const boost::math::students_t_distribution<double, detail::boost_policy> of_t(degrees);
  constexpr double large = 1e100;  // its square is a number; beyond, the tail is a power
  const double size = std::abs(t), within = size > large ? large : size;
  const double p = detail::of_boost("degrees", [&] { return 2 * cdf(of_t, -within); });
  return size > large ? p * std::pow(large / size, degrees) : p;
}

template <class>
double two_sided_t_quantile(double confidence, double degrees) {
  check_open_unit(confidence, "confidence");
  detail::check_degrees(degrees);
  const boost::math::students_t_distribution<double, detail::boost_policy> of_t(degrees);
  const double tail = 0.5 * (1 - confidence);
  return detail::of_boost("degrees", [&] { return quantile(complement(of_t, tail)); });
}

template <class>
double gamma_quantile(double shape, double p, bool upper) {
  if (!(shape > 0 && std::isfinite(shape)))
    throw value_error("shape", "a number above 0", detail::number_text(shape));
  check_open_unit(p, "p");
  // Boost's series do not end for much larger shapes, for which Wilson and Hilferty's cube of a
  // normal variable (1931) is right to rounding.
  if (shape > 1e10) {
    const double part = 1 / (9 * shape), z = upper ? -normal_quantile(p) : normal_quantile(p);
    const double root = 1 - part + z * std::sqrt(part);
    return shape * root * root * root;
  }
  const boost::math::gamma_distribution<double, detail::boost_policy> gamma(shape);
  return detail::of_boost(
      "shape", [&] { return upper ? quantile(complement(gamma, p)) : quantile(gamma, p); });
}

template <class>
double chi_squared_tail(double x, double degrees) {
  detail::check_degrees(degrees);
  detail::check_not_negative(x);
  if (std::isinf(x)) return 0;
  const boost::math::chi_squared_distribution<double, detail::boost_policy> of_x(degrees);
  return detail::of_boost("degrees", [&] { return cdf(complement(of_x, x)); });
}

template <class>
double f_tail(double x, double above, double below) {
  detail::check_degrees(above);
  detail::check_degrees(below);
  detail::check_not_negative(x);
  if (std::isinf(below)) return chi_squared_tail(x * above, above);
  if (std::isinf(x)) return 0;
  const boost::math::fisher_f_distribution<double, detail::boost_policy> of_x(above, below);
  return detail::of_boost("degrees", [&] { return cdf(complement(of_x, x)); });
}

#endif

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS double normal_cdf<void>(double);
ATLAS_OF_STATS double two_sided_p<void>(double);
ATLAS_OF_STATS double normal_quantile<void>(double);
ATLAS_OF_STATS double student_t_cdf<void>(double, double);
ATLAS_OF_STATS double two_sided_t_p<void>(double, double);
ATLAS_OF_STATS double two_sided_t_quantile<void>(double, double);
ATLAS_OF_STATS double gamma_quantile<void>(double, double, bool);
ATLAS_OF_STATS double chi_squared_tail<void>(double, double);
ATLAS_OF_STATS double f_tail<void>(double, double, double);
}  // namespace atlas::inline ATLAS_ABI
#endif
