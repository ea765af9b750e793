#pragma once
/// \file
/// The randomized Hadamard transform of any size, by blocks.

#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// The powers of two that sum to d, descending: 192 = 128 + 64.
template <class = void>
std::vector<index> hadamard_blocks(index d) {
  std::vector<index> blocks;
  for (index bit = index{1} << 62; bit > 0; bit >>= 1)
    if ((d & bit) != 0) blocks.push_back(bit);
  return blocks;
}

/// d signs, each +1 or -1 with probability 1/2.
template <class = void>
Eigen::VectorXd random_signs(index d, random_stream& random) {
  Eigen::VectorXd signs(d);
  for (index i = 0; i < d; ++i) signs(i) = (random() & 1U) != 0 ? 1.0 : -1.0;
  return signs;
}

namespace detail {

/// In place and orthonormal, n a power of two, in Sylvester's order: its own inverse. O(n log n).
template <class Scalar>
void fast_hadamard(Scalar* x, index n) {
  for (index half = 1; half < n; half *= 2)
    for (index i = 0; i < n; i += 2 * half)
      for (index k = i; k < i + half; ++k) {
        const Scalar a = x[k], b = x[k + half];
        x[k] = a + b;
        x[k + half] = a - b;
      }
  const auto scale = static_cast<Scalar>(1 / std::sqrt(static_cast<double>(n)));
  for (index k = 0; k < n; ++k) x[k] *= scale;
}

/// The blocks of a row, one after the other.
template <class Scalar>
void fast_hadamard_blocks(Scalar* x, const std::vector<index>& blocks) {
  for (const index n : blocks) {
    fast_hadamard(x, n);
    x += n;
  }
}

}  // namespace detail
}  // namespace atlas
