// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Matrix products on several threads, in tiles whose sizes do not depend on their number: the same
/// bits however many there are.

#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI {

/// A dense copy of a view, `[rows, cols]` row by row, each element converted to `To`. O(rows cols).
template <class To, class From>
[[nodiscard]] row_matrix<To> matrix_copy(const tensor_view<From, 2>& from) {
  row_matrix<To> out(from.extent(0), from.extent(1));
  constexpr index_t tile = 32;  // either order of memory stays in the cache
  for (index_t top = 0; top < out.rows(); top += tile)
    for (index_t left = 0; left < out.cols(); left += tile)
      for (index_t r = top; r < (std::min)(out.rows(), top + tile); ++r)
        for (index_t c = left; c < (std::min)(out.cols(), left + tile); ++c)
          out(r, c) = static_cast<To>(from(r, c));
  return out;
}

namespace detail {

/// Dense copies of H matrices, each element converted.
template <class To, class From>
std::vector<Eigen::MatrixX<To>> matrices_copy(const tensor_view<From, 3>& from) {
  std::vector<Eigen::MatrixX<To>> out;
  for (index_t h = 0; h < from.extent(0); ++h) out.emplace_back(matrix_copy<To>(from[h]));
  return out;
}

/// `a b`, for Eigen matrices and blocks and transposes of them, not for expressions.
template <class A, class B>
row_matrix<typename A::Scalar> tiled_product(const A& a, const B& b, int threads) {
  constexpr index_t tile = 256;
  row_matrix<typename A::Scalar> out(a.rows(), b.cols());
  const index_t down = (a.rows() + tile - 1) / tile, across = (b.cols() + tile - 1) / tile;
  parallel_for(down * across, threads, [&](index_t t) {
    const index_t r = t / across * tile, c = t % across * tile;
    const index_t rows = (std::min)(tile, a.rows() - r), columns = (std::min)(tile, b.cols() - c);
    out.block(r, c, rows, columns).noalias() = a.middleRows(r, rows) * b.middleCols(c, columns);
  });
  return out;
}

}  // namespace detail

/// The product `a b` on several threads: the same bits for any number of them.
/// \param a `[n, k]`, an Eigen matrix, or a block or transpose of one with memory of its own
/// \param b `[k, m]`, the same
/// \throws shape_error where the columns of one are not as many as the rows of the other
///
/// O(n k m) time.
template <class A, class B>
[[nodiscard]] row_matrix<typename A::Scalar> tiled_product(const A& a, const B& b,
                                                           const thread_options& options = {}) {
  check_extent(b.rows(), a.cols(), "b", "one row per column of a,");
  return detail::tiled_product(a, b, options.threads);
}

}  // namespace atlas::inline ATLAS_ABI
