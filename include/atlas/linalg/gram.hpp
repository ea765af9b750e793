// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `X^T X` of tall matrices with few columns. General products cut them into panels and copy those;
/// here the rows are short enough to be read as they are, and of the symmetric result one half is
/// computed.

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A tile of the result, `Down` vectors high and `Across` columns wide, that stays in registers.
template <int Down, int Across>
class gram_tile {
 public:
  using simd = vector_of<double>;
  using vector = simd::type;
  static constexpr index_t lanes = simd::lanes;

  /// Adds `count` rows.
  ///
  /// \param left, right first element of the tile's rows and columns in the first row, `left` at a
  ///        multiple of 16 bytes, as `out`
  static void add(const double* left, const double* right, index_t count, index_t stride,
                  double* out) {
    vector sums[Across][Down];
#pragma GCC unroll 8
    for (int a = 0; a < Across; ++a)
#pragma GCC unroll 4
      for (int p = 0; p < Down; ++p) sums[a][p] = simd::load_aligned(out + a * stride + p * lanes);
    for (index_t i = 0; i < count; ++i, left += stride, right += stride) {
      vector column[Down];
#pragma GCC unroll 4
      for (int p = 0; p < Down; ++p) column[p] = simd::load_aligned(left + p * lanes);
#pragma GCC unroll 8
      for (int a = 0; a < Across; ++a) {
        const vector factor = simd::all(right[a]);
#pragma GCC unroll 4
        for (int p = 0; p < Down; ++p)
          sums[a][p] = simd::multiply_add(column[p], factor, sums[a][p]);
      }
    }
#pragma GCC unroll 8
    for (int a = 0; a < Across; ++a)
#pragma GCC unroll 4
      for (int p = 0; p < Down; ++p) simd::store(out + a * stride + p * lanes, sums[a][p]);
  }
};

/// Columns are padded to a multiple of this.
inline constexpr index_t gram_padding = 8;

/// Adds `X^T X` to the lower triangle of a column-major matrix (and to some of what is above it).
/// \param rows   `[count, stride]`, row-major, at a multiple of 16 bytes, as `out`
/// \param stride of both, a multiple of gram_padding
template <class = lazy>
void add_gram(const double* rows, index_t count, index_t stride, double* out) {
  constexpr int across = vector_registers >= 32 ? 8 : 4;
  constexpr index_t lanes = gram_tile<1, across>::lanes;
  static_assert(across % lanes == 0, "a tile begins where a vector does");
  for (index_t c = 0; c < stride; c += across) {
    index_t r = c;
    double* const column = out + c * stride;
    for (; r + 3 * lanes <= stride; r += 3 * lanes)
      gram_tile<3, across>::add(rows + r, rows + c, count, stride, column + r);
    for (; r + 2 * lanes <= stride; r += 2 * lanes)
      gram_tile<2, across>::add(rows + r, rows + c, count, stride, column + r);
    for (; r < stride; r += lanes)
      gram_tile<1, across>::add(rows + r, rows + c, count, stride, column + r);
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail
