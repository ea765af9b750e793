// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Symmetric matrices made tridiagonal by Householder reflections, for matrices that fit into a
/// cache: each step goes once over what is left, taking the last reflection out of a column and at
/// once multiplying it by the next one's vector (Dongarra, Hammarling, Sorensen, J. Comput. Appl.
/// Math. 27, 215, 1989, on one-pass reduction).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/lanes.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `A = 2^exponent Q T Q^T` with T of elements up to about 1, so that no square over- or underflows
/// that matters.
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
    for (index_t j = d_ - 3; j >= 0; --j) {
      const Real* const v = columns_.data() + j * padded_;
      lanes_of<Real> even = lanes_of<Real>::Zero(), odd = even;
      index_t i = j + 1;
      for (; i + 1 < d_; i += 2) {
        even += v[i] * lanes_at(x + i * lane_count);
        odd += v[i + 1] * lanes_at(x + (i + 1) * lane_count);
      }
      if (i < d_) even += v[i] * lanes_at(x + i * lane_count);
      const lanes_of<Real> sum = factors_(j) * (even + odd);
      for (i = j + 1; i < d_; ++i) lanes_at(x + i * lane_count) -= v[i] * sum;
    }
  }

 private:
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

  /// Takes the last reflection out of a column.
  void take_out(Real* column, index_t c, index_t from) {
    const Real a = partner_(c), b = old_(c);
    for (index_t r = from; r < padded_; r += lane_count)
      lanes_at(column + r) -= a * lanes_at(old_.data() + r) + b * lanes_at(partner_.data() + r);
  }

  /// The same for some columns, and their part in the product with the next vector.
  template <int Count>
  void update(index_t c, index_t from) {
    Real a[Count], b[Count], factor[Count];
    for (int q = 0; q < Count; ++q) {
      a[q] = partner_(c + q);
      b[q] = old_(c + q);
      factor[q] = next_(c + q);
    }
    Real* const column = columns_.data() + c * padded_;
    for (index_t r = from; r < padded_; r += lane_count) {
      const lanes_of<Real> v = lanes_at(old_.data() + r), w = lanes_at(partner_.data() + r);
      lanes_of<Real> sum = lanes_at(product_.data() + r);
#pragma GCC unroll 4
      for (int q = 0; q < Count; ++q) {
        const lanes_of<Real> left = lanes_at(column + q * padded_ + r) - a[q] * v - b[q] * w;
        lanes_at(column + q * padded_ + r) = left;
        sum += factor[q] * left;
      }
      lanes_at(product_.data() + r) = sum;
    }
  }

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
