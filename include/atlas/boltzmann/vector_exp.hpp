// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Exponentials of a run of numbers, in vectors of whatever width the compiler is allowed.

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_functions.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Numbers that are worked on together, whatever the vectors; runs are padded to a multiple of it.
inline constexpr index_t exp_lanes = 8;

/// e^x to here; below, next to the smallest normal double, 0.
inline constexpr double exp_underflow = -708;

/// `(e^x - 1 - x) / x^2` of a double or of the lanes of a vector, for |x| <= ln(2) / 2: Taylor's
/// series to x^11, the remainder being below 1e-17 of e^x, paired so that the multiplications do
/// not wait for each other (Estrin).
template <class Real>
Real exp_series(Real x) {
  const Real x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
  const Real a = (1.0 / 2 + x * (1.0 / 6)) + x2 * (1.0 / 24 + x * (1.0 / 120));
  const Real b = (1.0 / 720 + x * (1.0 / 5040)) + x2 * (1.0 / 40320 + x * (1.0 / 362880));
  const Real c =
      (1.0 / 3628800 + x * (1.0 / 39916800)) + x2 * (1.0 / 479001600 + x * (1.0 / 6227020800));
  return (a + x4 * b) + x8 * c;
}

/// The same where the result is rounded to a float: Chebyshev's polynomial of degree 6, with which
/// e^x has a relative error below 5e-12.
template <class Real>
Real short_exp_series(Real x) {
  const Real x2 = x * x;
  const Real a =
      (0.5 + x * 0.16666666718997517) + x2 * (0.04166666671898085 + x * 0.00833329848375086);
  const Real b = (0.0013888854049610795 + x * 0.0001989927396200122) + x2 * 2.4859578225975632e-05;
  return a + (x2 * x2) * b;
}

/// `u = max(scale (x - origin), exp_underflow)` of as many numbers x <= origin, -inf among them, as
/// a vector of doubles has lanes, and `e^u`, exactly 0 at exp_underflow. Relative error of e^u
/// below 3e-16; below 5e-12 for results that are rounded to floats.
struct shifted_exp_vector {
  double_vector u, w;

  template <class Result, class Scalar>
  static shifted_exp_vector of(const Scalar* x, double origin, double scale) {
    using doubles = vector_of<double>;
    constexpr double rounder = 0x1.8p52;  // added, leaves a whole number in the low bits
    constexpr double ln2 = 0.69314718055994531, ln2_high = 0.69314718036912382,
                     ln2_low = 1.9082149292705877e-10;
    const double_vector least = doubles::all(exp_underflow);
    const double_vector u = doubles::larger(scale * (load_as_doubles(x) - origin), least);
    const double_vector shifted = as_written(u * 1.4426950408889634 + rounder);
    const double_vector power = shifted - rounder;
    double_vector w;
    if constexpr (sizeof(Result) < sizeof(double)) {
      const double_vector rest = u - power * ln2;
      w = 1.0 + (rest + (rest * rest) * short_exp_series(rest));
    } else {
      const double_vector rest = as_written(u - power * ln2_high) - power * ln2_low;
      w = 1.0 + (rest + (rest * rest) * exp_series(rest));
    }
    return {u, doubles::where_above(u, least, times_power_of_two(w, shifted), double_vector{})};
  }
};

/// The same for `count` numbers, a multiple of `exp_lanes`.
inline void shifted_exp(const double* x, index_t count, double origin, double scale, double* u,
                        double* w) {
  for (index_t i = 0; i < count; i += vector_of<double>::lanes) {
    const auto e = shifted_exp_vector::of<double>(x + i, origin, scale);
    vector_of<double>::store(u + i, e.u);
    vector_of<double>::store(w + i, e.w);
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail
