#pragma once
/// \file
/// Matrices with a row a position, and how their rows are shared out. The model is float; the
/// same code in double is what derivatives are checked with.

#include <algorithm>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::detail {

using float_matrix = row_matrix<float>;

/// Rows that one task works on.
inline constexpr index row_tile = 64;

/// Calls `task(first, rows)` for tiles of rows, in parallel.
template <class Task>
void for_row_tiles(index rows, int threads, Task&& task) {
  parallel_for((rows + row_tile - 1) / row_tile, threads,
               [&](index t) { task(t * row_tile, std::min(row_tile, rows - t * row_tile)); });
}

}  // namespace atlas::detail
