#pragma once
/// \file
/// Paths from one eigenbasis to another.

#include <Eigen/Core>
#include <Eigen/LU>
#include <cmath>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/rotation_geodesic.hpp"

namespace atlas {

enum class basis_path {
  geodesic,  ///< the shortest path on SO(d), at constant speed
  blend,     ///< `(1 - t) P_A + t P_W`, orthonormalised (QR)
};

namespace detail {

/// The second basis with signs that bring it closest to the first, at the same orientation: signs
/// of eigenvectors are arbitrary.
template <class = void>
Eigen::MatrixXd aligned_basis(const Eigen::MatrixXd& first, Eigen::MatrixXd second) {
  Eigen::VectorXd cosines = first.cwiseProduct(second).colwise().sum().transpose();
  for (index c = 0; c < cosines.size(); ++c)
    if (cosines(c) < 0) second.col(c) *= -1;
  if ((first.transpose() * second).determinant() < 0) {
    index least = 0;
    cosines.cwiseAbs().minCoeff(&least);
    second.col(least) *= -1;
  }
  return second;
}

/// The bases of a path and the angles from its start.
class basis_walk {
 public:
  template <class = void>
  basis_walk(const Eigen::MatrixXd& from, const Eigen::MatrixXd& to, basis_path path)
      : from_(from), to_(aligned_basis(from, to)), geodesic_(from_, to_), path_(path) {}

  template <class = void>
  Eigen::MatrixXd at(double t) const {
    if (path_ == basis_path::geodesic) return geodesic_.at(t);
    return orthonormal_columns((1 - t) * from_ + t * to_);
  }

  /// From the eigenvalues of the symmetric part, which are the cosines.
  template <class = void>
  double angle(const Eigen::MatrixXd& basis, double t) const {
    if (path_ == basis_path::geodesic) return t * geodesic_.rms_angle();
    const Eigen::MatrixXd r = from_.transpose() * basis;
    const Eigen::ArrayXd cosines = symmetric_eigenvalues(0.5 * (r + r.transpose())).array();
    return std::sqrt(cosines.max(-1.0).min(1.0).acos().square().mean());
  }

 private:
  Eigen::MatrixXd from_, to_;
  rotation_geodesic geodesic_;
  basis_path path_;
};

}  // namespace detail
}  // namespace atlas
