// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Dense copies of clouds whose coordinates can be squared.

#include <Eigen/Core>
#include <cmath>
#include <type_traits>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/linalg/tiled_product.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A cloud times `2^exponent`. The exponent is 0 where squares of its coordinates are far from both
/// ends of what a double can hold, as those of float are.
template <class Scalar>
struct scaled_rows {
  row_matrix<Scalar> rows;
  int exponent = 0;

  /// A length of the scaled cloud as one of the cloud.
  double unscaled(double length) const { return std::ldexp(length, -exponent); }
  /// The other way round.
  double scaled(double length) const { return std::ldexp(length, exponent); }
};

template <class Scalar>
scaled_rows<Scalar> scale_rows(const tensor_view<const Scalar, 2>& points) {
  scaled_rows<Scalar> out{matrix_copy<Scalar>(points), 0};
  if constexpr (std::is_same_v<Scalar, double>) {
    const int exponent = exponent_to_one(out.rows.cwiseAbs().maxCoeff());
    if (exponent >= -300 && exponent <= 300) return out;
    out.exponent = exponent;
    out.rows *= std::ldexp(1.0, exponent);
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG scaled_rows<float> scale_rows<float>(const tensor_view<const float, 2>&);
ATLAS_OF_LINALG scaled_rows<double> scale_rows<double>(const tensor_view<const double, 2>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
