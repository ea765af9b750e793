#pragma once
/// \file
/// The inner loop of the exhaustive search: a tile of scalar products that stays in registers and
/// is compared with the limits of its rows there, so that no product is ever stored.

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::detail {

/// What the search knows of a run of rows: `half[i]` is half the squared norm, `floor[i]` is minus
/// half the squared distance from which on nothing is a neighbour of row i any more.
template <class Scalar>
struct row_limits {
  const Scalar* half;
  const Scalar* floor;
};

/// `left_rows` rows beside `right_rows`. A squared distance is |x|^2 + |y|^2 - 2 x.y, so
/// x.y - |x|^2/2 - |y|^2/2 is minus half of it, and the pair is of interest where that is above the
/// lower of both floors.
template <class Scalar>
struct register_tile {
  using simd = vector_of<Scalar>;
  using vector = typename simd::type;
  static constexpr int vectors = 3;
  static constexpr int left_rows = vector_registers / 4;  // with `vectors`, 3/4 of the registers
  static constexpr int right_rows = vectors * simd::lanes;
  static constexpr int size = left_rows * right_rows;

  /// \param left `[d, left_rows]`, \param right `[d, right_rows]`: coordinates of packed rows
  /// \param out `[left_rows, right_rows]`: minus half the squared distances; written only where a
  /// pair
  ///        is of interest
  /// \return whether one is
  static bool compare(const Scalar* left, const Scalar* right, index d, row_limits<Scalar> a,
                      row_limits<Scalar> b, Scalar* out) {
    vector sum[left_rows][vectors];
    multiply(left, right, d, a.half, b.half, sum);
    vector most = simd::all(-1);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const vector floor = simd::load(b.floor + v * simd::lanes);
#pragma GCC unroll 16
      for (int i = 0; i < left_rows; ++i)
        most = simd::larger(most, sum[i][v] - simd::smaller(floor, simd::all(a.floor[i])));
    }
    if (!simd::positive(most)) return false;
#pragma GCC unroll 16
    for (int i = 0; i < left_rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        simd::store(out + i * right_rows + v * simd::lanes, sum[i][v]);
    return true;
  }

 private:
  static void multiply(const Scalar* left, const Scalar* right, index d, const Scalar* half_left,
                       const Scalar* half_right, vector (&sum)[left_rows][vectors]) {
#pragma GCC unroll 16
    for (int i = 0; i < left_rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        sum[i][v] = -half_left[i] - simd::load(half_right + v * simd::lanes);
    for (index k = 0; k < d; ++k) {
      vector y[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) y[v] = simd::load(right + v * simd::lanes);
#pragma GCC unroll 16
      for (int i = 0; i < left_rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[i][v] += left[i] * y[v];
      left += left_rows;
      right += right_rows;
    }
  }
};

}  // namespace atlas::detail
