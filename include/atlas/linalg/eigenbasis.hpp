// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eigenbases of symmetric matrices, largest eigenvalue first: by Eigen, or by LAPACK's divide and
/// conquer where ATLAS_USE_LAPACK is defined (atlas::blas, where LAPACK was found).

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/linalg/tridiagonal.hpp"
#include "atlas/linalg/tridiagonal_values.hpp"

#if defined(ATLAS_USE_LAPACK) && !defined(EIGEN_USE_LAPACKE)  // Eigen's has no const then
extern "C" {
void dsyevd_(const char* job, const char* triangle, const int* n, double* matrix,
             const int* leading, double* values, double* work, const int* work_size, int* int_work,
             const int* int_work_size, int* info);
void ssyevd_(const char* job, const char* triangle, const int* n, float* matrix, const int* leading,
             float* values, float* work, const int* work_size, int* int_work,
             const int* int_work_size, int* info);
}
#endif

namespace atlas::inline ATLAS_ABI {

/// `A = vectors * diag(values) * vectors^T`, values descending.
template <class Real>
struct basic_eigenbasis {
  Eigen::VectorX<Real> values;   ///< `[d]`
  Eigen::MatrixX<Real> vectors;  ///< `[d, d]`, orthonormal columns; each column's entry of largest
                                 ///< magnitude is positive
};

using eigenbasis = basic_eigenbasis<double>;

namespace detail {

/// Signs are arbitrary in an eigenbasis; one convention makes results comparable.
template <class Real>
void fix_signs(Eigen::MatrixX<Real>& vectors) {
  for (Eigen::Index c = 0; c < vectors.cols(); ++c) {
    Eigen::Index at = 0;
    vectors.col(c).cwiseAbs().maxCoeff(&at);
    if (vectors(at, c) < 0) vectors.col(c) = -vectors.col(c);
  }
}

[[noreturn]] inline void refuse_diverging() {
  throw convergence_error("matrix", "a finite symmetric matrix", "one whose eigenvalues diverge");
}

/// \throws value_error for NaN or infinities in the lower triangle
template <class Real>
void check_finite_triangle(const Eigen::MatrixX<Real>& matrix) {
  for (Eigen::Index c = 0; c < matrix.cols(); ++c)
    if (!matrix.col(c).tail(matrix.rows() - c).allFinite())
      throw value_error("matrix", "a finite symmetric matrix", "one that is not");
}

#ifdef ATLAS_USE_LAPACK

inline constexpr auto divide_and_conquer(double) {
  return &dsyevd_;
}
inline constexpr auto divide_and_conquer(float) {
  return &ssyevd_;
}

/// Ascending; `matrix` becomes the eigenvectors where they are wanted.
template <class Real>
Eigen::VectorX<Real> solve_symmetric(Eigen::MatrixX<Real>& matrix, bool vectors) {
  int n = static_cast<int>(matrix.rows());
  Eigen::VectorX<Real> values(n);
  if (n == 0) return values;
  check_finite_triangle(matrix);
  char job = vectors ? 'V' : 'N', triangle = 'L';
  const auto call = [&](std::vector<Real>& work, int size, std::vector<int>& whole, int count) {
    int info = 0;
    divide_and_conquer(Real())(&job, &triangle, &n, matrix.data(), &n, values.data(), work.data(),
                               &size, whole.data(), &count, &info);
    if (info != 0) refuse_diverging();
  };
  std::vector<Real> work(1);
  std::vector<int> whole(1);
  call(work, -1, whole, -1);  // asks for the sizes
  // The least that is asked for, which a float may have rounded down.
  const auto rows = static_cast<std::size_t>(n);
  const std::size_t least = vectors ? 1 + 6 * rows + 2 * rows * rows : 1 + 2 * rows;
  work.resize((std::max)(least, static_cast<std::size_t>(work[0])));
  whole.resize(static_cast<std::size_t>(whole[0]));
  call(work, static_cast<int>(work.size()), whole, static_cast<int>(whole.size()));
  return values;
}

#else

template <class Real>
Eigen::VectorX<Real> solve_symmetric(Eigen::MatrixX<Real>& matrix, bool vectors) {
  check_finite_triangle(matrix);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixX<Real>> solver(
      matrix, vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
  if (solver.info() != eigen_success) refuse_diverging();
  if (vectors) matrix = solver.eigenvectors();
  return solver.eigenvalues();
}

#endif

}  // namespace detail

/// Eigenvalues and eigenvectors of a symmetric `[d, d]` matrix (its lower triangle). O(d^3).
///
/// `symmetric_eigenbasis<float>(a)` of a `MatrixXf` computes in float, in half of the memory and
/// about half of the time: values to some 1e-6 of the largest, products of two vectors to 1e-6,
/// and each vector to some 1e-6 of the largest value divided by the distance of its value to the
/// next one. Directions whose values are below 1e-6 of the largest are then those of rounding.
/// \throws value_error for NaN or infinities, convergence_error where the iteration does not
/// converge
template <class Real = double>
[[nodiscard]] basic_eigenbasis<Real> symmetric_eigenbasis(
    std::type_identity_t<Eigen::MatrixX<Real>> matrix) {
  const Eigen::VectorX<Real> values = detail::solve_symmetric(matrix, true);
  basic_eigenbasis<Real> basis{values.reverse(), matrix.rowwise().reverse()};
  detail::fix_signs(basis.vectors);
  return basis;
}

namespace detail {

/// Rows up to which matrices fit into a cache and `tridiagonal_form` is faster than Eigen's solver
/// (docs/performance/vectors.md).
inline constexpr Eigen::Index small_matrix = 256;

/// `value 2^exponent`, descending.
template <class Real>
Eigen::VectorX<Real> eigenvalues_of(const tridiagonal_form<Real>& form) {
  return tridiagonal_eigenvalues(form.diagonal, form.off_diagonal) *
         std::ldexp(Real(1), form.exponent);
}

}  // namespace detail

/// Eigenvalues alone, descending.
/// \throws as `symmetric_eigenbasis`
template <class Real = double>
[[nodiscard]] Eigen::VectorX<Real> symmetric_eigenvalues(
    std::type_identity_t<Eigen::MatrixX<Real>> matrix) {
  if (matrix.rows() > 0 && matrix.rows() <= detail::small_matrix)
    return detail::eigenvalues_of(detail::tridiagonal_form<Real>(matrix));
  return detail::solve_symmetric(matrix, false).reverse();
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG Eigen::VectorXd solve_symmetric<double>(Eigen::MatrixXd&, bool);
ATLAS_OF_LINALG Eigen::VectorXf solve_symmetric<float>(Eigen::MatrixXf&, bool);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_LINALG eigenbasis symmetric_eigenbasis<double>(Eigen::MatrixXd);
ATLAS_OF_LINALG basic_eigenbasis<float> symmetric_eigenbasis<float>(Eigen::MatrixXf);
ATLAS_OF_LINALG Eigen::VectorXd symmetric_eigenvalues<double>(Eigen::MatrixXd);
}  // namespace atlas::inline ATLAS_ABI
#endif
