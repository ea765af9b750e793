// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Directions of value vectors.

#include <Eigen/Core>
#include <vector>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

using double_rows = row_matrix<double>;

/// Values scaled to norm 1.
template <class Real = double>
struct unit_values {
  row_matrix<Real> rows;         ///< `[T, d]`; zeros where a value is zero
  Eigen::ArrayX<Real> directed;  ///< `[T]`, 0 where a value is zero, else 1
  index_t zeros = 0;             ///< values of norm 0
};

template <class Scalar, class Real = double>
unit_values<Real> directions_of(const tensor_view<const Scalar, 2>& values) {
  const index_t keys = values.extent(0), d = values.extent(1);
  unit_values<Real> out{row_matrix<Real>(keys, d), Eigen::ArrayX<Real>::Ones(keys), 0};
  for (index_t i = 0; i < keys; ++i) {
    for (index_t k = 0; k < d; ++k) out.rows(i, k) = static_cast<double>(values(i, k));
    out.rows.row(i) *= scale_to_one(out.rows.row(i).cwiseAbs().maxCoeff());
    const double norm = out.rows.row(i).norm();
    if (norm > 0) {
      out.rows.row(i) /= norm;
    } else {
      out.directed(i) = 0;
      ++out.zeros;
    }
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN unit_values<double> directions_of<float, double>(
    const tensor_view<const float, 2>&);
ATLAS_OF_BOLTZMANN unit_values<double> directions_of<double, double>(
    const tensor_view<const double, 2>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
