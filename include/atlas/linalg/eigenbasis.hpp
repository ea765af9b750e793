#pragma once
/// \file
/// Eigenbases of symmetric matrices, largest eigenvalue first.

#include <Eigen/Eigenvalues>

#include "atlas/core/errors.hpp"

namespace atlas {

/// `A = vectors * diag(values) * vectors^T`, values descending.
struct eigenbasis {
  Eigen::VectorXd values;   ///< `[d]`
  Eigen::MatrixXd vectors;  ///< `[d, d]`, orthonormal columns; each column's entry of largest
                            ///< magnitude is positive
};

namespace detail {

/// Signs are arbitrary in an eigenbasis; one convention makes results comparable.
inline void fix_signs(Eigen::MatrixXd& vectors) {
  for (Eigen::Index c = 0; c < vectors.cols(); ++c) {
    Eigen::Index at = 0;
    vectors.col(c).cwiseAbs().maxCoeff(&at);
    if (vectors(at, c) < 0) vectors.col(c) = -vectors.col(c);
  }
}

inline void check_converged(Eigen::ComputationInfo info) {
  if (info != Eigen::Success)
    throw value_error("matrix", "a finite symmetric matrix", "one whose eigenvalues diverge");
}

}  // namespace detail

/// Eigenvalues and eigenvectors of a symmetric `[d, d]` matrix (its lower triangle). O(d^3).
inline eigenbasis symmetric_eigenbasis(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  detail::check_converged(solver.info());
  eigenbasis basis{solver.eigenvalues().reverse(), solver.eigenvectors().rowwise().reverse()};
  detail::fix_signs(basis.vectors);
  return basis;
}

/// Eigenvalues alone, descending.
inline Eigen::VectorXd symmetric_eigenvalues(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix, Eigen::EigenvaluesOnly);
  detail::check_converged(solver.info());
  return solver.eigenvalues().reverse();
}

}  // namespace atlas
