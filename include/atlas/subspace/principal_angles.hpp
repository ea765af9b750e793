// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Principal angles between two subspaces: Bjorck and Golub, "Numerical methods for computing
/// angles between linear subspaces", Math. Comp. 27, 579 (1973).

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/linalg/frame.hpp"

namespace atlas::inline ATLAS_ABI {

struct principal_angles_result {
  Eigen::VectorXd cosines;  ///< descending, in [0, 1]
  Eigen::VectorXd angles;   ///< radians, ascending, in [0, pi/2]; small ones through their sines
};

namespace detail {

/// Singular values of `a^T b`, clamped to [0, 1], descending.
template <class Real>
Eigen::VectorX<Real> principal_cosines(const Eigen::MatrixX<Real>& a,
                                       const Eigen::MatrixX<Real>& b) {
  const Eigen::MatrixX<Real> product = a.transpose() * b;
  return Eigen::JacobiSVD<Eigen::MatrixX<Real>>(product).singularValues().cwiseMin(1.0).cwiseMax(
      0.0);
}

/// The cosine form loses half of the digits of a small angle and the sine form those of a large
/// one; each is used where it is good.
template <class Real>
principal_angles_result principal_angles(const Eigen::MatrixX<Real>& a,
                                         const Eigen::MatrixX<Real>& b) {
  if (a.cols() < b.cols()) return principal_angles(b, a);
  const Eigen::MatrixX<Real> beyond = b - a * (a.transpose() * b);
  const Eigen::VectorX<Real> sines =
      Eigen::JacobiSVD<Eigen::MatrixX<Real>>(beyond).singularValues().cwiseMin(1.0).reverse();
  principal_angles_result out{principal_cosines(a, b), Eigen::VectorXd(b.cols())};
  for (Eigen::Index i = 0; i < b.cols(); ++i)
    out.angles(i) =
        out.cosines(i) * out.cosines(i) < 0.5 ? std::acos(out.cosines(i)) : std::asin(sines(i));
  return out;
}

}  // namespace detail

/// Principal cosines and angles between the spans of two frames.
///
/// \param a, b `[d, k_a]` and `[d, k_b]`, orthonormal columns
/// \return min(k_a, k_b) of each
/// \throws shape_error for different d, k > d or empty frames; value_error for NaN or columns that
///         are not orthonormal
///
/// O(d k^2) time.
template <real_tensor<2> A, real_tensor<2> B>
[[nodiscard]] principal_angles_result principal_angles(const A& a, const B& b) {
  const auto held_a = as_view<2>(a);
  const auto held_b = as_view<2>(b);
  const Eigen::MatrixXd frame_a = detail::checked_frame<scalar_of<A, 2>>(held_a, "a");
  const Eigen::MatrixXd frame_b = detail::checked_frame<scalar_of<B, 2>>(held_b, "b");
  check_extent(frame_b.rows(), frame_a.rows(), "b", "as many rows as a,");
  return detail::principal_angles(frame_a, frame_b);
}

}  // namespace atlas::inline ATLAS_ABI
