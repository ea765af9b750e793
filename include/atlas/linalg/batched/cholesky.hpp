// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Cholesky factors of several matrices side by side.

#include <cstddef>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_functions.hpp"
#include "atlas/linalg/batched/packed_triangles.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Cholesky factors of as many matrices of one size as a vector of doubles has lanes, side by side.
class cholesky_lanes {
 public:
  using simd = vector_of<double>;
  static constexpr index_t lanes = simd::lanes;

  explicit cholesky_lanes(index_t n)
      : n_(n),
        values_(static_cast<std::size_t>(packed_place(n, 0) * lanes)),
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
  double* row(index_t i) { return values_.data() + packed_place(i, 0) * lanes; }

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
  std::vector<double> values_;   ///< packed triangles, a matrix a lane
  std::vector<double> inverse_;  ///< `[n, lanes]`, of the diagonal
};

}  // namespace atlas::inline ATLAS_ABI::detail
