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
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Eigenvectors of up to eight eigenvalues, orthogonal to rounding where the eigenvalues are far
/// enough from each other (`make_orthonormal` checks that).
template <class Real = double>
class tridiagonal_vectors {
 public:
  using eight = eight_numbers<Real>;

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
  /// \return whether all residuals `|T z - value z|` are at most 64 roundings of 1
  bool find(eight values, Real* vectors) {
    constexpr Real rounding = 64 * std::numeric_limits<Real>::epsilon();
    bool good = false;
    for (int step = 0; step < 2; ++step) {
      factor(values);
      good = true;
      for (index_t l = 0; l < lane_count; ++l) {
        const auto [pivot, square] = solve(l, vectors + l);
        values.set(l, values[l] + pivot / square);
        good = good && std::abs(pivot) / std::sqrt(square) <= rounding;
        const Real scale = 1 / std::sqrt(square);
        for (index_t i = 0; i < d_; ++i) vectors[i * lane_count + l] *= scale;
      }
    }
    return good;
  }

 private:
  /// `T - value` as lower times upper from above, as upper times lower from below, and for every
  /// row the pivot of a factorization that goes from both ends to that row.
  void factor(const eight& values) {
    eight pivot = diagonal_(0) - values;
    for (index_t i = 0; i < d_; ++i) {
      if (i > 0) pivot = (diagonal_(i) - values) - square(i - 1) / pivot;
      pivot = away_from_zero(pivot);
      pivot.store(above_.data() + i * lane_count);
    }
    for (index_t i = d_ - 1; i >= 0; --i) {
      const eight left = diagonal_(i) - values;
      pivot = away_from_zero(i + 1 < d_ ? left - square(i) / pivot : left);
      pivot.store(below_.data() + i * lane_count);
      (eight(above_.data() + i * lane_count) + pivot - left).store(twist_.data() + i * lane_count);
    }
  }

  Real square(index_t i) const { return off_diagonal_(i) * off_diagonal_(i); }

  /// A pivot, or 1e-32 where its magnitude is less.
  static eight away_from_zero(const eight& pivot) {
    const eight least(Real(1e-32));
    return eight::where_above(least, eight::magnitude(pivot), least, pivot);
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
/// \return whether they nearly were: taking the part c of another eigenvector out of one moves its
///         residual by c times the distance of the two eigenvalues, which may be at most 64
///         roundings of 1, and c at most 0.01
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
