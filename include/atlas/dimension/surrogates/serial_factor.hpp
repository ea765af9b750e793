// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Triangular factors of many correlation matrices, and products with them.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_functions.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A lower triangular matrix as its product with a few columns reads it: one band of `height` rows
/// after the other, each column by column up to the diagonal. General products would copy it into
/// such an order every time, which takes as long as multiplying.
template <class Scalar>
class packed_lower {
 public:
  using simd = vector_of<Scalar>;
  static constexpr index_t lanes = simd::lanes;
  static constexpr index_t height = 2 * lanes;  ///< rows of a band
  static constexpr int together = 4;            ///< columns of one pass over the matrix

  /// \param value from (i, j), j <= i, to an element of the `[n, n]` matrix
  template <class Value>
  packed_lower(index_t n, const Value& value) : n_(n) {
    std::size_t size = 0;
    for (index_t top = 0; top < n; top += height)
      size += static_cast<std::size_t>(width_of(top) * height);
    values_.resize(size);
    Scalar* band = values_.data();
    for (index_t top = 0; top < n; band += width_of(top) * height, top += height)
      for (index_t i = top; i < width_of(top); ++i)
        for (index_t j = 0; j <= i; ++j)
          band[j * height + i - top] = static_cast<Scalar>(value(i, j));
  }

  /// Rows as they are padded.
  index_t padded_rows() const { return (n_ + height - 1) / height * height; }

  /// \param columns `[together, padded_rows()]`, one after the other; in place
  void multiply(Scalar* columns) const {
    const index_t stride = padded_rows();
    // From the last band up, so that what a band reads was not written yet.
    const Scalar* band = values_.data() + values_.size();
    for (index_t top = stride - height; top >= 0; top -= height) {
      band -= width_of(top) * height;
      multiply_band(band, width_of(top), columns, stride, columns + top);
    }
  }

 private:
  /// Columns of a band, up to the diagonal of its last row.
  index_t width_of(index_t top) const { return (std::min)(n_, top + height); }

  static void multiply_band(const Scalar* band, index_t width, const Scalar* columns,
                            index_t stride, Scalar* out) {
    using vector = typename simd::type;
    vector first[together]{}, second[together]{};
    for (index_t j = 0; j < width; ++j, band += height) {
      const vector upper = simd::load(band), lower = simd::load(band + lanes);
#pragma GCC unroll 4
      for (int c = 0; c < together; ++c) {
        const vector factor = simd::all(columns[c * stride + j]);
        first[c] = simd::multiply_add(upper, factor, first[c]);
        second[c] = simd::multiply_add(lower, factor, second[c]);
      }
    }
    for (int c = 0; c < together; ++c) {
      simd::store(out + c * stride, first[c]);
      simd::store(out + c * stride + lanes, second[c]);
    }
  }

  index_t n_;
  std::vector<Scalar> values_;
};

/// Cholesky factors of as many matrices of one size as a vector of doubles has lanes, side by side.
class cholesky_lanes {
 public:
  using simd = vector_of<double>;
  static constexpr index_t lanes = simd::lanes;

  explicit cholesky_lanes(index_t n)
      : n_(n),
        values_(static_cast<std::size_t>(n * (n + 1) / 2 * lanes)),
        inverse_(static_cast<std::size_t>(n * lanes)) {}

  /// Of the matrix and then of its factor; j <= i.
  double& operator()(index_t i, index_t j, index_t lane) { return row(i)[j * lanes + lane]; }

  /// From the matrices to their factors.
  /// \return a bit of 1 for each lane whose matrix is positive definite; others hold nothing of use
  unsigned factorize() {
    unsigned definite = ~0U;
    for (index_t i = 0; i < n_; ++i) {
      double* const own = row(i);
      index_t j = 0;
      for (; j + 4 <= i; j += 4) solve<4>(own, j);
      for (; j < i; ++j) solve<1>(own, j);
      const double_vector square = rest_of_square(own, i);
      definite &= simd::positive(square);
      const double_vector root = simd::square_root(square);
      simd::store(own + i * lanes, root);
      simd::store(inverse_.data() + i * lanes, 1.0 / root);
    }
    return definite;
  }

 private:
  double* row(index_t i) { return values_.data() + i * (i + 1) / 2 * lanes; }

  /// Elements j .. j + Count of a row, from those before them.
  template <int Count>
  void solve(double* own, index_t j) {
    const double* above[Count];
    double_vector sum[Count];
    for (int t = 0; t < Count; ++t) {
      above[t] = row(j + t);
      sum[t] = simd::load(own + (j + t) * lanes);
    }
    for (index_t k = 0; k < j; ++k) {
      const double_vector x = -simd::load(own + k * lanes);
      for (int t = 0; t < Count; ++t)
        sum[t] = simd::multiply_add(x, simd::load(above[t] + k * lanes), sum[t]);
    }
    for (int t = 0; t < Count; ++t) {
      for (int u = 0; u < t; ++u)
        sum[t] = simd::subtract_product(sum[u], simd::load(above[t] + (j + u) * lanes), sum[t]);
      sum[t] *= simd::load(inverse_.data() + (j + t) * lanes);
      simd::store(own + (j + t) * lanes, sum[t]);
    }
  }

  /// What the elements before it leave of the diagonal one.
  static double_vector rest_of_square(const double* own, index_t i) {
    double_vector sum[4]{};
    index_t k = 0;
    for (; k + 4 <= i; k += 4)
      for (int t = 0; t < 4; ++t) {
        const double_vector x = simd::load(own + (k + t) * lanes);
        sum[t] = simd::multiply_add(x, x, sum[t]);
      }
    for (; k < i; ++k) {
      const double_vector x = simd::load(own + k * lanes);
      sum[0] = simd::multiply_add(x, x, sum[0]);
    }
    return simd::load(own + i * lanes) - ((sum[0] + sum[1]) + (sum[2] + sum[3]));
  }

  index_t n_;
  std::vector<double> values_;   ///< `[n (n + 1) / 2, lanes]`, row by row
  std::vector<double> inverse_;  ///< `[n, lanes]`, of the diagonal
};

/// A lower triangular L with `L L^T` the correlation matrix that is nearest to one without a factor
/// of its own: negative eigenvalues are cut and unit variances restored.
template <class = lazy>
Eigen::MatrixXd repaired_correlation_factor(const Eigen::MatrixXd& matrix) {
  const eigenbasis basis = symmetric_eigenbasis(matrix);
  Eigen::MatrixXd root = basis.vectors * basis.values.cwiseMax(0.0).cwiseSqrt().asDiagonal();
  root.rowwise().normalize();
  constexpr double jitter = 1e-9;  // what keeps the factor's pivots from rounding
  Eigen::MatrixXd repaired = (1 - jitter) * root * root.transpose();
  repaired.diagonal().array() += jitter;
  return Eigen::LLT<Eigen::MatrixXd>(repaired).matrixL();
}

}  // namespace atlas::inline ATLAS_ABI::detail
