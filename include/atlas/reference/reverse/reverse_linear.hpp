// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of linear maps: of the inputs, `dL/dx = dL/dy W^T`, of the weights, `a^T dL/dy`, and
/// of the biases, the sum of dL/dy over positions.

#include <algorithm>
#include <vector>

#include "atlas/reference/layers/linear.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Small tiles where there are few rows, so that every thread gets some.
inline work_split split_for(index_t rows, int threads) {
  return {threads, rows >= 2048 ? 256 : row_tile};
}

/// Adds `inputs^T output_gradients` to a weight gradient stored as the weight is.
/// \param inputs `[N, in]`
/// \param output_gradients `[N, out]`
template <class Scalar>
void add_weight_gradient(const std::type_identity_t<const_rows<Scalar>>& inputs,
                         const std::type_identity_t<const_rows<Scalar>>& output_gradients,
                         bool input_major, int threads, Eigen::Map<row_matrix<Scalar>> gradient) {
  constexpr index_t tile = 128;
  const auto& left = input_major ? inputs : output_gradients;
  const auto& right = input_major ? output_gradients : inputs;
  const index_t row_tiles = (gradient.rows() + tile - 1) / tile;
  const index_t column_tiles = (gradient.cols() + tile - 1) / tile;
  parallel_for(row_tiles * column_tiles, threads, [&](index_t t) {
    const index_t r = t / column_tiles * tile, c = t % column_tiles * tile;
    const index_t rows = (std::min)(tile, gradient.rows() - r);
    const index_t columns = (std::min)(tile, gradient.cols() - c);
    gradient.block(r, c, rows, columns).noalias() +=
        left.middleCols(r, rows).transpose() * right.middleCols(c, columns);
  });
}

/// Adds the sum over rows to `into`, `[x.cols()]`: in Scalar over a tile of rows, in double over
/// the tiles.
template <class Scalar>
void add_column_sums(const std::type_identity_t<const_rows<Scalar>>& x, int threads, Scalar* into) {
  constexpr index_t width = 64;
  parallel_for((x.cols() + width - 1) / width, threads, [&](index_t t) {
    const index_t c = t * width, columns = (std::min)(width, x.cols() - c);
    row_array<double> sum = row_array<double>::Zero(columns);
    row_array<Scalar> part(columns);
    for (index_t r = 0; r < x.rows(); r += row_tile) {
      part.setZero();
      for (index_t i = r; i < (std::min)(r + row_tile, x.rows()); ++i)
        part += x.row(i).segment(c, columns).array();
      sum += part.template cast<double>();
    }
    Eigen::Map<row_array<Scalar>>(into + c, columns) += sum.template cast<Scalar>();
  });
}

/// x becomes (or gains) `output_gradients W^T`.
template <class Scalar>
void reverse_linear(const std::type_identity_t<const_rows<Scalar>>& output_gradients,
                    const model_weights<Scalar>& model, const linear_places& p, product how,
                    const work_split& split, row_matrix<Scalar>& x) {
  apply_linear<Scalar>(output_gradients, model.matrix(p.weight), !p.input_major, nullptr, how,
                       split, x);
}

}  // namespace atlas::inline ATLAS_ABI::detail
