// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Shortest paths between orthonormal bases: geodesics of SO(d).

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// A plane, spanned by columns `first` and `second`, that a rotation turns by `angle`.
struct rotation_plane {
  Eigen::Index first = 0, second = 0;
  double angle = 0;
};

/// `R = vectors * (rotations of the planes) * vectors^T`.
struct rotation_planes {
  Eigen::MatrixXd vectors;
  std::vector<rotation_plane> planes;
};

/// Appends the planes of a quasi-triangular Schur form of a rotation, whose columns begin at
/// `from`; columns that are turned by pi go to `reversed`.
template <class Real>
void planes_of_schur(const Eigen::MatrixX<Real>& t, Eigen::Index from,
                     std::vector<rotation_plane>& planes, std::vector<Eigen::Index>& reversed) {
  for (Eigen::Index i = 0; i < t.rows(); ++i) {
    if (i + 1 < t.rows() && t(i + 1, i) != 0) {
      const double angle = std::atan2(t(i + 1, i) - t(i, i + 1), t(i, i) + t(i + 1, i + 1));
      planes.push_back({from + i, from + i + 1, angle});
      ++i;
    } else if (t(i, i) < 0) {
      reversed.push_back(from + i);
    }
  }
}

/// The planes of a rotation. Its symmetric part has the cosines as eigenvalues; where some of them
/// are equal (always at least two are), a real Schur form of that block tells the planes apart.
/// \throws value_error for a determinant of -1 or NaN
template <class Real = double>
rotation_planes planes_of(const std::type_identity_t<Eigen::MatrixX<Real>>& rotation) {
  constexpr double equal = 1e-8;  // cosines; closer eigenvectors are not separate to rounding
  eigenbasis symmetric = symmetric_eigenbasis(0.5 * (rotation + rotation.transpose()));
  Eigen::MatrixX<Real> vectors = std::move(symmetric.vectors);
  rotation_planes out;
  std::vector<Eigen::Index> reversed;
  for (Eigen::Index begin = 0, end = 0; begin < rotation.rows(); begin = end) {
    end = begin + 1;
    while (end < rotation.rows() && symmetric.values(end - 1) - symmetric.values(end) < equal)
      ++end;
    auto columns = vectors.middleCols(begin, end - begin);
    const Eigen::MatrixX<Real> block = columns.transpose() * rotation * columns;
    const Eigen::RealSchur<Eigen::MatrixX<Real>> schur(block);
    if (schur.info() != eigen_success) refuse_diverging();
    columns = (columns * schur.matrixU()).eval();
    planes_of_schur(schur.matrixT(), begin, out.planes, reversed);
  }
  if (reversed.size() % 2 != 0)
    throw value_error("to", "a basis of the orientation of from", "its mirror image");
  for (std::size_t i = 0; i < reversed.size(); i += 2)
    out.planes.push_back({reversed[i], reversed[i + 1], std::numbers::pi});
  out.vectors = std::move(vectors);
  return out;
}

}  // namespace detail

/// The geodesic `P(t) = from exp(t log(from^T to))` from one orthonormal basis to another of the
/// same orientation. Exact, for any angles; where a plane is turned by pi either way round is
/// shortest, and one is taken.
class rotation_geodesic {
 public:
  /// \param from, to `[d, d]`, orthonormal columns
  /// \throws shape_error for different shapes; value_error for bases of opposite orientation
  ///
  /// O(d^3) time.
  template <class Real = double>
  rotation_geodesic(const std::type_identity_t<Eigen::MatrixX<Real>>& from,
                    const std::type_identity_t<Eigen::MatrixX<Real>>& to) {
    check_extent(from.cols(), from.rows(), "from", "as many columns as rows,");
    check_extent(to.rows(), from.rows(), "to", "as many rows as from,");
    check_extent(to.cols(), from.rows(), "to", "as many columns as from,");
    planes_ = detail::planes_of(from.transpose() * to);
    start_ = from * planes_.vectors;
  }

  /// P(t), `[d, d]`; t = 0 is `from`, t = 1 is `to`. O(d^3) time, one matrix product.
  template <class Real = double>
  [[nodiscard]] Eigen::MatrixX<Real> at(double t) const {
    const Eigen::MatrixX<Real>& start = start_;
    Eigen::MatrixX<Real> turned = start;
    for (const detail::rotation_plane& p : planes_.planes) {
      const double c = std::cos(t * p.angle), s = std::sin(t * p.angle);
      turned.col(p.first) = c * start.col(p.first) + s * start.col(p.second);
      turned.col(p.second) = c * start.col(p.second) - s * start.col(p.first);
    }
    return turned * planes_.vectors.transpose();
  }

  /// Angles in (0, pi] of the planes that are turned, descending; at most d/2.
  template <class Real = double>
  [[nodiscard]] Eigen::VectorX<Real> angles() const {
    Eigen::VectorX<Real> out(static_cast<Eigen::Index>(planes_.planes.size()));
    for (Eigen::Index i = 0; i < out.size(); ++i)
      out(i) = std::abs(planes_.planes[static_cast<std::size_t>(i)].angle);
    std::sort(out.begin(), out.end(), std::greater<>());
    return out;
  }

  /// Root mean square angle by which a direction is turned, in [0, pi].
  template <class Real = double>
  [[nodiscard]] double rms_angle() const {
    return std::sqrt(2 * angles<Real>().squaredNorm() / static_cast<double>(start_.rows()));
  }

 private:
  detail::rotation_planes planes_;
  Eigen::MatrixXd start_;  ///< `from` times the vectors of the planes
};

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG rotation_planes planes_of<double>(const Eigen::MatrixXd&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
