// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// All eigenvalues and the first few eigenvectors of a symmetric matrix.

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>
#include <utility>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/eight_numbers.hpp"
#include "atlas/linalg/leading_values.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/linalg/tridiagonal.hpp"
#include "atlas/linalg/tridiagonal_vectors.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Eigenvectors of T of the first k of its eigenvalues.
///
/// \return whether residuals and products of them are those of rounding
template <class Real>
bool leading_vectors(const tridiagonal_form<Real>& form, const Eigen::VectorX<Real>& values,
                     Eigen::MatrixX<Real>& vectors) {
  tridiagonal_vectors<Real> solver(form.diagonal, form.off_diagonal);
  row_matrix<Real> eight(vectors.rows(), lane_count);
  for (index_t c = 0; c < vectors.cols(); c += lane_count) {
    const index_t count = (std::min)(lane_count, vectors.cols() - c);
    eight_numbers<Real> wanted(values(c));
    for (index_t l = 1; l < count; ++l) wanted.set(l, values(c + l));
    if (!solver.find(wanted, eight.data())) return false;
    vectors.middleCols(c, count) = eight.leftCols(count);
  }
  return make_orthonormal(vectors, values);
}

/// `Q vectors`.
template <class Real>
void turn_back(const tridiagonal_form<Real>& form, Eigen::MatrixX<Real>& vectors) {
  row_matrix<Real> eight(vectors.rows(), lane_count);
  for (index_t c = 0; c < vectors.cols(); c += lane_count) {
    const index_t count = (std::min)(lane_count, vectors.cols() - c);
    eight.setZero();
    eight.leftCols(count) = vectors.middleCols(c, count);
    form.turn_back(eight.data());
    vectors.middleCols(c, count) = eight.leftCols(count);
  }
}

}  // namespace detail

/// As `symmetric_eigenbasis`, with `vectors` of the first k columns alone, `[d, k]`.
///
/// Small matrices with few columns wanted are made tridiagonal, and of the tridiagonal matrix only
/// the k vectors are computed; where eigenvalues are so close that this does not give vectors as
/// good as those of the whole basis, the whole basis is what is computed.
///
/// \throws value_error for k outside [1, d], NaN or infinities; convergence_error where the
///         iteration does not converge
template <class Real = double>
[[nodiscard]] eigenbasis leading_eigenbasis(
    const std::type_identity_t<Eigen::MatrixX<Real>>& matrix, index_t k) {
  check_between(k, 1, matrix.rows(), "k");
  if (matrix.rows() <= detail::small_matrix && 2 * k <= matrix.rows()) {
    const detail::tridiagonal_form<Real> form(matrix);
    const Eigen::VectorX<Real> values =
        detail::tridiagonal_eigenvalues(form.diagonal, form.off_diagonal);
    Eigen::MatrixX<Real> vectors(matrix.rows(), k);
    if (detail::leading_vectors(form, values, vectors)) {
      detail::turn_back(form, vectors);
      detail::fix_signs(vectors);
      return {values * std::ldexp(Real(1), form.exponent), std::move(vectors)};
    }
  }
  eigenbasis basis = symmetric_eigenbasis(matrix);
  basis.vectors = basis.vectors.leftCols(k).eval();
  return basis;
}

namespace detail {

/// The vectors of `leading_eigenbasis` alone, without its signs and without the other eigenvalues.
template <class Real = double>
Eigen::MatrixX<Real> leading_eigenvectors(const std::type_identity_t<Eigen::MatrixX<Real>>& matrix,
                                          index_t k) {
  if (matrix.rows() <= small_matrix && 2 * k <= matrix.rows()) {
    const tridiagonal_form<Real> form(matrix);
    Eigen::MatrixX<Real> vectors(matrix.rows(), k);
    if (leading_vectors(form, leading_tridiagonal_values(form.diagonal, form.off_diagonal, k),
                        vectors)) {
      turn_back(form, vectors);
      return vectors;
    }
  }
  return symmetric_eigenbasis(matrix).vectors.leftCols(k);
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG Eigen::MatrixXd leading_eigenvectors<double>(const Eigen::MatrixXd&, index_t);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_LINALG eigenbasis leading_eigenbasis<double>(const Eigen::MatrixXd&, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
