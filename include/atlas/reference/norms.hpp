#pragma once
/// \file
/// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019) of rows.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::detail {

using float_matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Rows that one task works on.
inline constexpr index row_tile = 64;

/// Calls `task(first, rows)` for tiles of rows, in parallel.
template <class Task>
void for_row_tiles(index rows, int threads, Task&& task) {
  parallel_for((rows + row_tile - 1) / row_tile, threads,
               [&](index t) { task(t * row_tile, std::min(row_tile, rows - t * row_tile)); });
}

/// The sum, or the sum of squares, of a row less `shift`; in double and in a fixed order.
inline double shifted_sum(const float* x, index d, double shift, bool squared) {
  double sum = 0;
  for (index k = 0; k < d; ++k) {
    const double v = static_cast<double>(x[k]) - shift;
    sum += squared ? v * v : v;
  }
  return sum;
}

/// \param centred LayerNorm when true, RMSNorm otherwise
/// \param bias null for none
inline void normalize_rows(const float_matrix& x, const float* weight, const float* bias,
                           bool centred, double epsilon, int threads, float_matrix& out) {
  const index d = x.cols();
  out.resize(x.rows(), d);
  for_row_tiles(x.rows(), threads, [&](index first, index rows) {
    for (index i = first; i < first + rows; ++i) {
      const float* row = x.row(i).data();
      const double mean = centred ? shifted_sum(row, d, 0, false) / static_cast<double>(d) : 0;
      const double square = shifted_sum(row, d, mean, true) / static_cast<double>(d);
      const double scale = 1 / std::sqrt(square + epsilon);
      for (index k = 0; k < d; ++k) {
        const float v = static_cast<float>((static_cast<double>(row[k]) - mean) * scale);
        out(i, k) = v * weight[k] + (bias ? bias[k] : 0.0f);
      }
    }
  });
}

}  // namespace atlas::detail
