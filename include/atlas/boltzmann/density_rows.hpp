// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Weights of a few rows of one head, and the purities of their states.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/boltzmann/row_weights.hpp"
#include "atlas/boltzmann/unit_values.hpp"
#include "atlas/linalg/reshape.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Widens [low, high) so that it holds all entries of a row that are not 0.
template <class Row>
void widen_to_used(const Row& row, index_t& low, index_t& high) {
  index_t first = 0, last = row.size();
  while (first < low && row(first) == 0) ++first;
  while (last > high && row(last - 1) == 0) --last;
  low = (std::min)(low, first);
  high = (std::max)(high, last);
}

/// Rows of weights in double, from the first to the last key on which any of them has weight.
/// Weights on values of norm 0 are set to 0 and the others divided by their sum.
template <class Real = double>
struct density_tile {
  index_t first_key = 0;
  row_matrix<Real> weights;  ///< `[rows, keys]`
  Eigen::ArrayX<Real>
      mass;  ///< `[rows]`, sum of the given weights on values with a direction; 0: undefined

  /// \throws value_error for weights that are negative or NaN, or rows that do not sum to 1
  template <class Scalar>
  void load(const tensor_view<const Scalar, 2>& from, const unit_values<Real>& values, index_t row,
            index_t rows) {
    weights.resize(rows, from.extent(1));
    for (index_t r = 0; r < rows; ++r) {
      copy_row(from[row + r], r);
      check_sums(r, row + r);
    }
    if (values.zeros > 0) weights.array().rowwise() *= values.directed.transpose();
    keep_used();
    mass = weights.rowwise().sum().array();
    for (index_t r = 0; r < rows; ++r)
      if (mass(r) > 0) weights.row(r) /= mass(r);
  }

 private:
  template <class Scalar>
  void copy_row(const tensor_view<const Scalar, 1>& from, index_t r) {
    using run = Eigen::Map<const Eigen::Matrix<Scalar, 1, Eigen::Dynamic>>;
    if (from.stride(0) == 1)
      weights.row(r) = run(from.data(), from.size()).template cast<Real>();
    else
      for (index_t i = 0; i < from.size(); ++i) weights(r, i) = static_cast<Real>(from[i]);
  }

  /// In vectors, and one by one for what the error says.
  void check_sums(index_t r, index_t query) const {
    const auto row = weights.row(r);
    if (row.template minCoeff<Eigen::PropagateNaN>() >= 0 &&
        std::abs(row.sum() - 1) <= weight_sum_slack / 2)
      return;
    check_weights_of_row(row, query);
  }

  /// Leaves out the keys before the first and after the last that any row uses.
  void keep_used() {
    index_t low = weights.cols(), high = 0;
    for (index_t r = 0; r < weights.rows(); ++r) widen_to_used(weights.row(r), low, high);
    first_key = (std::min)(low, high);
    weights = weights.middleCols(first_key, high - first_key).eval();
  }
};

/// `tr rho^2 = a^T (G o G) a`, G the Gram matrix of the unit values: one product for all rows of
/// the tile, of as many keys at a time as stay in cache. A pair of keys of two blocks is computed
/// once and counts twice.
template <class Real = double>
Eigen::ArrayX<Real> purities(const density_tile<Real>& tile, const unit_values<Real>& values) {
  constexpr index_t block = 64;
  const index_t keys = tile.weights.cols();
  Eigen::ArrayX<Real> out = Eigen::ArrayX<Real>::Zero(tile.weights.rows());
  row_matrix<Real> squares, product;
  const auto directions = values.rows.middleRows(tile.first_key, keys);
  for (index_t from = 0; from < keys; from += block) {
    const index_t count = (std::min)(block, keys - from), upto = from + count;
    reshape(squares, upto, count);
    squares.noalias() = directions.topRows(upto) * directions.middleRows(from, count).transpose();
    squares = squares.array().square().matrix();
    squares.topRows(from) *= 2;
    reshape(product, tile.weights.rows(), count);
    product.noalias() = tile.weights.leftCols(upto) * squares;
    out += (product.array() * tile.weights.middleCols(from, count).array()).rowwise().sum();
  }
  return out;
}

/// Total weight whose loss no result of this scalar can show: dropping t from rho and scaling what
/// is left moves the entropy by no more than `t ln d + h(t) <= t (ln d + 1 - ln t)` (Fannes 1973,
/// Audenaert 2007), here less than `eps` for any d that fits into memory.
template <class Scalar>
constexpr double negligible_weight() {
  return static_cast<double>(std::numeric_limits<Scalar>::epsilon()) / 96;
}

}  // namespace atlas::inline ATLAS_ABI::detail
