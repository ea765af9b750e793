// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The derivative of the logarithm of the Gamma function.

#include <cmath>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// By the asymptotic series (Abramowitz and Stegun 6.3.18) from 10 on, and `psi(x) = psi(x + 1) -
/// 1/x` below. Absolute error below 1e-14 times what is larger, 1 or the value.
/// \param x above 0
inline double digamma(double x) {
  double below = 0;
  for (; x < 10; ++x) below += 1 / x;
  const double s = 1 / (x * x);
  const double series =
      s *
      (1.0 / 12 -
       s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * 691.0 / 32760)))));
  return std::log(x) - 0.5 / x - series - below;
}

}  // namespace atlas::inline ATLAS_ABI::detail
