// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The Gamma function's logarithm and a ratio of two of its values, by Stirling's series. The
/// standard library's function writes to a variable that all threads share.

#include <cmath>
#include <numbers>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Where Stirling's series begins to have all digits of a double; below, recurrence leads there.
inline constexpr double stirling_from = 20;

/// `ln Gamma(x)`, x > 0; to 1e-14 of the larger of its magnitude and 1.
inline double log_gamma(double x) {
  double product = 1;
  for (; x < stirling_from; x += 1) product *= x;
  const double y = 1 / (x * x);
  const double series =
      (1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))) / x;
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) + series -
         std::log(product);
}

/// `Gamma(x + 1/2) / Gamma(x)`, x > 0; to 1e-14 of itself.
inline double gamma_half_step(double x) {
  double factor = 1;
  for (; x < stirling_from; x += 1) factor *= x / (x + 0.5);
  const double y = 1 / (x * x);
  const double series =
      (-1.0 / 8 + y * (1.0 / 192 - y * (1.0 / 640 - y * (17.0 / 14336 - y * 31.0 / 18432)))) / x;
  return factor * std::sqrt(x) * std::exp(series);
}

}  // namespace atlas::inline ATLAS_ABI::detail
