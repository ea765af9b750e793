// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Nuclear norms (sums of the singular values) of small square matrices, many side by side: columns
/// of seven numbers do not fill a processor's vectors, one entry of several matrices does.

#include <Eigen/Core>
#include <algorithm>
#include <limits>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/batched/bidiagonalization.hpp"
#include "atlas/linalg/batched/eigenvalues.hpp"
#include "atlas/linalg/batched/jacobi_norms.hpp"
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Room for 32 `[k, k]` matrices.
///
/// Of a bidiagonal form B, the squares of its singular values are the eigenvalues of the
/// tridiagonal `B^T B`, which `batched_eigenvalues` gives to some 1e-16 absolutely: their roots are
/// as good as rounding where they are not small. The smallest one is the product of B's diagonal
/// divided by the product of the others, to rounding too. A matrix whose second smallest singular
/// value is below 1/100, one whose squares add up to more than 2 k or whose eigenvalues
/// are not found in a few steps, and all of more than 32 rows
/// are left to `jacobi_norms`.
template <class Real = double>
class nuclear_norms {
 public:
  static constexpr index_t lanes = 4 * lane_count;
  using numbers = eight_numbers<Real>;

  explicit nuclear_norms(index_t k)
      : k_(k),
        elements_(elements::Zero(lane_count, lanes / lane_count * k * k)),
        diagonals_(Eigen::ArrayX<Real>::Zero(lanes * k)),
        squares_(diagonals_),
        bidiagonal_(k),
        jacobi_(k) {}

  index_t size() const { return k_; }
  Real& at(index_t lane, index_t row, index_t column) {
    return first_of(lane)[(column * k_ + row) * lane_count];
  }
  /// Entries of a matrix, column after column, `lane_count` numbers apart.
  Real* first_of(index_t lane) {
    return elements_.data() + lane / lane_count * lane_count * k_ * k_ + lane % lane_count;
  }

  /// Of the first `count` lanes; their matrices stay as they are, and those after them are 0 from
  /// now on, so that what went before is in no result. O(k^3) time.
  /// \return `[32]`, which the next call overwrites
  const Real* compute(index_t count = lanes) {
    const index_t groups = padded_to_lanes(count) / lane_count;
    clear_elements(count, groups * lane_count);
    if (k_ <= most_rows) {
      for (index_t g = 0; g < groups; ++g) make_tridiagonal(g);
      clear_tridiagonal(groups);
      for (index_t first = 0; first < count; first += solver::lanes) solve(first);
      for (index_t g = 0; g < groups; ++g) add_roots(g);
    }
    for (index_t g = 0; g < groups; ++g)
      turn_left_over(g, (std::min)(lane_count, count - g * lane_count));
    return sums_;
  }

 private:
  using elements = Eigen::Matrix<Real, lane_count, Eigen::Dynamic>;
  using solver = batched_eigenvalues<Real>;
  static constexpr index_t most_rows = 32;  ///< products of as many numbers do not underflow
  static_assert(lanes % solver::lanes == 0, "whole groups of the solver");

  void clear_elements(index_t from, index_t to) {
    for (index_t lane = from; lane < to; ++lane)
      for (index_t i = 0; i < k_ * k_; ++i) first_of(lane)[i * lane_count] = Real(0);
  }

  /// Groups from one on which share a call of the solver with those before them.
  void clear_tridiagonal(index_t from) {
    const numbers zero(Real(0));
    for (index_t g = from; g * lane_count % solver::lanes != 0; ++g)
      for (index_t i = 0; i < k_; ++i)
        for (auto* x : {&diagonals_, &squares_}) zero.store(x->data() + place(g, i));
  }

  auto group(index_t g) const { return elements_.middleCols(g * k_ * k_, k_ * k_); }

  /// Where row i of a group's tridiagonal matrices goes.
  index_t place(index_t g, index_t i) const {
    const index_t first = g * lane_count, chunk = first / solver::lanes;
    return (chunk * k_ + i) * solver::lanes + first % solver::lanes;
  }

  /// `B^T B` of a group, and the product of B's diagonal; 0 for matrices that are left over.
  void make_tridiagonal(index_t g) {
    const numbers zero(Real(0)), most(Real(2) * static_cast<Real>(k_));
    scratch_ = group(g);
    numbers trace = zero, product(Real(1)), last = zero;
    bidiagonal_.squares(scratch_.data(), [&](index_t i, const numbers& q, const numbers& e) {
      trace = trace + (q + e);
      product = product * q;
      (q + last).store(diagonals_.data() + place(g, i));
      (q * e).store(squares_.data() + place(g, i));
      last = e;
    });
    for (index_t i = 0; i < k_; ++i)
      for (auto* x : {&diagonals_, &squares_}) {
        Real* const entry = x->data() + place(g, i);
        numbers::where_above(most, trace, numbers(entry), zero).store(entry);
      }
    numbers::square_root(product).store(determinants_ + g * lane_count);
  }

  /// Eigenvalues of the matrices from one on; 0 where several of them are so small that rounding
  /// hides them.
  void solve(index_t first) {
    constexpr Real least = Real(4e-32);  // entries of 2e-16
    constexpr int enough = 20;
    Real* const diagonal = diagonals_.data() + first * k_;
    if (!solver::try_solve(diagonal, squares_.data() + first * k_, k_, least, enough))
      std::fill_n(diagonal, solver::lanes * k_, Real(0));
  }

  /// Sums of a group; of two values the larger one is not the smallest of all.
  void add_roots(index_t g) {
    const numbers zero(Real(0));
    numbers smallest(diagonals_.data() + place(g, 0)), second((std::numeric_limits<Real>::max)());
    numbers roots = zero, product(Real(1));
    for (index_t i = 1; i < k_; ++i) {
      const numbers value(diagonals_.data() + place(g, i));
      const numbers larger = numbers::larger(value, smallest);
      smallest = numbers::where_above(smallest, value, value, smallest);
      second = numbers::where_above(second, larger, larger, second);
      const numbers root = numbers::square_root(numbers::larger(larger, zero));
      roots = roots + root;
      product = product * root;
    }
    second.store(seconds_ + g * lane_count);
    (roots + numbers(determinants_ + g * lane_count) / product).store(sums_ + g * lane_count);
  }

  /// Sums of those of a group's first `count` matrices that roots are not good enough for.
  void turn_left_over(index_t g, index_t count) {
    constexpr Real least = Real(1e-4);
    const Real *const second = seconds_ + g * lane_count, *const end = second + count;
    if (k_ <= most_rows && std::all_of(second, end, [](Real x) { return x >= least; })) return;
    scratch_ = group(g);
    const numbers sums = jacobi_.compute(scratch_.data());
    for (index_t l = 0; l < count; ++l)
      if (k_ > most_rows || !(second[l] >= least)) sums_[g * lane_count + l] = sums[l];
  }

  index_t k_;
  elements elements_;                        ///< `[8]` x (group, column, row)
  elements scratch_;                         ///< of a group
  Eigen::ArrayX<Real> diagonals_, squares_;  ///< of tridiagonal matrices, as their solver has them
  batched_bidiagonalization<Real> bidiagonal_;
  jacobi_norms<Real> jacobi_;
  alignas(64) Real determinants_[lanes] = {};
  alignas(64) Real seconds_[lanes] = {};  ///< second smallest squares of singular values
  alignas(64) Real sums_[lanes] = {};
};

}  // namespace atlas::inline ATLAS_ABI::detail
