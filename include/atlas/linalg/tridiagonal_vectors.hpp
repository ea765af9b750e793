// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A few eigenvectors of a symmetric tridiagonal matrix whose eigenvalues are known, eight at a
/// time, by twisted factorizations: Parlett and Dhillon, "Fernando's solution to Wilkinson's
/// problem", Linear Algebra Appl. 267, 247 (1997).

#include <Eigen/Core>
#include <cmath>
#include <limits>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/lanes.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Eigenvectors of up to eight eigenvalues. They are orthogonal to rounding where the eigenvalues
/// are apart; where they are not, or a vector is not good, `find` says so.
template <class Real = double>
class tridiagonal_vectors {
 public:
  using lanes = lanes_of<Real>;

  /// \param diagonal, off_diagonal `[d]`, elements about 1 at most
  tridiagonal_vectors(const Eigen::VectorX<Real>& diagonal,
                      const Eigen::VectorX<Real>& off_diagonal)
      : d_(diagonal.size()),
        diagonal_(diagonal),
        off_diagonal_(off_diagonal),
        above_(lane_count, d_),
        below_(lane_count, d_),
        twist_(lane_count, d_) {}

  /// One column a value; two steps of inverse iteration, the second at the Rayleigh quotient.
  /// \param vectors `[d, 8]`, row-major, of length 1
  /// \return whether all residuals are those of rounding
  bool find(lanes values, Real* vectors) {
    constexpr Real rounding = 64 * std::numeric_limits<Real>::epsilon();
    lanes residual;
    for (int step = 0; step < 2; ++step) {
      factor(values);
      for (index_t l = 0; l < lane_count; ++l) {
        const auto [pivot, square] = solve(l, vectors + l);
        values(l) += pivot / square;
        residual(l) = std::abs(pivot) / std::sqrt(square);
        const Real scale = 1 / std::sqrt(square);
        for (index_t i = 0; i < d_; ++i) vectors[i * lane_count + l] *= scale;
      }
    }
    return (residual <= rounding).all();
  }

 private:
  /// `T - value` as lower times upper from above, as upper times lower from below, and the pivot
  /// where the two would meet.
  void factor(const lanes& values) {
    lanes pivot = diagonal_(0) - values;
    for (index_t i = 0; i < d_; ++i) {
      if (i > 0)
        pivot = (diagonal_(i) - values) - off_diagonal_(i - 1) * off_diagonal_(i - 1) / pivot;
      keep_from_zero(pivot);
      lanes_at(above_.data() + i * lane_count) = pivot;
    }
    for (index_t i = d_ - 1; i >= 0; --i) {
      const lanes left = diagonal_(i) - values;
      pivot = i + 1 < d_ ? (left - off_diagonal_(i) * off_diagonal_(i) / pivot).eval() : left;
      keep_from_zero(pivot);
      lanes_at(below_.data() + i * lane_count) = pivot;
      lanes_at(twist_.data() + i * lane_count) =
          lanes_at(above_.data() + i * lane_count) + pivot - left;
    }
  }

  static void keep_from_zero(lanes& pivot) {
    constexpr Real least = Real(1e-32);
    for (index_t l = 0; l < lane_count; ++l)
      pivot(l) = std::abs(pivot(l)) < least ? least : pivot(l);
  }

  struct solution {
    Real pivot, square;
  };

  /// The vector of a lane, 1 at the twist.
  ///
  /// \return the pivot there, and its squared length
  solution solve(index_t lane, Real* z) const {
    index_t twist = 0;
    twist_.row(lane).cwiseAbs().minCoeff(&twist);
    z[twist * lane_count] = 1;
    Real square = 1;
    for (index_t i = twist; i-- > 0;) {
      const Real x = -off_diagonal_(i) / above_(lane, i) * z[(i + 1) * lane_count];
      z[i * lane_count] = x;
      square += x * x;
    }
    for (index_t i = twist + 1; i < d_; ++i) {
      const Real x = -off_diagonal_(i - 1) / below_(lane, i) * z[(i - 1) * lane_count];
      z[i * lane_count] = x;
      square += x * x;
    }
    return {twist_(lane, twist), square};
  }

  index_t d_;
  const Eigen::VectorX<Real>&diagonal_, &off_diagonal_;
  Eigen::Matrix<Real, lane_count, Eigen::Dynamic> above_, below_, twist_;
};

/// Makes the columns orthonormal, in their order.
/// \param values descending
/// \return whether they all but were: what an eigenvector loses to one before it moves its residual
///         by that times the distance of the two eigenvalues
template <class Real>
bool make_orthonormal(Eigen::MatrixX<Real>& columns, const Eigen::VectorX<Real>& values) {
  constexpr Real rounding = 64 * std::numeric_limits<Real>::epsilon();
  constexpr Real most = Real(0.01);
  for (index_t c = 0; c < columns.cols(); ++c) {
    for (index_t b = 0; b < c; ++b) {
      const Real common = columns.col(b).dot(columns.col(c));
      if (!(std::abs(common) < most && std::abs(common) * (values(b) - values(c)) <= rounding))
        return false;
      columns.col(c) -= common * columns.col(b);
    }
    columns.col(c).normalize();
  }
  return true;
}

}  // namespace atlas::inline ATLAS_ABI::detail
