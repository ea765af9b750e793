// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// All eigenvalues of several symmetric tridiagonal matrices of one size. One matrix alone waits
/// for a division after the other; as many as `batched_eigenvalues` takes wait together.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/batched/eigenvalues.hpp"
#include "atlas/linalg/tridiagonal_values.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `2^exponent T`, the elements of T about 1 at most.
template <class Real>
struct tridiagonal_matrix {
  Eigen::VectorX<Real> diagonal;      ///< `[d]`
  Eigen::VectorX<Real> off_diagonal;  ///< `[d]`, the last one 0
  int exponent = 0;
};

/// How many matrices are solved together.
template <class Real>
inline constexpr index_t spectra_together = batched_eigenvalues<Real>::lanes;

/// Eigenvalues, descending, to rounding of the largest of each matrix. O(d^2) time a matrix.
/// \param matrices of one size, at most `spectra_together`
/// \param values   of each, `[d]`
/// \throws convergence_error where an iteration does not converge
template <class Real>
void tridiagonal_spectra(std::span<const tridiagonal_matrix<Real>* const> matrices,
                         std::span<Eigen::VectorX<Real>* const> values) {
  using solver = batched_eigenvalues<Real>;
  constexpr Real least = Real(4e-32);  // squares of entries of 2e-16
  constexpr int enough = 30;
  const index_t d = matrices.front()->diagonal.size();
  using columns = Eigen::Matrix<Real, solver::lanes, Eigen::Dynamic>;
  columns diagonals = columns::Zero(solver::lanes, d), squares = diagonals;
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    const auto& [diagonal, beside, exponent] = *matrices[m];
    const Real most = diagonal.cwiseAbs().maxCoeff() + 2 * beside.cwiseAbs().maxCoeff();
    const Real scale = scale_to_one(most);
    diagonals.row(static_cast<index_t>(m)) = scale * diagonal;
    squares.row(static_cast<index_t>(m)) = (scale * beside).cwiseAbs2();
    *values[m] = Eigen::VectorX<Real>::Constant(d, std::ldexp(1 / scale, exponent));
  }
  const bool found = solver::try_solve(diagonals.data(), squares.data(), d, least, enough);
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    Eigen::VectorX<Real>& out = *values[m];
    if (!found) {
      out = tridiagonal_eigenvalues(matrices[m]->diagonal, matrices[m]->off_diagonal) *
            std::ldexp(Real(1), matrices[m]->exponent);
      continue;
    }
    out.array() *= diagonals.row(static_cast<index_t>(m)).transpose().array();
    std::sort(out.data(), out.data() + d, std::greater<>());
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG void tridiagonal_spectra<double>(std::span<const tridiagonal_matrix<double>* const>,
                                                 std::span<Eigen::VectorXd* const>);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
