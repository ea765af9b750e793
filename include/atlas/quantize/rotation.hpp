// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Orthogonal bases in which a matrix is quantized: identity, random, randomized Hadamard, or any
/// that the caller has.

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/quantize/hadamard.hpp"

namespace atlas::inline ATLAS_ABI {

/// An orthogonal `[d, d]` matrix U, kept in the form that is fastest to apply. Copies share it.
template <class Scalar>
class orthogonal_basis {
 public:
  /// The identity, of any size.
  orthogonal_basis() = default;

  /// U itself, orthonormal columns.
  template <class Matrix>
  [[nodiscard]] static orthogonal_basis dense(const Matrix& columns) {
    orthogonal_basis basis;
    basis.columns_ =
        std::make_shared<const Eigen::MatrixX<Scalar>>(columns.template cast<Scalar>());
    return basis;
  }

  /// U = diag(signs) H, H the Hadamard matrix by blocks of `hadamard_blocks(d)`.
  [[nodiscard]] static orthogonal_basis hadamard(const Eigen::VectorXd& signs) {
    orthogonal_basis basis;
    basis.signs_ = signs;
    return basis;
  }

  [[nodiscard]] bool is_identity() const { return !columns_ && signs_.size() == 0; }

  /// `w U`. O(rows d^2), or O(rows d log d) for a Hadamard basis.
  /// \throws shape_error unless w has d columns
  [[nodiscard]] row_matrix<Scalar> rotate(row_matrix<Scalar> w,
                                          const thread_options& options = {}) const;

  /// `w U^T`, which undoes `rotate`.
  [[nodiscard]] row_matrix<Scalar> restore(row_matrix<Scalar> w,
                                           const thread_options& options = {}) const;

  /// U written out, `[d, d]`.
  [[nodiscard]] row_matrix<Scalar> matrix(index_t d, const thread_options& options = {}) const;

  template <class Other>
  [[nodiscard]] orthogonal_basis<Other> cast() const {
    if (columns_) return orthogonal_basis<Other>::dense(*columns_);
    return orthogonal_basis<Other>::hadamard(signs_);
  }

 private:
  void check_columns(const row_matrix<Scalar>& w) const {
    const index_t d = columns_ ? columns_->rows() : signs_.size();
    if (!is_identity()) check_extent(w.cols(), d, "w", "as many columns as the basis,");
  }
  /// Rows by Hadamard matrices, signs before or after.
  void transform(row_matrix<Scalar>& w, int threads, bool signs_first) const;

  std::shared_ptr<const Eigen::MatrixX<Scalar>> columns_;
  Eigen::VectorXd signs_;
};

template <class Scalar>
row_matrix<Scalar> orthogonal_basis<Scalar>::rotate(row_matrix<Scalar> w,
                                                    const thread_options& options) const {
  check_columns(w);
  if (columns_) return detail::tiled_product(w, *columns_, options.threads);
  if (is_identity()) return w;
  transform(w, options.threads, true);
  return w;
}

template <class Scalar>
row_matrix<Scalar> orthogonal_basis<Scalar>::restore(row_matrix<Scalar> w,
                                                     const thread_options& options) const {
  check_columns(w);
  if (columns_) return detail::tiled_product(w, columns_->transpose(), options.threads);
  if (is_identity()) return w;
  transform(w, options.threads, false);
  return w;
}

template <class Scalar>
row_matrix<Scalar> orthogonal_basis<Scalar>::matrix(index_t d,
                                                    const thread_options& options) const {
  return rotate(row_matrix<Scalar>::Identity(d, d), options);
}

template <class Scalar>
void orthogonal_basis<Scalar>::transform(row_matrix<Scalar>& w, int threads,
                                         bool signs_first) const {
  constexpr index_t at_a_time = 16;  // rows
  const auto blocks = hadamard_blocks(w.cols());
  const Eigen::RowVectorX<Scalar> signs = signs_.transpose().template cast<Scalar>();
  parallel_for((w.rows() + at_a_time - 1) / at_a_time, threads, [&](index_t task) {
    const index_t end = (std::min)(w.rows(), (task + 1) * at_a_time);
    for (index_t r = task * at_a_time; r < end; ++r) {
      if (signs_first) w.row(r).array() *= signs.array();
      detail::fast_hadamard_blocks(w.row(r).data(), blocks);
      if (!signs_first) w.row(r).array() *= signs.array();
    }
  });
}

/// Bases of the input side of a linear layer.
enum class basis_kind {
  identity,           ///< the coordinates of the weights themselves
  random_orthogonal,  ///< Haar
  hadamard,           ///< random signs, then Hadamard matrices: as good as random, and fast
  fisher,             ///< eigenvectors of the second moments of the inputs
};

struct seeded_basis_options {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  ///< of the seed: bases of different streams are independent
};

/// A Haar random basis (`basis_kind::random_orthogonal`) or a randomized Hadamard basis.
/// \throws value_error for basis_kind::fisher, which depends on data, and for d < 1
///
/// O(d^3) time for a Haar basis.
template <class = lazy>
[[nodiscard]] orthogonal_basis<double> seeded_basis(basis_kind kind, index_t d,
                                                    const seeded_basis_options& options = {}) {
  check_between(d, 1, index_t{1} << 40, "d");
  random_stream random(options.seed, options.stream);
  switch (kind) {
    case basis_kind::identity:
      return {};
    case basis_kind::random_orthogonal:
      return orthogonal_basis<double>::dense(random_frame(d, d, random));
    case basis_kind::hadamard:
      return orthogonal_basis<double>::hadamard(random_signs(d, random));
    case basis_kind::fisher:
      break;
  }
  throw value_error("kind", "a basis that needs no data", "fisher");
}

namespace detail {

/// `U^T m U` of a symmetric matrix.
template <class Real>
Eigen::MatrixX<Real> rotated_moments(const Eigen::MatrixX<Real>& m,
                                     const orthogonal_basis<Real>& basis, int threads) {
  if (basis.is_identity()) return m;
  const row_matrix<Real> half = basis.rotate(m, {threads});
  const row_matrix<Real> whole = basis.rotate(half.transpose(), {threads});
  return 0.5 * (whole + whole.transpose());
}

/// `U^T w`.
template <class Scalar>
row_matrix<Scalar> rotate_outputs(const row_matrix<Scalar>& w, const orthogonal_basis<Scalar>& u,
                                  int threads) {
  if (u.is_identity()) return w;
  return u.rotate(w.transpose(), {threads}).transpose();
}

/// `U w`.
template <class Scalar>
row_matrix<Scalar> restore_outputs(const row_matrix<Scalar>& w, const orthogonal_basis<Scalar>& u,
                                   int threads) {
  if (u.is_identity()) return w;
  return u.restore(w.transpose(), {threads}).transpose();
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE Eigen::MatrixXd rotated_moments<double>(const Eigen::MatrixXd&,
                                                          const orthogonal_basis<double>&, int);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE row_matrix<float> orthogonal_basis<float>::rotate(row_matrix<float>,
                                                                    const thread_options&) const;
ATLAS_OF_QUANTIZE row_matrix<double> orthogonal_basis<double>::rotate(row_matrix<double>,
                                                                      const thread_options&) const;
ATLAS_OF_QUANTIZE row_matrix<float> orthogonal_basis<float>::restore(row_matrix<float>,
                                                                     const thread_options&) const;
ATLAS_OF_QUANTIZE row_matrix<double> orthogonal_basis<double>::restore(row_matrix<double>,
                                                                       const thread_options&) const;
ATLAS_OF_QUANTIZE row_matrix<float> orthogonal_basis<float>::matrix(index_t,
                                                                    const thread_options&) const;
ATLAS_OF_QUANTIZE row_matrix<double> orthogonal_basis<double>::matrix(index_t,
                                                                      const thread_options&) const;
ATLAS_OF_QUANTIZE orthogonal_basis<double> seeded_basis<void>(basis_kind, index_t,
                                                              const seeded_basis_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
