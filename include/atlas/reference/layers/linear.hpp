// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Matrix products of the reference transformer, in tiles whose sizes do not depend on the number
/// of threads: the same bits however many there are.

#include <algorithm>
#include <vector>

#include "atlas/reference/layers/matrix.hpp"
#include "atlas/reference/parameters.hpp"

namespace atlas::inline ATLAS_ABI::detail {

enum class product { assign, add };

/// How a product is shared out.
struct work_split {
  int threads = 0;
  index_t tile_rows = 512;  ///< at most
};

/// Rows of a tile: fewer where there would be too few tiles for the threads to share evenly. Large
/// ones repack the weights less often. Not a function of the number of threads.
inline index_t balanced_tile_rows(index_t rows, index_t column_tiles, index_t most) {
  constexpr index_t enough = 4, least = 64;
  index_t tile = most;
  while (tile > least && (rows + tile - 1) / tile * column_tiles < enough) tile /= 2;
  return tile;
}

/// y becomes (or gains) `x W + bias`, where W is the weight as `[in, out]`, or its transpose where
/// the weight is `[out, in]`.
template <class Scalar>
void apply_linear(const std::type_identity_t<const_rows<Scalar>>& x,
                  const Eigen::Map<const row_matrix<Scalar>>& weight, bool input_major,
                  const Scalar* bias, product how, const work_split& split,
                  std::type_identity_t<mutable_rows<Scalar>> y) {
  constexpr index_t tile_columns = 192;  // whole panels of Eigen's kernels: 48, 24 or 12 columns
  const index_t n = x.rows(), out = input_major ? weight.cols() : weight.rows();
  const index_t column_tiles = (out + tile_columns - 1) / tile_columns;
  const index_t tile_rows = balanced_tile_rows(n, column_tiles, split.tile_rows);
  const index_t row_tiles = (n + tile_rows - 1) / tile_rows;
  parallel_for(row_tiles * column_tiles, split.threads, [&](index_t t) {
    const index_t r = t / column_tiles * tile_rows, c = t % column_tiles * tile_columns;
    const index_t rows = (std::min)(tile_rows, n - r), columns = (std::min)(tile_columns, out - c);
    auto target = y.block(r, c, rows, columns);
    if (how == product::assign) target.setZero();
    if (input_major)
      target.noalias() += x.middleRows(r, rows) * weight.middleCols(c, columns);
    else
      target.noalias() += x.middleRows(r, rows) * weight.middleRows(c, columns).transpose();
    if (bias) target.rowwise() += Eigen::Map<const row_vector<Scalar>>(bias + c, columns);
  });
}

template <class Scalar>
void apply_linear(const std::type_identity_t<const_rows<Scalar>>& x,
                  const model_weights<Scalar>& model, const linear_places& p, product how,
                  const work_split& split, std::type_identity_t<mutable_rows<Scalar>> y) {
  apply_linear<Scalar>(x, model.matrix(p.weight), p.input_major, model.values(p.bias), how, split,
                       y);
}

/// Columns that a linear map puts out.
template <class Scalar>
index_t output_columns(const model_weights<Scalar>& model, const linear_places& p) {
  const auto weight = model.matrix(p.weight);
  return p.input_major ? weight.cols() : weight.rows();
}

/// Several linear maps of the same rows, side by side in y.
template <class Scalar>
void apply_side_by_side(const row_matrix<Scalar>& x, const model_weights<Scalar>& model,
                        const std::vector<linear_places>& maps, const work_split& split,
                        row_matrix<Scalar>& y) {
  index_t width = 0;
  for (const linear_places& p : maps) width += output_columns(model, p);
  y.resize(x.rows(), width);
  index_t column = 0;
  for (const linear_places& p : maps) {
    const index_t columns = output_columns(model, p);
    apply_linear(x, model, p, product::assign, split, y.middleCols(column, columns));
    column += columns;
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail
