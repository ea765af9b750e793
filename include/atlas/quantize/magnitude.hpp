// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Matrices whose sums and squares would leave the range of their scalar, and the powers of two by
/// which they are brought back into it.

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// 0 where the largest magnitude has an exponent within a quarter of the scalar's (2^32 and 2^-32
/// for float, 2^256 and 2^-256 for double): sums of squares of such numbers are far from both ends.
/// Otherwise e with `largest 2^-e` in [1, 2).
template <class Scalar>
int extreme_exponent(Scalar largest) {
  constexpr int usual = std::numeric_limits<Scalar>::max_exponent / 4;
  if (!(largest > 0)) return 0;
  const int exponent = std::ilogb(largest);
  return exponent >= -usual && exponent <= usual ? 0 : exponent;
}

/// `matrix 2^exponent`.
template <class Matrix>
Matrix times_power(Matrix matrix, int exponent) {
  if (exponent == 0) return matrix;
  using scalar = typename Matrix::Scalar;
  return matrix.unaryExpr([=](scalar x) { return std::ldexp(x, exponent); });
}

/// The largest magnitude of some numbers; 0 of none.
template <class Matrix>
auto largest_magnitude(const Matrix& matrix) {
  return matrix.size() == 0 ? typename Matrix::Scalar(0) : matrix.cwiseAbs().maxCoeff();
}

/// What squares of numbers in double can be of: sums of 2^22 squares of the largest are finite, and
/// those of the smallest have all their digits.
inline constexpr double largest_to_square = 0x1p+500;
inline constexpr double smallest_to_square = 0x1p-480;

/// \throws value_error where squares of numbers up to `largest`, which is not 0, have been lost
inline void check_squares_kept(double largest, std::string_view argument) {
  if (largest > 0 && largest < smallest_to_square)
    throw value_error(argument, "some numbers above 2^-480, whose squares have all their digits",
                      "none above 2^" + std::to_string(std::ilogb(largest) + 1));
}

/// \throws value_error where squares of numbers up to `largest` would not be finite
inline void check_squares_finite(double largest, std::string_view argument) {
  if (!(largest <= largest_to_square))
    throw value_error(argument, "numbers of up to 2^500, whose squares are finite",
                      std::isfinite(largest) ? "some above 2^" + std::to_string(std::ilogb(largest))
                                             : "some beyond the largest number there is");
}

/// Whether squares of all numbers of a scalar are finite and have all their digits.
template <class Scalar>
inline constexpr bool can_be_squared = std::numeric_limits<Scalar>::max_exponent <= 128;

}  // namespace atlas::inline ATLAS_ABI::detail
