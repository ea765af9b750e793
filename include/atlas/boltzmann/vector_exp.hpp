// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Exponentials of a run of numbers, in vectors of whatever width the compiler is allowed.

#include <bit>
#include <cstdint>

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Numbers that are worked on together; runs are padded to a multiple of it.
inline constexpr index_t exp_lanes = 8;

/// e^x to here; below, next to the smallest normal double, 0.
inline constexpr double exp_underflow = -708;

/// `(e^x - 1 - x) / x^2` for |x| <= ln(2) / 2: Taylor's series to x^11, the remainder being below
/// 1e-17 of e^x, paired so that the multiplications do not wait for each other (Estrin).
inline double exp_series(double x) {
  const double x2 = x * x, x4 = x2 * x2, x8 = x4 * x4;
  const double a = (1.0 / 2 + x * (1.0 / 6)) + x2 * (1.0 / 24 + x * (1.0 / 120));
  const double b = (1.0 / 720 + x * (1.0 / 5040)) + x2 * (1.0 / 40320 + x * (1.0 / 362880));
  const double c =
      (1.0 / 3628800 + x * (1.0 / 39916800)) + x2 * (1.0 / 479001600 + x * (1.0 / 6227020800));
  return (a + x4 * b) + x8 * c;
}

/// `u = max(scale (x - origin), exp_underflow)` and `w = e^u`, exactly 0 at exp_underflow, for
/// `exp_lanes` numbers x <= origin, -inf among them. Relative error of w against e^u below 3e-16.
inline void shifted_exp_lanes(const double* x, double origin, double scale, double* u, double* w) {
  constexpr double rounder = 0x1.8p52;  // added, leaves a whole number in the low bits
  constexpr double ln2_high = 0.69314718036912382, ln2_low = 1.9082149292705877e-10;
  double shifted[exp_lanes], rest[exp_lanes];
  for (index_t l = 0; l < exp_lanes; ++l) {
    const double v = scale * (x[l] - origin);
    u[l] = v > exp_underflow ? v : exp_underflow;
    shifted[l] = as_written(u[l] * 1.4426950408889634 + rounder);
    const double power = shifted[l] - rounder;
    rest[l] = as_written(u[l] - power * ln2_high) - power * ln2_low;
  }
  for (index_t l = 0; l < exp_lanes; ++l)
    w[l] = 1 + (rest[l] + rest[l] * rest[l] * exp_series(rest[l]));
  for (index_t l = 0; l < exp_lanes; ++l) {
    const auto bits =
        std::bit_cast<std::uint64_t>(w[l]) + (std::bit_cast<std::uint64_t>(shifted[l]) << 52);
    w[l] = u[l] > exp_underflow ? std::bit_cast<double>(bits) : 0.0;
  }
}

/// The same for `count` numbers, a multiple of `exp_lanes`.
inline void shifted_exp(const double* x, index_t count, double origin, double scale, double* u,
                        double* w) {
  for (index_t i = 0; i < count; i += exp_lanes)
    shifted_exp_lanes(x + i, origin, scale, u + i, w + i);
}

}  // namespace atlas::inline ATLAS_ABI::detail
