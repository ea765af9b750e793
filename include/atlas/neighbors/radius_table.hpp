// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Neighbours within a radius, in compressed rows.

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Neighbours of row i are the entries from `offsets[i]` to `offsets[i + 1]`, by increasing
/// distance, equal distances by increasing row number.
struct radius_table {
  owned_tensor<index_t, 1> offsets;   ///< `[N + 1]`, the first 0
  owned_tensor<index_t, 1> indices;   ///< `[offsets[N]]`; empty where only counts were asked for
  owned_tensor<double, 1> distances;  ///< the same, Euclidean

  index_t rows() const { return offsets.size() - 1; }
  index_t count(index_t row) const { return offsets[row + 1] - offsets[row]; }
};

}  // namespace atlas::inline ATLAS_ABI
