// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Orthonormal frames: `[d, k]` matrices with orthonormal columns.

#include <Eigen/QR>
#include <Eigen/SVD>
#include <string>
#include <type_traits>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"

namespace atlas::inline ATLAS_ABI {

/// An orthonormal basis of the column space of a `[d, k]` matrix of full column rank, k <= d
/// (thin Householder QR, the diagonal of R made positive: for a normal matrix the frame is then
/// Haar, Mezzadri 2007).
template <class Real = double>
[[nodiscard]] Eigen::MatrixX<Real> orthonormal_columns(
    const std::type_identity_t<Eigen::MatrixX<Real>>& matrix) {
  Eigen::MatrixX<Real> scaled = matrix;  // columns, which changes no frame, to be squared
  for (Eigen::Index c = 0; c < scaled.cols(); ++c)
    scaled.col(c) *= detail::scale_to_one(scaled.col(c).cwiseAbs().maxCoeff());
  const Eigen::HouseholderQR<Eigen::MatrixX<Real>> qr(scaled);
  Eigen::MatrixX<Real> q =
      qr.householderQ() * Eigen::MatrixX<Real>::Identity(matrix.rows(), matrix.cols());
  for (Eigen::Index c = 0; c < q.cols(); ++c)
    if (qr.matrixQR()(c, c) < 0) q.col(c) *= -1;
  return q;
}

/// A `[rows, cols]` matrix of standard normal numbers.
template <class = lazy>
[[nodiscard]] Eigen::MatrixXd normal_matrix(index_t rows, index_t cols, random_stream& random) {
  Eigen::MatrixXd out(rows, cols);
  random.fill_normal(out.data(), rows * cols);
  return out;
}

/// A uniformly (Haar) random k-frame in R^d.
/// \throws value_error unless 1 <= k <= d
template <class = lazy>
[[nodiscard]] Eigen::MatrixXd random_frame(index_t d, index_t k, random_stream& random) {
  check_between(k, 1, d, "k");
  return orthonormal_columns(normal_matrix(d, k, random));
}

namespace detail {

/// How far the columns of a frame of this scalar may be from orthonormal.
template <class Scalar>
constexpr double frame_tolerance() {
  return sizeof(Scalar) == sizeof(float) ? 1e-4 : 1e-9;
}

/// The frame in double.
///
/// \throws shape_error for k > d or empty; value_error for NaN or columns
/// that are not orthonormal
template <class Scalar, class Real = double>
Eigen::MatrixX<Real> checked_frame(const tensor_view<const Scalar, 2>& frame,
                                   const std::string& argument) {
  check_not_empty(frame, argument);
  if (frame.extent(1) > frame.extent(0))
    throw shape_error(argument, "[d, k] with k <= d", shape_text(frame.extents()));
  check_finite(frame, argument);
  Eigen::MatrixX<Real> out(frame.extent(0), frame.extent(1));
  for (index_t r = 0; r < out.rows(); ++r)
    for (index_t c = 0; c < out.cols(); ++c) out(r, c) = static_cast<double>(frame(r, c));
  const Eigen::MatrixX<Real> gram = out.transpose() * out;
  const double off =
      (gram - Eigen::MatrixX<Real>::Identity(gram.rows(), gram.cols())).cwiseAbs().maxCoeff();
  if (off > frame_tolerance<Scalar>())
    throw value_error(argument, "orthonormal columns",
                      "columns whose products are off by " + number_text(off));
  return out;
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG Eigen::MatrixXd checked_frame<float, double>(const tensor_view<const float, 2>&,
                                                             const std::string&);
ATLAS_OF_LINALG Eigen::MatrixXd checked_frame<double, double>(const tensor_view<const double, 2>&,
                                                              const std::string&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_LINALG Eigen::MatrixXd orthonormal_columns<double>(const Eigen::MatrixXd&);
ATLAS_OF_LINALG Eigen::MatrixXd random_frame<void>(index_t, index_t, random_stream&);
}  // namespace atlas::inline ATLAS_ABI
#endif
