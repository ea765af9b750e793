// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Matrix products of the reference transformer, in tiles whose sizes do not depend on the number
/// of threads: the same bits however many there are.

#include <algorithm>
#include <type_traits>
#include <vector>

#include "atlas/linalg/reshape.hpp"
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

/// Groups of row tiles that tasks are made of: a task widens the weights of its columns once for
/// all of its rows, so that there are no more groups than the threads need to share evenly. Tiles,
/// and so results, do not depend on it.
inline index_t row_groups(index_t row_tiles, index_t column_tiles, bool widened, int threads) {
  const index_t workers = thread_count(threads);
  if (!widened) return row_tiles;
  if (workers == 1) return (std::min)(row_tiles, index_t{1});
  return (std::min)(row_tiles, (4 * workers + column_tiles - 1) / column_tiles);
}

/// Whether Eigen would multiply a single row by this matrix in another order than by a copy of it
/// without gaps: it does where rows begin so many bytes after each other.
template <class Scalar>
bool has_distant_rows(const strided_map<const Scalar>& w) {
  return static_cast<std::size_t>(w.outerStride()) * sizeof(Scalar) >= 32000;
}

/// y becomes (or gains) `x W + bias`, where W is the weight as `[in, out]`, or its transpose where
/// the weight is `[out, in]`.
/// \throws value_error naming a stored weight of which a value is not finite
template <class Scalar>
void apply_linear(const std::type_identity_t<const_rows<Scalar>>& x,
                  const weight_matrix<Scalar>& weight, bool input_major, const Scalar* bias,
                  product how, const work_split& split,
                  std::type_identity_t<mutable_rows<Scalar>> y) {
  constexpr index_t tile_columns = 192;  // whole panels of Eigen's kernels: 48, 24 or 12 columns
  const index_t n = x.rows(), out = input_major ? weight.cols() : weight.rows();
  const index_t column_tiles = (out + tile_columns - 1) / tile_columns;
  const index_t tile_rows = balanced_tile_rows(n, column_tiles, split.tile_rows);
  const index_t row_tiles = (n + tile_rows - 1) / tile_rows;
  const index_t groups = row_groups(row_tiles, column_tiles, weight.is_stored(), split.threads);
  const auto multiply = [&](index_t r, index_t c, const strided_map<const Scalar>& w) {
    const index_t rows = (std::min)(tile_rows, n - r), columns = input_major ? w.cols() : w.rows();
    auto target = y.block(r, c, rows, columns);
    if (how == product::assign) target.setZero();
    if (input_major && rows == 1 && has_distant_rows<Scalar>(w))
      target.noalias() += x.middleRows(r, rows) * row_matrix<Scalar>(w);
    else if (input_major)
      target.noalias() += x.middleRows(r, rows) * w;
    else
      target.noalias() += x.middleRows(r, rows) * w.transpose();
    if (bias) target.rowwise() += Eigen::Map<const row_vector<Scalar>>(bias + c, columns);
  };
  parallel_for(
      groups * column_tiles, split.threads, [&] { return tile_memory::lease(weight.memory()); },
      [&](index_t t, tile_memory::lease& memory) {
        const index_t group = t / column_tiles, c = t % column_tiles * tile_columns;
        const index_t columns = (std::min)(tile_columns, out - c);
        const auto w = weight.tile(input_major ? weight_tile{0, weight.rows(), c, columns}
                                               : weight_tile{c, columns, 0, weight.cols()},
                                   memory);
        for (index_t r = group * row_tiles / groups; r < (group + 1) * row_tiles / groups; ++r)
          multiply(r * tile_rows, c, w);
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
  reshape(y, x.rows(), width);
  index_t column = 0;
  for (const linear_places& p : maps) {
    const index_t columns = output_columns(model, p);
    apply_linear(x, model, p, product::assign, split, y.middleCols(column, columns));
    column += columns;
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail
