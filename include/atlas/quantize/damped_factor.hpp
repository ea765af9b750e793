// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Triangular factors of second moments that may be singular or indefinite: damped until the
/// factorization succeeds, and it is said by how much.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/quantize/quantization.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `H + damping mean(diag H) I = R R^T`, R upper triangular.
struct damped_factor {
  Eigen::MatrixXd upper;
  moment_repairs repairs;
};

/// R of `H = R R^T`: Cholesky from the last row up. Empty if H is not positive definite to
/// rounding.
template <class Real>
Eigen::MatrixX<Real> upper_factor(const Eigen::MatrixX<Real>& h) {
  constexpr double rounding = 1e-14;  // of what a row has before the others are taken out of it
  const Eigen::LLT<Eigen::MatrixX<Real>> cholesky(h.reverse().eval());
  if (cholesky.info() != eigen_success) return {};
  const Eigen::MatrixX<Real> lower = cholesky.matrixL();
  const Eigen::VectorX<Real> left =
      lower.diagonal().cwiseAbs2().cwiseQuotient(h.diagonal().reverse());
  if (!(left.minCoeff() > rounding)) return {};
  return lower.reverse();
}

/// Inputs that are always 0 would make H singular: they get the mean of the diagonal and, being
/// uncorrelated with the others, no feedback.
template <class Real>
index_t revive_dead_columns(Eigen::MatrixX<Real>& h) {
  const double mean = h.diagonal().mean();
  index_t dead = 0;
  for (index_t i = 0; i < h.rows(); ++i) {
    if (h(i, i) > 0) continue;
    h.row(i).setZero();
    h.col(i).setZero();
    h(i, i) = mean;
    ++dead;
  }
  return dead;
}

/// \param damping of the first attempt, as a share of the mean of the diagonal; ten times as much
///        in each that follows (from 1e-8 where it was 0)
/// \throws value_error if damping is negative or NaN, or no damping helps
template <class Real = double>
damped_factor factor_damped(std::type_identity_t<Eigen::MatrixX<Real>> h, double damping) {
  if (!(damping >= 0 && std::isfinite(damping)))
    throw value_error("damping", "a number of 0 or more", number_text(damping));
  constexpr int most = 40;
  damped_factor out;
  out.repairs.dead_columns = revive_dead_columns(h);
  const Eigen::VectorX<Real> diagonal = h.diagonal();
  for (int attempt = 1; attempt <= most; ++attempt) {
    h.diagonal() = diagonal.array() + damping * diagonal.mean();
    out.upper = upper_factor(h);
    out.repairs.damping = damping;
    out.repairs.damping_attempts = attempt;
    if (out.upper.size() > 0) return out;
    damping = (std::max)(1e-8, 10 * damping);
  }
  throw value_error("second_moments", "a matrix that damping makes positive definite",
                    "one that is not at a damping of " + number_text(damping));
}

/// `R^-1`, upper triangular; blocks of columns in parallel. O(d^3 / 3).
template <class Real>
Eigen::MatrixX<Real> upper_inverse(const Eigen::MatrixX<Real>& r, int threads) {
  constexpr index_t tile = 64;
  const index_t d = r.rows();
  Eigen::MatrixX<Real> inverse = Eigen::MatrixX<Real>::Zero(d, d);
  parallel_for((d + tile - 1) / tile, threads, [&](index_t t) {
    const index_t width = (std::min)(tile, d - t * tile), height = t * tile + width;
    auto columns = inverse.block(0, t * tile, height, width);
    columns.bottomRows(width).setIdentity();
    r.topLeftCorner(height, height).template triangularView<Eigen::Upper>().solveInPlace(columns);
  });
  return inverse;
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE damped_factor factor_damped<double>(Eigen::MatrixXd, double);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
