// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Roots of decreasing functions, as derivatives of likelihoods are.

#include <cmath>
#include <limits>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A function and its derivative at a place.
struct value_and_slope {
  double value = 0, slope = 0;
};

/// The root of a decreasing function on the positive numbers, to rounding: Newton's steps, and
/// where one would leave the bracket (which begins as all positive numbers) half of it or twice
/// the place.
/// \param start positive
template <class Function>
double root_of_decreasing(const Function& function, double start) {
  double low = 0, high = std::numeric_limits<double>::infinity(), x = start;
  for (int step = 0; step < 200; ++step) {
    const value_and_slope at = function(x);
    if (at.value == 0) return x;
    (at.value > 0 ? low : high) = x;
    const double next = x - at.value / at.slope;
    if (std::abs(next - x) <= 1e-9 * x) return next;  // what is left is the square of that
    if (next > low && next < high)
      x = next;
    else
      x = std::isinf(high) ? 2 * x : 0.5 * (low + high);
  }
  return x;
}

/// The root of a decreasing function on the positive numbers, without its derivative: a bracket
/// that grows from 1 by factors of 2, halved to a share of 1e-13. \return NaN where the function
/// has no root between `1 / limit` and `limit`
template <class Function>
double root_by_halving(const Function& function, double limit) {
  double low = 1, high = 1;
  while (low > 1 / limit && !(function(low) > 0)) low *= 0.5;
  while (high < limit && !(function(high) < 0)) high *= 2;
  if (!(function(low) > 0 && function(high) < 0)) return std::numeric_limits<double>::quiet_NaN();
  for (int step = 0; step < 200 && high - low > 1e-13 * high; ++step) {
    const double middle = 0.5 * (low + high);
    (function(middle) > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace atlas::inline ATLAS_ABI::detail
