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

  /// \param diagonal, off_diagonal `[d]`, elements about 1 at most; both outlive it
  tridiagonal_vectors(const Eigen::VectorX<Real>& diagonal,
                      const Eigen::VectorX<Real>& off_diagonal)
      : d_(diagonal.size()),
        diagonal_(diagonal),
        off_diagonal_(off_diagonal),
        above_(lane_count, d_),
        below_(lane_count, d_),
        up_(lane_count, d_),
        down_(lane_count, d_) {}

  /// One column a value, by inverse iteration, each step at the Rayleigh quotient of the last one,
  /// which has three times as many digits: until residuals `|T z - value z|` are at most 64
  /// roundings of 1, and one step more.
  /// \param values  near eigenvalues; become Rayleigh quotients
  /// \param vectors `[d, 8]`, row-major, of length 1
  /// \return whether all residuals are so small, of whichever eigenvalues
  bool find(eight& values, Real* vectors) {
    constexpr int most_steps = 6;
    bool good = false;
    for (int step = 0; step < most_steps; ++step) {
      factor(values);
      const bool was_good = good;
      good = solve(values, vectors);
      if (good && was_good) break;
    }
    return good;
  }

 private:
  using list = Eigen::Matrix<Real, lane_count, Eigen::Dynamic>;
  static Real* at(list& x, index_t i) { return x.data() + i * lane_count; }
  static eight entry(const list& x, index_t i) { return eight(x.data() + i * lane_count); }

  /// `T - value` as lower times upper from above and as upper times lower from below: pivots, and
  /// the multipliers by which an entry of a vector follows from its neighbour.
  void factor(const eight& values) {
    eight above = away_from_zero(diagonal_(0) - values);
    eight below = away_from_zero(diagonal_(d_ - 1) - values);
    for (index_t i = 0, j = d_ - 1;; ++i, --j) {
      above.store(at(above_, i));
      below.store(at(below_, j));
      if (j == 0) break;
      const Real next = off_diagonal_(i), last = off_diagonal_(j - 1);
      const eight up = next / above, down = last / below;
      up.store(at(up_, i));
      down.store(at(down_, j));
      above = away_from_zero((diagonal_(i + 1) - values) - next * up);
      below = away_from_zero((diagonal_(j - 1) - values) - last * down);
    }
    eight(Real(0)).store(at(up_, d_ - 1));
    eight(Real(0)).store(at(down_, 0));
  }

  /// A pivot, or 1e-32 where its magnitude is less.
  static eight away_from_zero(const eight& pivot) {
    const eight least(Real(1e-32));
    return eight::where_above(least, eight::magnitude(pivot), least, pivot);
  }

  /// Where factorizations that go from both ends to one row have the least pivot there.
  struct twist {
    eight row, pivot;
  };

  twist find_twist(const eight& values) const {
    twist out{eight(Real(0)), pivot_at(0, values)};
    for (index_t i = 1; i < d_; ++i) {
      const eight pivot = pivot_at(i, values);
      const eight least = eight::magnitude(out.pivot), magnitude = eight::magnitude(pivot);
      out.row = eight::where_above(least, magnitude, eight(static_cast<Real>(i)), out.row);
      out.pivot = eight::where_above(least, magnitude, pivot, out.pivot);
    }
    return out;
  }

  eight pivot_at(index_t i, const eight& values) const {
    return entry(above_, i) + entry(below_, i) - (diagonal_(i) - values);
  }

  /// `i == row ? x : y`
  static eight where_row(index_t i, const eight& row, const eight& x, const eight& y) {
    const eight distance = eight::magnitude(static_cast<Real>(i) - row);
    return eight::where_above(eight(Real(0.5)), distance, x, y);
  }

  /// The vectors, 1 at their twists, then of length 1; moves the values to their Rayleigh
  /// quotients.
  /// \return whether residuals are at most 64 roundings of 1
  bool solve(eight& values, Real* vectors) const {
    constexpr Real rounding = 64 * std::numeric_limits<Real>::epsilon();
    const twist t = find_twist(values);
    const eight zero(Real(0)), one(Real(1));
    eight z = zero, square = zero;
    for (index_t i = d_; i-- > 0;) {
      z = where_row(i, t.row, one, -(entry(up_, i) * z));
      z.store(vectors + i * lane_count);
    }
    z = zero;
    for (index_t i = 0; i < d_; ++i) {  // 0 above the twist, as what is stored is below it
      z = where_row(i, t.row, one, -(entry(down_, i) * z));
      const eight x = where_row(i, t.row, one, eight(vectors + i * lane_count) + z);
      square = eight::multiply_add(x, x, square);
      x.store(vectors + i * lane_count);
    }
    const eight length = eight::square_root(square), scale = one / length;
    for (index_t i = 0; i < d_; ++i)
      (scale * eight(vectors + i * lane_count)).store(vectors + i * lane_count);
    values = values + t.pivot / square;
    const eight residual = eight::magnitude(t.pivot) / length;
    bool good = true;
    for (index_t l = 0; l < lane_count; ++l) good = good && residual[l] <= rounding;
    return good;
  }

  index_t d_;
  const Eigen::VectorX<Real>&diagonal_, &off_diagonal_;
  list above_, below_;  ///< pivots from above and from below
  list up_, down_;      ///< multipliers
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
