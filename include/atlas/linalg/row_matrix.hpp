// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Dense matrices whose rows are contiguous, and how parts of them are passed around.

#include <Eigen/Core>
#include <type_traits>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// `[rows, columns]`, row-major.
template <class Scalar>
using row_matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

namespace detail {

template <class Scalar>
using row_vector = Eigen::Matrix<Scalar, 1, Eigen::Dynamic>;
template <class Scalar>
using row_array = Eigen::Array<Scalar, 1, Eigen::Dynamic>;

/// Any matrix or block of one, read or written; never a copy.
template <class Scalar>
using const_rows = Eigen::Ref<const row_matrix<Scalar>>;
template <class Scalar>
using mutable_rows = Eigen::Ref<row_matrix<Scalar>>;

template <class Scalar>
using strided_map = Eigen::Map<
    std::conditional_t<std::is_const_v<Scalar>, const row_matrix<std::remove_const_t<Scalar>>,
                       row_matrix<Scalar>>,
    0, Eigen::OuterStride<>>;

/// A view whose rows are contiguous, as an Eigen matrix.
template <class Scalar>
strided_map<Scalar> as_map(const tensor_view<Scalar, 2>& x) {
  return {x.data(), x.extent(0), x.extent(1), Eigen::OuterStride<>(x.stride(0))};
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI
