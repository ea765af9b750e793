// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Products of a lower triangular matrix with a few columns, again and again.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

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

}  // namespace atlas::inline ATLAS_ABI::detail
