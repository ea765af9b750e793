// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Uniformly (Haar) random rotations that are applied and never written out: products of
/// reflections of normal vectors of falling length (Stewart, "The efficient generation of random
/// orthogonal matrices", SIAM J. Numer. Anal. 17, 403, 1980). What it gives is the Q of the QR
/// factorization of a normal matrix, at the cost of its reflections alone.

#include <Eigen/Core>
#include <cmath>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/eight_numbers.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `Q = H_0 H_1 ... H_(d-2) diag(signs)`, `H_j = I - factor_j v_j v_j^T`, v_j 0 above its place j.
template <class Real = double>
class random_rotation {
 public:
  random_rotation(index_t d, random_stream& random)
      : vectors_(Eigen::MatrixX<Real>::Zero(d, d)), factors_(d), signs_(d) {
    for (index_t j = 0; j < d; ++j) {
      Real* const v = vectors_.data() + j * d + j;
      random.fill_normal(v, d - j);
      signs_(j) = v[0] < 0 ? Real(1) : Real(-1);  // that of what the reflection leaves of it
      if (j + 1 == d) {
        signs_(j) = -signs_(j);  // no reflection
        break;
      }
      v[0] += std::copysign(vectors_.col(j).tail(d - j).norm(), v[0]);
      factors_(j) = 2 / vectors_.col(j).tail(d - j).squaredNorm();
    }
  }

  /// `Q x` in place, of eight columns: x is `[d, 8]`, row-major, at a multiple of 16 bytes.
  /// O(d^2) time.
  void turn(Real* x) const {
    const index_t d = vectors_.rows();
    for (index_t i = 0; i < d; ++i)
      (signs_(i) * eight_numbers<Real>(x + i * lane_count)).store(x + i * lane_count);
    for (index_t j = d - 2; j >= 0; --j)
      reflect_eight(vectors_.data() + j * d + j, d - j, factors_(j), x + j * lane_count);
  }

 private:
  Eigen::MatrixX<Real> vectors_;
  Eigen::VectorX<Real> factors_, signs_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
