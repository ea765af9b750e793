// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019) of rows.

#include <cmath>

#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The sum, or the sum of squares, of a row less `shift`; in double and in a fixed order.
template <class Scalar>
double shifted_sum(const Scalar* x, index_t d, double shift, bool squared) {
  const auto at = [&](index_t k) { return static_cast<double>(x[k]) - shift; };
  if (!squared) return ordered_sum(d, at);
  return ordered_sum(d, [&](index_t k) { return at(k) * at(k); });
}

/// What a norm takes from a row, and what it multiplies by.
struct row_statistics {
  double mean = 0, scale = 1;
};

/// \param centred LayerNorm when true, RMSNorm otherwise
template <class Scalar>
row_statistics statistics_of_row(const Scalar* row, index_t d, bool centred, double epsilon) {
  row_statistics s;
  s.mean = centred ? shifted_sum(row, d, 0, false) / static_cast<double>(d) : 0;
  const double square = shifted_sum(row, d, s.mean, true) / static_cast<double>(d);
  s.scale = 1 / std::sqrt(square + epsilon);
  return s;
}

/// \param bias null for none
template <class Scalar>
void normalize_rows(const row_matrix<Scalar>& x, const Scalar* weight, const Scalar* bias,
                    bool centred, double epsilon, int threads, row_matrix<Scalar>& out) {
  const index_t d = x.cols();
  out.resize(x.rows(), d);
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    for (index_t i = first; i < first + rows; ++i) {
      const Scalar* row = x.row(i).data();
      const row_statistics s = statistics_of_row(row, d, centred, epsilon);
      for (index_t k = 0; k < d; ++k) {
        const Scalar v = static_cast<Scalar>((static_cast<double>(row[k]) - s.mean) * s.scale);
        out(i, k) = v * weight[k] + (bias ? bias[k] : Scalar(0));
      }
    }
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
