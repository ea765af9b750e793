// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The randomized Hadamard transform of any size, by blocks.

#include <Eigen/Core>
#include <cmath>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI {

/// The powers of two that sum to d, descending: 192 = 128 + 64.
template <class = lazy>
[[nodiscard]] std::vector<index_t> hadamard_blocks(index_t d) {
  std::vector<index_t> blocks;
  for (index_t bit = index_t{1} << 62; bit > 0; bit >>= 1)
    if ((d & bit) != 0) blocks.push_back(bit);
  return blocks;
}

/// d signs, each +1 or -1 with probability 1/2.
template <class = lazy>
[[nodiscard]] Eigen::VectorXd random_signs(index_t d, random_stream& random) {
  Eigen::VectorXd signs(d);
  for (index_t i = 0; i < d; ++i) signs(i) = (random() & 1U) != 0 ? 1.0 : -1.0;
  return signs;
}

namespace detail {

/// Butterflies of vectors: the levels of the transform that pair lanes with each other, then two
/// levels at a time between vectors.
template <class Scalar>
struct hadamard_vectors {
  using simd = vector_of<Scalar>;
  using vector = typename simd::type;
  static constexpr int lanes = simd::lanes;

  /// Lanes l and l ^ Half: sums below, differences above.
  template <int Half, int... Lane>
  static vector pair_lanes(vector x, std::integer_sequence<int, Lane...>) {
    constexpr vector signs = {((Lane & Half) == 0 ? Scalar(1) : Scalar(-1))...};
    return simd::template picked<(Lane ^ Half)...>(x) + signs * x;
  }

  template <int Half = 1>
  static vector all_lanes(vector x) {
    if constexpr (Half == lanes)
      return x;
    else
      return all_lanes<2 * Half>(pair_lanes<Half>(x, std::make_integer_sequence<int, lanes>()));
  }

  static void pair(vector& a, vector& b) {
    const vector difference = a - b;
    a += b;
    b = difference;
  }

  /// Two levels of vectors `step` numbers apart; those within lanes before, where they are to come.
  template <bool WithinLanes>
  static void four(Scalar* x, index_t step, Scalar scale) {
    vector v[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      v[i] = simd::load(x + i * step);
      if constexpr (WithinLanes) v[i] = all_lanes(v[i]);
    }
    pair(v[0], v[1]);
    pair(v[2], v[3]);
    pair(v[0], v[2]);
    pair(v[1], v[3]);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) simd::store(x + i * step, scale * v[i]);
  }

  static void two(Scalar* x, index_t step, Scalar scale) {
    vector a = simd::load(x), b = simd::load(x + step);
    pair(a, b);
    simd::store(x, scale * a);
    simd::store(x + step, scale * b);
  }
};

/// In place, n a power of two and at least four vectors; multiplied by `scale`.
template <class Scalar>
void vector_hadamard(Scalar* x, index_t n, Scalar scale) {
  using vectors = hadamard_vectors<Scalar>;
  constexpr index_t lanes = vectors::lanes;
  const auto last = [&](index_t half) { return half == n ? scale : Scalar(1); };
  index_t half = 4 * lanes;
  for (index_t i = 0; i < n; i += half) vectors::template four<true>(x + i, lanes, last(half));
  for (; 4 * half <= n; half *= 4)
    for (index_t i = 0; i < n; i += 4 * half)
      for (index_t k = i; k < i + half; k += lanes)
        vectors::template four<false>(x + k, half, last(4 * half));
  if (half < n)
    for (index_t k = 0; k < half; k += lanes) vectors::two(x + k, half, scale);
}

/// In place and orthonormal, n a power of two, in Sylvester's order: its own inverse. O(n log n).
/// The same bits for vectors of every width.
template <class Scalar>
void fast_hadamard(Scalar* x, index_t n) {
  const auto scale = static_cast<Scalar>(1 / std::sqrt(static_cast<double>(n)));
  if (n >= 4 * vector_of<Scalar>::lanes) return vector_hadamard(x, n, scale);
  for (index_t half = 1; half < n; half *= 2)
    for (index_t i = 0; i < n; i += 2 * half)
      for (index_t k = i; k < i + half; ++k) {
        const Scalar a = x[k], b = x[k + half];
        x[k] = a + b;
        x[k + half] = a - b;
      }
  for (index_t k = 0; k < n; ++k) x[k] *= scale;
}

/// The blocks of a row, one after the other.
template <class Scalar>
void fast_hadamard_blocks(Scalar* x, const std::vector<index_t>& blocks) {
  for (const index_t n : blocks) {
    fast_hadamard(x, n);
    x += n;
  }
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE void fast_hadamard<float>(float*, index_t);
ATLAS_OF_QUANTIZE void fast_hadamard<double>(double*, index_t);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_QUANTIZE Eigen::VectorXd random_signs<void>(index_t, random_stream&);
}  // namespace atlas::inline ATLAS_ABI
#endif
