// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eigenvalues of symmetric tridiagonal matrices by the QL iteration without square roots of Pal,
/// Walker and Kahan: Parlett, The Symmetric Eigenvalue Problem, 1980, section 8.15; LAPACK's
/// dsterf.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// One QL sweep over the rows first .. last, which no zero divides, towards the eigenvalue at
/// `first`.
///
/// \param squares of the off-diagonal elements
template <class Real>
void root_free_sweep(Real* diagonal, Real* squares, index_t first, index_t last) {
  const Real root = std::sqrt(squares[first]);
  const Real turn = (diagonal[first + 1] - diagonal[first]) / (2 * root);
  const Real shift =
      diagonal[first] - root / (turn + std::copysign(std::sqrt(turn * turn + 1), turn));
  Real c = 1, s = 0, gamma = diagonal[last] - shift, p = gamma * gamma;
  for (index_t i = last - 1; i >= first; --i) {
    const Real square = squares[i], r = p + square;
    if (i + 1 != last) squares[i + 1] = s * r;
    const Real old_c = c, old_gamma = gamma, stretch = r / p;  // 1 / c, beside its division
    c = p / r;
    s = square / r;
    gamma = c * (diagonal[i] - shift) - s * old_gamma;
    diagonal[i + 1] = old_gamma + (diagonal[i] - gamma);
    p = c != 0 ? gamma * gamma * stretch : old_c * square;
  }
  squares[first] = s * p;
  diagonal[first] = shift + gamma;
}

/// Eigenvalues, descending, of a matrix whose elements are about 1 at most; accurate to rounding of
/// the largest. O(d^2) time.
/// \throws convergence_error where the iteration does not converge
template <class Real>
Eigen::VectorX<Real> tridiagonal_eigenvalues(Eigen::VectorX<Real> diagonal,
                                             const Eigen::VectorX<Real>& off_diagonal) {
  constexpr Real rounding = std::numeric_limits<Real>::epsilon() / 4;
  const index_t d = diagonal.size();
  Eigen::VectorX<Real> squares = off_diagonal.cwiseAbs2();
  if (std::abs(diagonal(0)) >
      std::abs(diagonal(d - 1))) {  // small ones are found first, at the top
    diagonal.reverseInPlace();
    squares.head(d - 1).reverseInPlace();
  }
  index_t sweeps = 30 * d;
  for (index_t first = 0; first + 1 < d;) {
    index_t last = first;
    while (last + 1 < d && squares(last) > rounding * rounding) ++last;
    if (last == first)
      ++first;
    else if (--sweeps < 0)
      throw convergence_error("matrix", "a finite symmetric matrix",
                              "one whose eigenvalues diverge");
    else
      root_free_sweep(diagonal.data(), squares.data(), first, last);
  }
  std::sort(diagonal.data(), diagonal.data() + d, [](Real a, Real b) { return a > b; });
  return diagonal;
}

}  // namespace atlas::inline ATLAS_ABI::detail
