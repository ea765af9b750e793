// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Paths from one eigenbasis to another.

#include <Eigen/Core>
#include <Eigen/LU>
#include <cmath>

#include "atlas/core/compiled.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/rotation_geodesic.hpp"

namespace atlas::inline ATLAS_ABI {

enum class basis_path {
  geodesic,  ///< the shortest path on SO(d), at constant speed
  blend,     ///< `(1 - t) P_A + t P_W`, orthonormalised (QR)
};

namespace detail {

/// The second basis with signs that bring it closest to the first, at the same orientation: signs
/// of eigenvectors are arbitrary.
template <class Real>
Eigen::MatrixX<Real> aligned_basis(const Eigen::MatrixX<Real>& first, Eigen::MatrixX<Real> second) {
  Eigen::VectorX<Real> cosines = first.cwiseProduct(second).colwise().sum().transpose();
  for (index_t c = 0; c < cosines.size(); ++c)
    if (cosines(c) < 0) second.col(c) *= -1;
  if ((first.transpose() * second).determinant() < 0) {
    index_t least = 0;
    cosines.cwiseAbs().minCoeff(&least);
    second.col(least) *= -1;
  }
  return second;
}

/// The bases of a path and the angles from its start.
template <class Real = double>
class basis_walk {
 public:
  basis_walk(const Eigen::MatrixX<Real>& from, const Eigen::MatrixX<Real>& to, basis_path path)
      : from_(from), to_(aligned_basis(from, to)), geodesic_(from_, to_), path_(path) {}

  Eigen::MatrixX<Real> at(double t) const;

  /// From the eigenvalues of the symmetric part, which are the cosines.
  double angle(const Eigen::MatrixX<Real>& basis, double t) const;

 private:
  Eigen::MatrixX<Real> from_, to_;
  rotation_geodesic geodesic_;
  basis_path path_;
};

template <class Real>
Eigen::MatrixX<Real> basis_walk<Real>::at(double t) const {
  if (path_ == basis_path::geodesic) return geodesic_.template at<Real>(t);
  return orthonormal_columns((1 - t) * from_ + t * to_);
}

template <class Real>
double basis_walk<Real>::angle(const Eigen::MatrixX<Real>& basis, double t) const {
  if (path_ == basis_path::geodesic) return t * geodesic_.template rms_angle<Real>();
  const Eigen::MatrixX<Real> r = from_.transpose() * basis;
  const Eigen::ArrayX<Real> cosines = symmetric_eigenvalues(0.5 * (r + r.transpose())).array();
  return std::sqrt(((cosines.max)(-1.0).min)(1.0).acos().square().mean());
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE Eigen::MatrixXd aligned_basis<double>(const Eigen::MatrixXd&, Eigen::MatrixXd);
ATLAS_OF_QUANTIZE Eigen::MatrixXd basis_walk<double>::at(double) const;
ATLAS_OF_QUANTIZE double basis_walk<double>::angle(const Eigen::MatrixXd&, double) const;
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
