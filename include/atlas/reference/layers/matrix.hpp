// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Matrices with a row a position, and how their rows are shared out. The model is float; the
/// same code in double is what derivatives are checked with.

#include <algorithm>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

using float_matrix = row_matrix<float>;

/// Rows that one task works on.
inline constexpr index_t row_tile = 64;

/// The sum of `term(k)` for k in [0, n), in double and in an order of its own: eight sums side by
/// side, which the processor need not add one after the other.
template <class Term>
double ordered_sum(index_t n, Term&& term) {
  constexpr index_t lanes = 8;
  double sums[lanes] = {};
  index_t k = 0;
  for (; k + lanes <= n; k += lanes)
    for (index_t l = 0; l < lanes; ++l) sums[l] += term(k + l);
  for (index_t l = 0; k + l < n; ++l) sums[l] += term(k + l);
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// Calls `task(first, rows)` for tiles of rows, in parallel.
template <class Task>
void for_row_tiles(index_t rows, int threads, Task&& task) {
  parallel_for((rows + row_tile - 1) / row_tile, threads,
               [&](index_t t) { task(t * row_tile, (std::min)(row_tile, rows - t * row_tile)); });
}

}  // namespace atlas::inline ATLAS_ABI::detail
