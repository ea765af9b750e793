// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a search for nearest neighbours returns.

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Neighbours by increasing distance; equal distances by increasing row number. Where exclusion
/// leaves fewer than k, the row is filled up with distance +inf and index -1.
struct neighbor_table {
  owned_tensor<double, 2> distances;  ///< `[N, k]`, Euclidean
  owned_tensor<index_t, 2> indices;   ///< `[N, k]`
};

}  // namespace atlas::inline ATLAS_ABI
