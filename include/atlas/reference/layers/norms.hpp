// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// LayerNorm (Ba et al. 2016) and RMSNorm (Zhang & Sennrich 2019) of rows.

#include <cmath>
#include <vector>

#include "atlas/linalg/reshape.hpp"
#include "atlas/reference/config.hpp"
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

/// What a norm computes, beside its weights.
struct norm_shape {
  bool centred = false;  ///< LayerNorm; RMSNorm otherwise
  double epsilon = 0;
  double offset = 0;  ///< added to the weights
};

inline norm_shape norm_shape_of(const transformer_config& c) {
  return {c.norm == norm_kind::layer, c.norm_epsilon, c.norm_offset};
}

template <class Scalar>
row_statistics statistics_of_row(const Scalar* row, index_t d, const norm_shape& shape) {
  row_statistics s;
  s.mean = shape.centred ? shifted_sum(row, d, 0, false) / static_cast<double>(d) : 0;
  const double square = shifted_sum(row, d, s.mean, true) / static_cast<double>(d);
  s.scale = 1 / std::sqrt(square + shape.epsilon);
  return s;
}

/// One row of d numbers, which may be the one that is written.
/// \param bias null for none
template <class Scalar>
void normalize_row(const Scalar* row, index_t d, const Scalar* weight, const Scalar* bias,
                   const norm_shape& shape, Scalar* out) {
  const row_statistics s = statistics_of_row(row, d, shape);
  const auto offset = static_cast<Scalar>(shape.offset);
  for (index_t k = 0; k < d; ++k) {
    const Scalar v = static_cast<Scalar>((static_cast<double>(row[k]) - s.mean) * s.scale);
    out[k] = v * (offset + weight[k]) + (bias ? bias[k] : Scalar(0));
  }
}

/// \param bias null for none
template <class Scalar>
void normalize_rows(const row_matrix<Scalar>& x, const Scalar* weight, const Scalar* bias,
                    const norm_shape& shape, int threads, row_matrix<Scalar>& out) {
  const index_t d = x.cols();
  reshape(out, x.rows(), d);
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    for (index_t i = first; i < first + rows; ++i)
      normalize_row(x.row(i).data(), d, weight, bias, shape, out.row(i).data());
  });
}

/// Parts of each row that are normalized by themselves with the same weights: they begin at these
/// columns and are `width` long.
struct row_parts {
  std::vector<index_t> columns;
  index_t width = 0;
};

/// Normalizes parts of each row in place.
template <class Scalar>
void normalize_parts(row_matrix<Scalar>& x, const row_parts& parts, const Scalar* weight,
                     const Scalar* bias, const norm_shape& shape, int threads) {
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    for (index_t i = first; i < first + rows; ++i)
      for (const index_t column : parts.columns) {
        Scalar* const part = x.row(i).data() + column;
        normalize_row(part, parts.width, weight, bias, shape, part);
      }
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
