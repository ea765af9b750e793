#pragma once
/// \file
/// Matrices with a row a position, and how their rows are shared out. The model is float; the
/// same code in double is what derivatives are checked with.

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::detail {

template <class Scalar>
using row_vector = Eigen::Matrix<Scalar, 1, Eigen::Dynamic>;
template <class Scalar>
using row_array = Eigen::Array<Scalar, 1, Eigen::Dynamic>;

/// Any matrix or block of one, read or written; never a copy.
template <class Scalar>
using const_rows = Eigen::Ref<const row_matrix<Scalar>>;
template <class Scalar>
using mutable_rows = Eigen::Ref<row_matrix<Scalar>>;

using float_matrix = row_matrix<float>;

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

/// Rows that one task works on.
inline constexpr index row_tile = 64;

/// Calls `task(first, rows)` for tiles of rows, in parallel.
template <class Task>
void for_row_tiles(index rows, int threads, Task&& task) {
  parallel_for((rows + row_tile - 1) / row_tile, threads,
               [&](index t) { task(t * row_tile, std::min(row_tile, rows - t * row_tile)); });
}

}  // namespace atlas::detail
