// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Quantiles of Student's t. Boost.Math has them as well (the tests compare), but its header alone
/// would double the compile time of `two_nn.hpp`.

#include <cmath>
#include <utility>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/stats/normal.hpp"
#include "atlas/stats/student_t.hpp"

namespace atlas::inline ATLAS_ABI {

/// The t with P(|T| <= t) = confidence: what a standard error is multiplied by. Relative error
/// below 1e-10 (tests/stats/student_t_quantile_test.cpp).
///
/// \param degrees of freedom, above 0;
/// infinite for the normal distribution
///
/// \throws value_error for a confidence outside (0, 1) or no
/// degrees
template <class = void>
[[nodiscard]] double two_sided_t_quantile(double confidence, double degrees) {
  check_open_unit(confidence, "confidence");
  if (!(degrees > 0))
    throw value_error("degrees", "a positive number", detail::number_text(degrees));
  const double z = normal_quantile(0.5 + 0.5 * confidence);
  constexpr double many = 1e4;  // the next term of the series (Fisher and Cornish) is z^9 / many^4
  if (degrees >= many) {
    const double s = z * z, r = 1 / degrees;
    return z * (1 + r * ((s + 1) / 4 + r * (((5 * s + 16) * s + 3) / 96 +
                                            r * (((3 * s + 19) * s + 17) * s - 15) / 384)));
  }
  const auto beyond = [&](double t) { return two_sided_t_p(t, degrees) > 1 - confidence; };
  double low = z, high = 2 * z + 1;
  while (beyond(high)) low = std::exchange(high, 2 * high);
  while (high - low > 1e-12 * high) {
    const double middle = 0.5 * (low + high);
    (beyond(middle) ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS double two_sided_t_quantile<void>(double, double);
}  // namespace atlas::inline ATLAS_ABI
#endif
