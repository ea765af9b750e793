// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Lower triangles of several symmetric matrices of one size, one matrix a lane of a vector: entry
/// by entry, row after row, each entry a vector.

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Place of entry (row, column), column <= row, in vectors. `packed_place(n, 0)` is how many
/// entries a triangle of n rows has.
constexpr index_t packed_place(index_t row, index_t column) {
  return row * (row + 1) / 2 + column;
}

}  // namespace atlas::inline ATLAS_ABI::detail
