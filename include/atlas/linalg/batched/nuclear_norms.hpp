// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Nuclear norms (sums of the singular values) of small square matrices, eight at a time: by
/// one-sided Jacobi rotations (Hestenes, J. SIAM 6, 51, 1958), each of them of the same two columns
/// of all eight. A matrix of 7 x 7 leaves a processor's vectors empty; eight side by side fill
/// them.

#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Room for eight `[k, k]` matrices. What a lane gives does not depend on the other lanes' numbers
/// beyond rounding: it may go through a sweep more than it needs.
template <class Real = double>
class nuclear_norms {
 public:
  static constexpr index_t lanes = 8;
  using numbers = Eigen::Array<Real, lanes, 1>;

  explicit nuclear_norms(index_t k)
      : k_(k), elements_(lanes, k * k), squares_(lanes, k), order_(round_robin(k)) {
    elements_.setZero();
  }

  index_t size() const { return k_; }
  Real& at(index_t lane, index_t row, index_t column) { return elements_(lane, column * k_ + row); }

  /// Of each lane. The matrices are used up. O(k^3) time a sweep, 4 to 6 sweeps.
  ///
  /// The error of a sum of column norms is the square of what the columns lack in being orthogonal,
  /// and what they lack is squared by each of the last sweeps: one that began at cosines of 1e-6 is
  /// the last.
  numbers compute() {
    constexpr int most_sweeps = 40;
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      refresh_squares();
      excess_.setZero();
      for (const column_pair& pair : order_) rotate(pair.first, pair.second);
      if (!(excess_.maxCoeff() > 0)) break;
    }
    refresh_squares();
    numbers sum = numbers::Zero();
    for (index_t c = 0; c < k_; ++c) sum += square(c).sqrt();
    return sum;
  }

 private:
  struct column_pair {
    index_t first = 0, second = 0;
  };
  using block = Eigen::Map<numbers, Eigen::AlignedMax>;

  /// Every pair once, neighbours in the order without a column in common where that can be: their
  /// rotations overlap in the processor.
  static std::vector<column_pair> round_robin(index_t k) {
    const index_t teams = k + k % 2;
    std::vector<column_pair> order;
    for (index_t round = 0; round + 1 < teams; ++round)
      for (index_t i = 0; i < teams / 2; ++i) {
        const index_t a = i == 0 ? teams - 1 : (round + i) % (teams - 1);
        const index_t b = (round + teams - 1 - i) % (teams - 1);
        if (a < k && b < k) order.push_back({a < b ? a : b, a < b ? b : a});
      }
    return order;
  }

  block element(index_t column, index_t row) {
    return block(elements_.data() + lanes * (column * k_ + row));
  }
  block square(index_t column) { return block(squares_.data() + lanes * column); }

  void refresh_squares() {
    for (index_t c = 0; c < k_; ++c) {
      numbers sum = element(c, 0) * element(c, 0);
      for (index_t r = 1; r < k_; ++r) sum += element(c, r) * element(c, r);
      square(c) = sum;
    }
  }

  /// Makes two columns orthogonal; `excess_` tells whether they all but were.
  void rotate(index_t p, index_t q) {
    constexpr Real least = Real(1e-12);  // of the square of a cosine
    constexpr Real tiny = Real(1e-200);  // keeps 0 / 0 away
    numbers product = element(p, 0) * element(q, 0);
    for (index_t r = 1; r < k_; ++r) product += element(p, r) * element(q, r);
    excess_ = (excess_.max)(product * product - least * square(p) * square(q));
    const numbers gap = square(q) - square(p);
    const numbers reach = gap.abs() + (gap * gap + 4 * product * product).sqrt() + tiny;
    numbers tangent = 2 * product / reach;
    for (index_t l = 0; l < lanes; ++l) tangent(l) *= std::copysign(Real(1), gap(l));
    const numbers cosine = (1 + tangent * tangent).rsqrt();
    const numbers sine = cosine * tangent;
    square(p) -= tangent * product;
    square(q) += tangent * product;
    for (index_t r = 0; r < k_; ++r) {
      const numbers a = element(p, r), b = element(q, r);
      element(p, r) = cosine * a - sine * b;
      element(q, r) = sine * a + cosine * b;
    }
  }

  index_t k_;
  Eigen::Matrix<Real, lanes, Eigen::Dynamic> elements_;  ///< lanes x (column, row)
  Eigen::Matrix<Real, lanes, Eigen::Dynamic> squares_;   ///< of the columns
  std::vector<column_pair> order_;
  numbers excess_;  ///< above 0 where a cosine of this sweep was too large
};

}  // namespace atlas::inline ATLAS_ABI::detail
