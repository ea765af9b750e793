// SPDX-License-Identifier: MIT
#include "atlas/dimension/gamma_ratios.hpp"

#include <cmath>

#include "../catch.hpp"

namespace gamma_ratios_test {
namespace {

TEST_CASE("the Gamma function by Stirling's series is the library's") {
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

}  // namespace
}  // namespace gamma_ratios_test
