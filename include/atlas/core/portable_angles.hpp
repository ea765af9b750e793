// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Sine, cosine, tangent and arc tangent that give the same bits everywhere, by the rules of
/// portable_math.hpp: every step is one correctly rounded operation, and no product is added to
/// anything but by `std::fma`. For simulated rows, which a different last bit would make others.

#include <cmath>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::detail {

struct sine_cosine {
  double sine = 0, cosine = 1;
};

/// Of an angle in radians of at most pi/4, by their series.
inline sine_cosine series_of_small_angle(double x) {
  const double square = x * x;
  double sine = 1, cosine = 1;
  for (int n = 18; n >= 2; n -= 2) {
    sine = std::fma(sine, -square / (n * (n + 1)), 1.0);
    cosine = std::fma(cosine, -square / (n * (n - 1)), 1.0);
  }
  return {x * sine, cosine};
}

/// Sine and cosine of a number of whole turns, absolute error below 1e-15 whatever the number:
/// turns are taken off without rounding.
inline sine_cosine sine_cosine_of_turns(double turns) {
  const double part = turns - std::round(turns);
  const double quarters = std::round(4 * part);
  const sine_cosine rest =
      series_of_small_angle(6.2831853071795865 * (part - 0.25 * quarters));  // both exact
  switch (static_cast<int>(quarters)) {
    case 0:
      return rest;
    case 1:
      return {rest.cosine, -rest.sine};
    case -1:
      return {-rest.cosine, rest.sine};
    default:
      return {-rest.sine, -rest.cosine};
  }
}

/// Sine and cosine of an angle in radians, absolute error below 1e-15 (1 + |x|).
inline sine_cosine portable_sine_cosine(double x) {
  if (std::abs(x) <= 0.78539816339744831) return series_of_small_angle(x);
  return sine_cosine_of_turns(x * 0.15915494309189534);
}

/// Tangent of an angle in radians, relative error as that of the sine and the cosine together.
inline double portable_tangent(double x) {
  const sine_cosine of = portable_sine_cosine(x);
  return of.sine / of.cosine;
}

/// Arc tangent, relative error below 2e-15: of the reciprocal above 1, and by three halvings of the
/// angle, atan x = 2 atan(x / (1 + sqrt(1 + x^2))), down to where its series takes eleven terms.
inline double portable_arc_tangent(double x) {
  const double size = std::abs(x);
  double t = size > 1 ? 1 / size : size;
  for (int halving = 0; halving < 3; ++halving) t = t / (1 + std::sqrt(std::fma(t, t, 1.0)));
  const double square = t * t;
  double series = 0;
  for (int n = 21; n >= 1; n -= 2) series = std::fma(series, -square, 1.0 / n);
  const double below = 8 * (t * series);
  return std::copysign(size > 1 ? 1.5707963267948966 - below : below, x);
}

}  // namespace atlas::inline ATLAS_ABI::detail
