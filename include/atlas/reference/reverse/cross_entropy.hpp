// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The loss of a language model, `-log softmax(logits)[next token]`, and its gradient.

#include <cmath>

#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// In Scalar over tiles of the row, in double over the tiles.
template <class Scalar>
double sum_of_row(const Eigen::Ref<const row_array<Scalar>>& x) {
  double sum = 0;
  for (index_t k = 0; k < x.size(); k += row_tile)
    sum += static_cast<double>(x.segment(k, (std::min)(row_tile, x.size() - k)).sum());
  return sum;
}

/// The loss of one row of logits; they become `share` times its gradient.
template <class Scalar>
double reverse_token_loss(Eigen::Ref<row_array<Scalar>> logits, index_t token, Scalar share) {
  const Scalar top = logits.maxCoeff(), wanted = logits(token);
  logits = (logits - top).exp();
  const double sum = sum_of_row<Scalar>(logits);
  logits *= share * static_cast<Scalar>(1 / sum);
  logits(token) -= share;
  return std::log(sum) + static_cast<double>(top) - static_cast<double>(wanted);
}

/// The same for rows `[first_row, first_row + logits.rows())` of blocks, each row's loss a
/// `1 / (T - 1)`-th of its block's. The last position of a block predicts nothing.
/// \param losses of the rows
template <class Scalar>
void reverse_losses(const tensor_view<const index_t, 2>& blocks, index_t first_row, int threads,
                    row_matrix<Scalar>& logits, double* losses) {
  const index_t t = blocks.extent(1);
  const Scalar share = Scalar(1) / static_cast<Scalar>(t - 1);
  parallel_for(logits.rows(), threads, [&](index_t i) {
    const index_t block = (first_row + i) / t, next = (first_row + i) % t + 1;
    losses[i] = 0;
    if (next < t)
      losses[i] = reverse_token_loss<Scalar>(logits.row(i).array(), blocks(block, next), share);
    else
      logits.row(i).setZero();
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
