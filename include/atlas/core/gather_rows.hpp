// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Some rows of a cloud, copied.

#include <cstddef>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `points[rows]`
template <class Scalar>
owned_tensor<Scalar, 2> gather_rows(const tensor_view<const Scalar, 2>& points,
                                    const std::vector<index_t>& rows) {
  owned_tensor<Scalar, 2> out({static_cast<index_t>(rows.size()), points.extent(1)});
  const auto target = out.mutable_view();
  for (index_t i = 0; i < target.extent(0); ++i)
    for (index_t k = 0; k < target.extent(1); ++k)
      target(i, k) = points(rows[static_cast<std::size_t>(i)], k);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
