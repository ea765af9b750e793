// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The largest few eigenvalues of a symmetric tridiagonal matrix by bisection, eight at a time: the
/// number of negative pivots of `T - x` is that of eigenvalues below x (Givens 1954; Parlett, The
/// Symmetric Eigenvalue Problem, 1980, section 3.3).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// How many eigenvalues are below each of eight numbers.
///
/// \param squares of the off-diagonal, not 0:
/// a pivot of 0 then has the next one at minus infinity, which counts once for both
template <class Real>
eight_numbers<Real> values_below(const Eigen::VectorX<Real>& diagonal,
                                 const Eigen::VectorX<Real>& squares,
                                 const eight_numbers<Real>& x) {
  using eight = eight_numbers<Real>;
  const index_t d = diagonal.size();
  const eight half(Real(0.5));
  eight pivot = diagonal(0) - x, halves(Real(0));
  for (index_t i = 0;; ++i) {
    halves = halves + eight::with_sign_of(pivot, half);
    if (i + 1 == d) return Real(0.5) * static_cast<Real>(d) - halves;
    pivot = (diagonal(i + 1) - x) - squares(i) / pivot;
  }
}

/// Intervals that hold an eigenvalue each, and how many eigenvalues are below their ends.
template <class Real>
struct value_intervals {
  eight_numbers<Real> from, to, below_from, below_to;

  eight_numbers<Real> middle() const { return Real(0.5) * (from + to); }
  /// Whether none holds another eigenvalue.
  bool apart() const {
    return !eight_numbers<Real>::any_above(below_to - below_from, eight_numbers<Real>(Real(1.5)));
  }
};

/// Halves intervals that hold the largest few eigenvalues.
template <class Real>
class value_bisection {
 public:
  using eight = eight_numbers<Real>;

  /// \param diagonal, off_diagonal `[d]`, elements about 1 at most
  value_bisection(const Eigen::VectorX<Real>& diagonal, const Eigen::VectorX<Real>& off_diagonal)
      : diagonal_(diagonal), squares_(off_diagonal.cwiseAbs2().array() + Real(1e-290)) {
    const index_t d = diagonal.size();
    low_ = high_ = diagonal(0);  // Gershgorin's discs
    for (index_t i = 0; i < d; ++i) {
      const Real reach = (i > 0 ? std::abs(off_diagonal(i - 1)) : Real(0)) +
                         (i + 1 < d ? std::abs(off_diagonal(i)) : Real(0));
      low_ = (std::min)(low_, diagonal(i) - reach);
      high_ = (std::max)(high_, diagonal(i) + reach);
    }
    const Real margin = Real(1e-3) * (high_ - low_);  // so that ends are no eigenvalues
    low_ -= margin;
    high_ += margin;
  }

  /// Of the eigenvalues first, first + 1, ... of the first k, descending; the k-th again in what is
  /// left of the eight.
  /// \param least halvings after which it stops as soon as they are `apart`
  value_intervals<Real> find(index_t first, index_t k, int least) const {
    constexpr int halvings = std::numeric_limits<Real>::digits + 2;
    const index_t d = diagonal_.size();
    value_intervals<Real> x{eight(low_), eight(high_), eight(Real(0)), eight(static_cast<Real>(d))};
    eight most_below(Real(0));  // where the value wanted is above
    for (index_t l = 0; l < lane_count; ++l)
      most_below.set(l, static_cast<Real>(d - 1 - (std::min)(first + l, k - 1)));
    for (int step = 0; step < halvings && (step < least || !x.apart()); ++step) {
      const eight middle = x.middle(), below = values_below(diagonal_, squares_, middle);
      x.from = eight::where_above(below, most_below, x.from, middle);
      x.to = eight::where_above(below, most_below, middle, x.to);
      x.below_from = eight::where_above(below, most_below, x.below_from, below);
      x.below_to = eight::where_above(below, most_below, below, x.below_to);
    }
    return x;
  }

 private:
  const Eigen::VectorX<Real>& diagonal_;
  Eigen::VectorX<Real> squares_;
  Real low_ = 0, high_ = 0;
};

/// The first k, descending, to rounding of the largest. O(k d) time.
/// \param diagonal, off_diagonal `[d]`, elements about 1 at most
template <class Real>
Eigen::VectorX<Real> leading_tridiagonal_values(const Eigen::VectorX<Real>& diagonal,
                                                const Eigen::VectorX<Real>& off_diagonal,
                                                index_t k) {
  const value_bisection<Real> bisection(diagonal, off_diagonal);
  Eigen::VectorX<Real> out(k);
  for (index_t first = 0; first < k; first += lane_count) {
    const eight_numbers<Real> middle =
        bisection.find(first, k, (std::numeric_limits<int>::max)()).middle();
    const index_t count = (std::min)(lane_count, k - first);
    for (index_t l = 0; l < count; ++l) out(first + l) = middle[l];
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
