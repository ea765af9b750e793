// SPDX-License-Identifier: MIT
#include "atlas/stats/special_functions.hpp"

#include <cmath>

#include "../catch.hpp"

namespace special_functions_test {
namespace {

TEST_CASE("the Gamma function is the standard library's") {
  for (const double x : {0.01, 0.5, 1.0, 1.5, 2.0, 3.7, 19.5, 20.0, 20.5, 64.0, 1e3, 1e6}) {
    CAPTURE(x);
    const double expected = std::lgamma(x);
    CHECK(std::abs(atlas::detail::log_gamma(x) - expected) < 3e-14 * (std::abs(expected) + 1));
    CHECK(atlas::detail::gamma_half_step(x) ==
          Approx(std::exp(std::lgamma(x + 0.5) - expected))
              .epsilon(1e-14 * (expected > 1 ? 4 * expected : 4)));
  }
  // Gamma(1) / Gamma(1/2), Gamma(3/2) / Gamma(1), and a recurrence without cancellation.
  CHECK(atlas::detail::gamma_half_step(0.5) ==
        Approx(1 / std::sqrt(std::acos(-1.0))).epsilon(1e-14));
  CHECK(atlas::detail::gamma_half_step(1) == Approx(std::sqrt(std::acos(-1.0)) / 2).epsilon(1e-14));
  for (const double x : {7.0, 19.75, 25.0, 1e5})
    CHECK(atlas::detail::gamma_half_step(x) * atlas::detail::gamma_half_step(x + 0.5) ==
          Approx(x).epsilon(1e-14));
}

TEST_CASE("digamma at whole numbers and halves") {
  constexpr double euler = 0.57721566490153286061;
  CHECK(atlas::detail::digamma(1) == Approx(-euler).epsilon(1e-14));
  CHECK(atlas::detail::digamma(0.5) == Approx(-euler - 2 * std::log(2.0)).epsilon(1e-14));
  double harmonic = 0;
  for (int n = 1; n < 40; ++n) {
    harmonic += 1.0 / n;
    CHECK(atlas::detail::digamma(n + 1.0) == Approx(harmonic - euler).epsilon(1e-14));
  }
  CHECK(atlas::detail::digamma(1e8) == Approx(std::log(1e8) - 5e-9).epsilon(1e-15));
}

TEST_CASE("Lambert's function is the inverse of w e^w") {
  CHECK(atlas::detail::lambert_w(0) == 0);
  for (const double w : {1e-9, 0.1, 1.0, 7.5, 300.0})
    CHECK(atlas::detail::lambert_w(w * std::exp(w)) == Approx(w).epsilon(1e-14));
}

TEST_CASE("where special functions have no value there is none, and no exception") {
  using namespace atlas::detail;
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  for (const double x : {nan, -1.0, 0.0, inf, 1e-310, 1e308})
    for (double (*f)(double) :
         {&digamma<void>, &log_gamma<void>, &gamma_half_step<void>, &lambert_w<void>})
      CHECK_NOTHROW(f(x));
  CHECK(std::isnan(digamma(nan)));
  CHECK(std::isnan(lambert_w(-1)));
  CHECK(std::isnan(lambert_w(nan)));
}

}  // namespace
}  // namespace special_functions_test
