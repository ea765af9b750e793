// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// All eigenvalues and the first few eigenvectors of a symmetric matrix.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/linalg/batched/tridiagonal_spectra.hpp"
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

/// Whether values are in the intervals they began in, and not so close to an end that rounding
/// could hide which side an eigenvalue is on.
template <class Real>
bool well_inside(const value_intervals<Real>& intervals, const eight_numbers<Real>& values) {
  constexpr Real rounding = 256 * std::numeric_limits<Real>::epsilon();
  for (index_t l = 0; l < lane_count; ++l)
    if (!(values[l] > intervals.from[l] + rounding && values[l] < intervals.to[l] - rounding))
      return false;
  return true;
}

/// The first eigenvalues of T and their vectors by inverse iteration from the middles of intervals
/// that are halved until each holds one eigenvalue: one that is found within is the one wanted.
///
/// \return whether all were, with residuals and products of rounding
template <class Real>
bool iterate_leading_pairs(const tridiagonal_form<Real>& form, Eigen::VectorX<Real>& values,
                           Eigen::MatrixX<Real>& vectors) {
  constexpr int least_halvings = 18;  // of which a few steps of the iteration make rounding
  const index_t k = values.size();
  const value_bisection<Real> bisection(form.diagonal, form.off_diagonal);
  tridiagonal_vectors<Real> solver(form.diagonal, form.off_diagonal);
  row_matrix<Real> eight(vectors.rows(), lane_count);
  for (index_t c = 0; c < k; c += lane_count) {
    const value_intervals<Real> intervals = bisection.find(c, k, least_halvings);
    eight_numbers<Real> found = intervals.middle();
    if (!intervals.apart() || !solver.find(found, eight.data()) || !well_inside(intervals, found))
      return false;
    const index_t count = (std::min)(lane_count, k - c);
    for (index_t l = 0; l < count; ++l) values(c + l) = found[l];
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

/// The first k eigenvalues and eigenvectors, without signs, of the matrix of a tridiagonal form;
/// nothing where eigenvalues are so close that vectors of T are not as good as those of the whole
/// basis.
template <class Real>
std::optional<eigenbasis> leading_pairs(const tridiagonal_form<Real>& form, index_t k) {
  Eigen::VectorX<Real> values(k);
  Eigen::MatrixX<Real> vectors(form.diagonal.size(), k);
  if (!iterate_leading_pairs(form, values, vectors)) {
    values = leading_tridiagonal_values(form.diagonal, form.off_diagonal, k);
    if (!leading_vectors(form, values, vectors)) return std::nullopt;
  }
  turn_back(form, vectors);
  return eigenbasis{values * std::ldexp(Real(1), form.exponent), std::move(vectors)};
}

/// Whether a few vectors of a matrix are computed from its tridiagonal form.
inline bool few_of_small(index_t rows, index_t k) {
  return rows <= small_matrix && 2 * k <= rows;
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
  if (detail::few_of_small(matrix.rows(), k)) {
    const detail::tridiagonal_form<Real> form(matrix);
    if (auto found = detail::leading_pairs(form, k)) {
      detail::fix_signs(found->vectors);
      return {detail::eigenvalues_of(form), std::move(found->vectors)};
    }
  }
  eigenbasis basis = symmetric_eigenbasis(matrix);
  basis.vectors = basis.vectors.leftCols(k).eval();
  return basis;
}

namespace detail {

/// The same with the first k values alone, `[k]`, which takes half the time.
template <class Real = double>
eigenbasis leading_eigenpairs(const std::type_identity_t<Eigen::MatrixX<Real>>& matrix, index_t k) {
  check_between(k, 1, matrix.rows(), "k");
  if (few_of_small(matrix.rows(), k))
    if (auto found = leading_pairs(tridiagonal_form<Real>(matrix), k)) {
      fix_signs(found->vectors);
      return std::move(*found);
    }
  eigenbasis basis = symmetric_eigenbasis(matrix);
  return {basis.values.head(k), basis.vectors.leftCols(k)};
}

/// The first k pairs, and what all eigenvalues are found from.
struct leading_spectrum {
  eigenbasis pairs;                 ///< as `leading_eigenpairs`; all values where `form` is empty
  tridiagonal_matrix<double> form;  ///< for `tridiagonal_spectra`
};

template <class = lazy>
leading_spectrum leading_pairs_and_form(const Eigen::MatrixXd& matrix, index_t k) {
  check_between(k, 1, matrix.rows(), "k");
  if (few_of_small(matrix.rows(), k)) {
    tridiagonal_form<double> form(matrix);
    if (auto found = leading_pairs(form, k)) {
      fix_signs(found->vectors);
      return {std::move(*found),
              {std::move(form.diagonal), std::move(form.off_diagonal), form.exponent}};
    }
  }
  eigenbasis basis = symmetric_eigenbasis(matrix);
  return {{std::move(basis.values), basis.vectors.leftCols(k)}, {}};
}

/// The vectors alone, without signs.
template <class Real = double>
Eigen::MatrixX<Real> leading_eigenvectors(const std::type_identity_t<Eigen::MatrixX<Real>>& matrix,
                                          index_t k) {
  if (few_of_small(matrix.rows(), k))
    if (auto found = leading_pairs(tridiagonal_form<Real>(matrix), k))
      return std::move(found->vectors);
  return symmetric_eigenbasis(matrix).vectors.leftCols(k);
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG Eigen::MatrixXd leading_eigenvectors<double>(const Eigen::MatrixXd&, index_t);
ATLAS_OF_LINALG eigenbasis leading_eigenpairs<double>(const Eigen::MatrixXd&, index_t);
ATLAS_OF_LINALG leading_spectrum leading_pairs_and_form<void>(const Eigen::MatrixXd&, index_t);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_LINALG eigenbasis leading_eigenbasis<double>(const Eigen::MatrixXd&, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
