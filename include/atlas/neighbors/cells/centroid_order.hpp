// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which centroids are near which.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Of each centroid, up to `most` by increasing distance, itself first.
/// \param centroids `[count, d]`, row by row
template <class Scalar>
std::vector<std::vector<index_t>> nearest_centroids(const std::vector<Scalar>& centroids, index_t d,
                                                    index_t most) {
  const index_t count = static_cast<index_t>(centroids.size()) / d;
  std::vector<std::vector<index_t>> out(static_cast<std::size_t>(count));
  std::vector<std::pair<double, index_t>> others;
  for (index_t f = 0; f < count; ++f) {
    others.clear();
    for (index_t g = 0; g < count; ++g)
      others.emplace_back(
          g == f ? -1.0 : squared_distance(centroids.data() + f * d, centroids.data() + g * d, d),
          g);
    const auto end = others.begin() + (std::min)(most, count);
    std::partial_sort(others.begin(), end, others.end());
    for (auto other = others.begin(); other != end; ++other)
      out[static_cast<std::size_t>(f)].push_back(other->second);
  }
  return out;
}

/// Centroids in an order in which each is followed by the nearest of the rest, so that the rows of
/// a block, of consecutive cells, are compared with about the same cells. \param centroids `[count,
/// d]`, row by row
template <class Scalar>
std::vector<Scalar> chained(std::vector<Scalar> centroids, index_t d) {
  const index_t count = static_cast<index_t>(centroids.size()) / d;
  for (index_t c = 0; c + 2 < count; ++c) {
    const Scalar* const last = centroids.data() + c * d;
    index_t best = c + 1;
    double least = std::numeric_limits<double>::infinity();
    for (index_t o = c + 1; o < count; ++o) {
      const double square = squared_distance(last, centroids.data() + o * d, d);
      if (square >= least) continue;
      least = square;
      best = o;
    }
    std::swap_ranges(centroids.begin() + (c + 1) * d, centroids.begin() + (c + 2) * d,
                     centroids.begin() + best * d);
  }
  return centroids;
}

}  // namespace atlas::inline ATLAS_ABI::detail
