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
#include "atlas/linalg/lanes.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// How many eigenvalues are below each of eight numbers.
///
/// \param squares of the off-diagonal, not 0:
/// a pivot of 0 then has the next one at minus infinity, which counts once for both
template <class Real>
lanes_of<Real> values_below(const Eigen::VectorX<Real>& diagonal,
                            const Eigen::VectorX<Real>& squares, const lanes_of<Real>& x) {
  const index_t d = diagonal.size();
  lanes_of<Real> pivot = diagonal(0) - x, halves = lanes_of<Real>::Zero();
  for (index_t i = 0;; ++i) {
    for (index_t l = 0; l < lane_count; ++l) halves(l) += std::copysign(Real(0.5), pivot(l));
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
    lanes_of<Real> from = lanes_of<Real>::Constant(low), to = lanes_of<Real>::Constant(high);
    lanes_of<Real> most_below;  // where the value wanted is above
    for (index_t l = 0; l < lane_count; ++l)
      most_below(l) = static_cast<Real>(d - 1 - (std::min)(first + l, k - 1));
    for (int step = 0; step < halvings; ++step) {
      const lanes_of<Real> middle = Real(0.5) * (from + to);
      const lanes_of<Real> below = values_below(diagonal, squares, middle);
      for (index_t l = 0; l < lane_count; ++l)
        (below(l) <= most_below(l) ? from : to)(l) = middle(l);
    }
    const index_t count = (std::min)(lane_count, k - first);
    for (index_t l = 0; l < count; ++l) out(first + l) = Real(0.5) * (from(l) + to(l));
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
