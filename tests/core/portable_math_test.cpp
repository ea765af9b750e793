// SPDX-License-Identifier: MIT
#include "atlas/core/portable_math.hpp"

#include <cmath>

#include "../catch.hpp"

TEST_CASE("portable logarithms and exponentials are right to 1e-15") {
  for (double x = 0x1p-1000; x < 0x1p1000; x *= 37.1) {
    INFO("x " << x);
    const long double exact = std::log(static_cast<long double>(x));
    CHECK(std::abs(atlas::detail::portable_log(x) - exact) <= 1e-15L * std::abs(exact));
  }
  CHECK(atlas::detail::portable_log(1) == 0);
  for (double x = -700; x <= 700; x += 0.4371) {
    INFO("x " << x);
    const long double exact = std::exp(static_cast<long double>(x));
    CHECK(std::abs(atlas::detail::portable_exp(x) - exact) <= 1e-15L * exact);
  }
}
