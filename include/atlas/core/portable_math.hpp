// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// exp and log that give the same bits everywhere. Standard libraries differ in the last place
/// and compilers may or may not contract a * b + c; every step here is one correctly rounded
/// operation. For random numbers, where a different last bit would be a different draw.

#include <cmath>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Natural logarithm of a positive normal number, relative error below 1e-15.
inline double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m = 2 * m;
    --exponent;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172
  const double s = (m - 1) / (m + 1);
  const double square = s * s;
  double series = 0;
  for (int n = 23; n >= 1; n -= 2) series = std::fma(series, square, 1.0 / n);
  const double twice = 2 * s;
  return std::fma(static_cast<double>(exponent), 0.69314718055994531, twice * series);
}

/// Exponential of a number in [-700, 700], relative error below 1e-15.
inline double portable_exp(double x) {
  const double scaled = x * 1.4426950408889634;
  const double n = std::floor(std::fma(1.0, scaled, 0.5));
  const double high = std::fma(n, -0.69314718036912382, x);  // ln 2 in two parts
  const double r = std::fma(n, -1.9082149292705877e-10, high);
  double series = 1;
  for (int k = 15; k >= 1; --k) {
    const double step = r / k;
    series = std::fma(series, step, 1.0);
  }
  return std::ldexp(series, static_cast<int>(n));
}

}  // namespace atlas::inline ATLAS_ABI::detail
