// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Symmetric matrices made tridiagonal by Householder reflections, for matrices that fit into a
/// cache: each step reads the columns that remain once, and both applies the last reflection to a
/// column and multiplies it by the vector of the next one (Dongarra, Hammarling, Sorensen, J.
/// Comput. Appl. Math. 27, 215, 1989, on one-pass reduction).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `A = 2^exponent Q T Q^T`, the largest element of A being scaled to about 1, so that no square
/// overflows, and none underflows that rounding would not hide.
template <class Real = double>
class tridiagonal_form {
 public:
  /// Of the lower triangle. O(d^3) time.
  ///
  /// \throws value_error unless it is finite
  explicit tridiagonal_form(const Eigen::MatrixX<Real>& matrix)
      : d_(matrix.rows()), padded_(padded_to_lanes(d_)) {
    copy_scaled(matrix);
    diagonal = off_diagonal = Eigen::VectorX<Real>::Zero(d_);
    factors_ = Eigen::VectorX<Real>::Zero(d_);
    old_ = partner_ = next_ = product_ = Eigen::VectorX<Real>::Zero(padded_);
    for (index_t j = 0; j < d_; ++j) step(j);
  }

  Eigen::VectorX<Real> diagonal;      ///< `[d]`
  Eigen::VectorX<Real> off_diagonal;  ///< `[d]`, the last one 0
  int exponent = 0;

  /// `Q x` in place, of eight columns: x is `[d, 8]`, row-major. O(d^2) time.
  void turn_back(Real* x) const {
    for (index_t j = d_ - 3; j >= 0; --j)
      reflect_eight(columns_.data() + j * padded_ + j + 1, d_ - j - 1, factors_(j),
                    x + (j + 1) * lane_count);
  }

 private:
  using simd = vector_of<Real>;
  using vector = typename simd::type;

  /// Both triangles, divided by a power of two, which is exact; columns padded with 0.
  void copy_scaled(const Eigen::MatrixX<Real>& matrix) {
    columns_ = Eigen::MatrixX<Real>::Zero(padded_, d_);
    columns_.topRows(d_) = matrix.template selfadjointView<Eigen::Lower>();
    if (!columns_.allFinite())
      throw value_error("matrix", "a finite symmetric matrix", "one that is not");
    exponent = -exponent_to_one(columns_.cwiseAbs().maxCoeff());
    columns_ *= std::ldexp(Real(1), -exponent);
  }

  /// Takes column j to the tridiagonal form; the reflection stays below its diagonal.
  void step(index_t j) {
    take_out(columns_.col(j).data(), j, first_lane(j));
    diagonal(j) = columns_(j, j);
    if (j + 1 < d_) off_diagonal(j) = columns_(j + 1, j);
    if (j + 2 < d_) make_reflection(j);
    const Real factor = factors_(j);
    product_.setZero();
    index_t c = j + 1;
    if (j + 2 < d_) {
      for (; c + 4 <= d_; c += 4) update<4>(c, first_lane(j + 1));
      for (; c < d_; ++c) update<1>(c, first_lane(j + 1));
    } else {
      for (; c < d_; ++c) take_out(columns_.col(c).data(), c, first_lane(j + 1));
    }
    const Real half = Real(0.5) * factor * factor * product_.dot(next_);
    old_.swap(next_);
    partner_ = factor * product_ - half * old_;
    next_.setZero();
  }

  /// v and tau with `(I - tau v v^T) x = beta e_1`, x column j below its diagonal.
  void make_reflection(index_t j) {
    auto x = columns_.col(j).segment(j + 1, d_ - j - 1);
    const Real rest = x.tail(x.size() - 1).squaredNorm();
    if (!(rest > 0)) {
      x.setZero();
      return;
    }
    const Real first = x(0);
    const Real beta = -std::copysign(std::sqrt(first * first + rest), first);
    off_diagonal(j) = beta;
    factors_(j) = (beta - first) / beta;
    x.tail(x.size() - 1) /= first - beta;
    x(0) = 1;
    next_.segment(j + 1, x.size()) = x;
  }

  /// Applies the last reflection to a column: `column -= v w_c + w v_c`.
  void take_out(Real* column, index_t c, index_t from) {
    const vector a = simd::all(partner_(c)), b = simd::all(old_(c));
    for (index_t r = from; r < padded_; r += simd::lanes) {
      const vector first = a * simd::load_aligned(old_.data() + r);
      const vector both = simd::multiply_add(b, simd::load_aligned(partner_.data() + r), first);
      simd::store(column + r, simd::load_aligned(column + r) - both);
    }
  }

  /// The same for `Count` columns, whose part in the product with the next vector is added.
  template <int Count>
  void update(index_t c, index_t from) {
    vector a[Count], b[Count], factor[Count];
    for (int q = 0; q < Count; ++q) {
      a[q] = simd::all(partner_(c + q));
      b[q] = simd::all(old_(c + q));
      factor[q] = simd::all(next_(c + q));
    }
    Real* const column = columns_.data() + c * padded_;
    for (index_t r = from; r < padded_; r += simd::lanes) {
      const vector v = simd::load_aligned(old_.data() + r),
                   w = simd::load_aligned(partner_.data() + r);
      vector sum = simd::load_aligned(product_.data() + r);
#pragma GCC unroll 4
      for (int q = 0; q < Count; ++q) {
        Real* const place = column + q * padded_ + r;
        const vector first = simd::subtract_product(a[q], v, simd::load_aligned(place));
        const vector left = simd::subtract_product(b[q], w, first);
        simd::store(place, left);
        sum = simd::multiply_add(factor[q], left, sum);
      }
      simd::store(product_.data() + r, sum);
    }
  }

  /// Where the eight rows begin that hold one: all of its columns' vectors are whole from there.
  static index_t first_lane(index_t row) {
    return row / lane_count * lane_count;
  }

  index_t d_, padded_;
  Eigen::MatrixX<Real> columns_;
  Eigen::VectorX<Real> factors_;
  /// The last reflection as `A - v w^T - w v^T`: v and w; the next one's v; A times it.
  Eigen::VectorX<Real> old_, partner_, next_, product_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
