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

/// The first k, descending, to rounding of the largest; the k-th again in what is left of the last
/// eight. O(k d) time.
/// \param diagonal, off_diagonal `[d]`, elements about 1 at most
template <class Real>
Eigen::VectorX<Real> leading_tridiagonal_values(const Eigen::VectorX<Real>& diagonal,
                                                const Eigen::VectorX<Real>& off_diagonal,
                                                index_t k) {
  constexpr int halvings = std::numeric_limits<Real>::digits + 2;
  const index_t d = diagonal.size();
  const Eigen::VectorX<Real> squares = off_diagonal.cwiseAbs2().array() + Real(1e-290);
  Real low = diagonal(0), high = low;  // Gershgorin's discs
  for (index_t i = 0; i < d; ++i) {
    const Real reach = (i > 0 ? std::abs(off_diagonal(i - 1)) : Real(0)) +
                       (i + 1 < d ? std::abs(off_diagonal(i)) : Real(0));
    low = (std::min)(low, diagonal(i) - reach);
    high = (std::max)(high, diagonal(i) + reach);
  }
  Eigen::VectorX<Real> out(k);
  for (index_t first = 0; first < k; first += lane_count) {
    eight_numbers<Real> from(low), to(high);
    eight_numbers<Real> most_below;  // where the value wanted is above
    for (index_t l = 0; l < lane_count; ++l)
      most_below.set(l, static_cast<Real>(d - 1 - (std::min)(first + l, k - 1)));
    for (int step = 0; step < halvings; ++step) {
      const eight_numbers<Real> middle = Real(0.5) * (from + to);
      const eight_numbers<Real> below = values_below(diagonal, squares, middle);
      from = eight_numbers<Real>::where_above(below, most_below, from, middle);
      to = eight_numbers<Real>::where_above(below, most_below, middle, to);
    }
    const index_t count = (std::min)(lane_count, k - first);
    for (index_t l = 0; l < count; ++l) out(first + l) = Real(0.5) * (from[l] + to[l]);
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
