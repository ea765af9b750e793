// SPDX-License-Identifier: MIT
#include "atlas/stats/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

namespace {

/// P(X <= x) of Gamma(a) by its series, in long double, and the density at x.
struct gamma_at {
  long double below, density;
};

gamma_at gamma_series(long double a, long double x) {
  const long double u = (x - a) / a, pi = std::numbers::pi_v<long double>;
  // Of large shapes by Stirling's series, since powers of x would lose what they cancel.
  const long double logarithm = a < 1e3L ? a * std::log(x) - x - std::lgamma(a)
                                         : a * (std::log1p(u) - u) + 0.5L * std::log(a / (2 * pi)) -
                                               1 / (12 * a) + 1 / (360 * a * a * a);
  long double term = 1 / a, sum = term;
  for (long double n = a + 1; term > 1e-22L * sum; ++n) sum += term *= x / n;
  return {std::exp(logarithm) * sum, std::exp(logarithm) / x};
}

/// How far x is from the quantile, relative to it: what p lacks over the density.
double gamma_gap(double shape, double p, bool upper) {
  const long double x = atlas::gamma_quantile(shape, p, upper);
  const auto [below, density] = gamma_series(shape, x);
  const long double lacking = upper ? 1 - static_cast<long double>(p) - below : p - below;
  return static_cast<double>(std::abs(lacking / (density * x)));
}

/// The integral of `sin(x)^(n - 1)` from 0 to `end`, by Takahasi and Mori's rule, in long double:
/// its abscissas crowd at both ends.
long double sine_power_integral(long double n, long double end) {
  constexpr long double step = 0x1p-7L, half_pi = std::numbers::pi_v<long double> / 2;
  long double sum = 0;
  for (int i = -600; i <= 600; ++i) {
    const long double u = step * i, inside = 2 * half_pi * std::sinh(u);
    const long double x = end / (1 + std::exp(-inside)), left = end / (1 + std::exp(inside));
    const long double weight = half_pi * std::cosh(u) * 2 * x * left / end;
    if (weight > 0) sum += weight * std::exp((n - 1) * std::log(std::sin(x)));
  }
  return step * sum;
}

/// P(|T| >= t): T = sqrt(n) cot(x) where x has the density `sin(x)^(n - 1)` on (0, pi).
long double t_tail(long double t, long double n) {
  return sine_power_integral(n, std::atan(std::sqrt(n) / t)) /
         sine_power_integral(n, std::numbers::pi_v<long double> / 2);
}

}  // namespace

TEST_CASE("quantiles of the Gamma distribution are where its series says") {
  for (const double shape : {0.1, 0.5, 1.0, 2.0, 3.7, 15.9, 16.1, 100.0, 1080.0, 9e5, 1e8})
    for (const double p : {1e-8, 1e-3, 0.025, 0.16, 0.5, 0.84, 0.975, 0.9999}) {
      INFO("shape " << shape << ", p " << p);
      CHECK(gamma_gap(shape, p, false) < tolerance::gamma_quantile);
      CHECK(gamma_gap(shape, p, true) < tolerance::gamma_quantile);
    }
  // P(X <= x) of a tiny shape is x^a / Gamma(a + 1) near 0.
  CHECK(atlas::gamma_quantile(1e-3, 0.6) ==
        Approx(std::exp((std::log(0.6) + std::lgamma(1.001)) / 1e-3))
            .epsilon(tolerance::gamma_quantile));
}

TEST_CASE("quantiles of shapes beyond Boost's series are where the series says") {
  for (const double shape : {2e10, 1e12})
    for (const double p : {1e-8, 0.3, 0.99}) {
      CAPTURE(shape, p);
      CHECK(gamma_gap(shape, p, false) < tolerance::gamma_quantile);
      CHECK(gamma_gap(shape, p, true) < tolerance::gamma_quantile);
    }
}

TEST_CASE("quantiles of an exponential variable have a closed form") {
  for (const double p : {1e-12, 0.3, 0.5, 0.9})
    CHECK(atlas::gamma_quantile(1, p) ==
          Approx(-std::log1p(-p)).epsilon(tolerance::gamma_quantile));
  CHECK(atlas::gamma_quantile(1, 1e-300, true) ==
        Approx(300 * std::log(10.0)).epsilon(tolerance::gamma_quantile));
}

TEST_CASE("the normal distribution is that of the error function, and its quantiles invert it") {
  CHECK(atlas::normal_quantile(0.975) ==
        Approx(1.959963984540054).epsilon(tolerance::normal_quantile));
  for (const double z : {-37.0, -7.0, -1.5, -0.4, 0.0, 0.3, 1.0, 3.0})
    CHECK(atlas::normal_cdf(z) ==
          Approx(static_cast<double>(0.5L * std::erfc(-z / std::numbers::sqrt2_v<long double>)))
              .epsilon(tolerance::double_rounding));
  for (const double p : {1e-300, 1e-12, 1e-5, 0.01, 0.074, 0.076, 0.3, 0.5, 0.7, 0.925, 0.999}) {
    const long double z = atlas::normal_quantile(p);
    const long double lacking = p - 0.5L * std::erfc(-z / std::numbers::sqrt2_v<long double>);
    const long double density =
        std::exp(-0.5L * z * z) / std::sqrt(2 * std::numbers::pi_v<long double>);
    INFO("p " << p);
    CHECK(static_cast<double>(std::abs(lacking / density)) <=
          tolerance::normal_quantile * static_cast<double>(std::abs(z)));
  }
  CHECK(std::isinf(atlas::normal_quantile(0.0)));
  CHECK(atlas::normal_quantile(1.0) == -atlas::normal_quantile(0.0));
  CHECK(std::isnan(atlas::normal_quantile(1.5)));
  CHECK(atlas::two_sided_p(1.959963984540054) == Approx(0.05).epsilon(1e-10));
  CHECK(atlas::two_sided_p(-1.959963984540054) == Approx(0.05).epsilon(1e-10));
  CHECK(atlas::two_sided_p(30) ==
        Approx(static_cast<double>(std::erfc(30 / std::numbers::sqrt2_v<long double>)))
            .epsilon(tolerance::double_rounding));
  CHECK(std::isnan(atlas::two_sided_p(std::nan(""))));
}

TEST_CASE("p of Student's t is the integral that it stands for") {
  for (const double degrees : {0.5, 1.0, 2.0, 3.5, 9.0, 19.0, 100.0, 1999.0, 1e5, 1e6})
    for (const double t : {1e-12, 1e-3, 0.1, 0.5, 0.9, 1.0, 1.5, 1.8, 2.0, 3.0, 5.0, 12.0, 30.0}) {
      INFO(degrees << " degrees, t " << t);
      const double p = atlas::two_sided_t_p(t, degrees);
      CHECK(p == Approx(static_cast<double>(t_tail(t, degrees)))
                     .epsilon(std::max(tolerance::double_rounding,
                                       tolerance::student_t_of_a_degree * degrees)));
      CHECK(atlas::two_sided_t_p(-t, degrees) == p);
    }
}

TEST_CASE("p of Student's t at the ends") {
  CHECK(atlas::two_sided_t_p(0, 3) == 1);
  CHECK(atlas::two_sided_t_p(INFINITY, 3) == 0);
  CHECK(std::isnan(atlas::two_sided_t_p(NAN, 3)));
  // One degree is Cauchy's distribution, whose tail is 2 / (pi t); its square would overflow.
  CHECK(atlas::two_sided_t_p(1e200, 1) ==
        Approx(2e-200 / std::numbers::pi).epsilon(tolerance::double_rounding));
  CHECK(atlas::two_sided_t_p(1.5, INFINITY) == Approx(atlas::two_sided_p(1.5)));
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_p(1, 0), "degrees", "0");
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_p(1, NAN), "degrees", "NaN");
  CHECK(atlas::student_t_cdf(0, 3) == 0.5);
  CHECK(atlas::student_t_cdf(1, 1) == Approx(0.75).epsilon(tolerance::double_rounding));
  CHECK(atlas::student_t_cdf(-1, 1) == Approx(0.25).epsilon(tolerance::double_rounding));
}

TEST_CASE("quantiles of Student's t have its p") {
  for (const double degrees : {1.0, 1.5, 2.0, 5.0, 19.0, 99.5, 1e3, 9.9e3, 1e4, 1e5, 1e6})
    for (const double confidence : {0.01, 0.5, 0.9, 0.95, 0.99, 0.9999}) {
      CAPTURE(degrees, confidence);
      const long double t = atlas::two_sided_t_quantile(confidence, degrees), n = degrees;
      const long double whole =  // of t's density over x
          2 * sine_power_integral(n, std::numbers::pi_v<long double> / 2);
      const long double density =
          std::exp(-0.5L * (n + 1) * std::log1p(t * t / n)) / (std::sqrt(n) * whole);
      const long double lacking = t_tail(t, n) - (1 - static_cast<long double>(confidence));
      CHECK(static_cast<double>(std::abs(lacking / (2 * density * t))) < 1e-10);
    }
  CHECK(atlas::two_sided_t_quantile(0.95, std::numeric_limits<double>::infinity()) ==
        Approx(1.959963984540054).epsilon(1e-14));
  // Fisher and Cornish's series, whose next term is 1e-18 of it.
  constexpr double z = 1.959963984540054, many = 1e9;
  CHECK(atlas::two_sided_t_quantile(0.95, many) ==
        Approx(z + z * (z * z + 1) / (4 * many)).epsilon(1e-10));
}

TEST_CASE("chi-squared of 2, and F of 2 above, have tails in closed form") {
  for (const double x : {0.0, 1e-3, 0.7, 4.0, 60.0, 1e3}) {
    INFO("x " << x);
    CHECK(atlas::chi_squared_tail(x, 2) ==
          Approx(std::exp(-0.5 * x)).epsilon(tolerance::double_rounding));
    CHECK(atlas::f_tail(x, 2, INFINITY) ==
          Approx(std::exp(-x)).epsilon(tolerance::double_rounding).margin(1e-300));
    for (const double below : {0.3, 1.0, 7.5, 400.0, 1e5})
      CHECK(atlas::f_tail(x, 2, below) == Approx(std::exp(-0.5 * below * std::log1p(2 * x / below)))
                                              .epsilon(tolerance::double_rounding));
  }
  CHECK(atlas::chi_squared_tail(3, 1) == Approx(std::erfc(std::sqrt(1.5))));
  CHECK(atlas::chi_squared_tail(INFINITY, 3) == 0);
  CHECK(atlas::f_tail(INFINITY, 2, 3) == 0);
}

TEST_CASE("distributions without degrees or a shape, and shares that are none, are refused") {
  CHECK_REFUSED(atlas::value_error, atlas::gamma_quantile(0, 0.5), "shape", "0");
  CHECK_REFUSED(atlas::value_error, atlas::gamma_quantile(2, 1), "between 0 and 1", "1");
  CHECK_REFUSED(atlas::value_error, atlas::gamma_quantile(2, std::nan("")), "p", "NaN");
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_quantile(1, 3), "confidence", "1");
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_quantile(0.5, 0), "degrees", "0");
  CHECK_REFUSED(atlas::value_error, atlas::chi_squared_tail(-1, 3), "x", "-1");
  CHECK_REFUSED(atlas::value_error, atlas::f_tail(1, 2, 0), "degrees", "0");
}
