// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Where the neighbours of a row are, as seen from the row, for estimators that look at more than
/// distances.

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/neighbors/periods.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The k neighbours of one row, in double, multiplied by the power of two that brings the distance
/// of the furthest to between 1/2 and 1, so that squares neither overflow nor vanish.
struct neighbor_offsets {
  index_t row = 0;
  row_matrix<double> offsets;   ///< `[k, d]`, neighbour less row
  Eigen::ArrayXd distances;     ///< `[k]`, ascending
  row_matrix<double> products;  ///< room for a function of them
  std::vector<double> numbers;  ///< the same

  double last() const { return distances[distances.size() - 1]; }
};

/// The nearest image of a difference of two coordinates.
inline double nearest_image(double gap, double length) {
  return std::isfinite(length) ? gap - length * std::nearbyint(gap / length) : gap;
}

/// Of row i, which has k neighbours at distances above 0. Where coordinates are periodic offsets
/// are those of the images that are nearest to the row.
/// \param lengths of `box_lengths`
template <class Scalar>
void gather_offsets(const estimator_cloud<Scalar>& cloud, const std::vector<double>& lengths,
                    index_t i, index_t k, neighbor_offsets& out) {
  const index_t d = cloud.points.extent(1);
  const double scale = scale_to_one(cloud.table.distances(i, k - 1));
  out.row = i;
  reshape(out.offsets, k, d);
  reshape(out.distances, k);
  for (index_t j = 0; j < k; ++j) {
    const index_t other = cloud.table.indices(i, j);
    out.distances[j] = cloud.table.distances(i, j) * scale;
    for (index_t c = 0; c < d; ++c) {
      double gap =
          static_cast<double>(cloud.points(other, c)) - static_cast<double>(cloud.points(i, c));
      if (!lengths.empty()) gap = nearest_image(gap, lengths[static_cast<std::size_t>(c)]);
      out.offsets(j, c) = gap * scale;
    }
  }
}

/// Calls `visit(i, offsets)` for rows, in any order and from several threads.
template <class Scalar, class Visit>
void for_each_neighborhood(const estimator_cloud<Scalar>& cloud, index_t k,
                           const std::vector<index_t>& rows, Visit&& visit) {
  const std::vector<double> lengths = box_lengths(cloud.options.periods, cloud.points.extent(1));
  parallel_for(
      static_cast<index_t>(rows.size()), cloud.options.threads, [] { return neighbor_offsets(); },
      [&](index_t n, neighbor_offsets& room) {
        gather_offsets(cloud, lengths, rows[static_cast<std::size_t>(n)], k, room);
        visit(n, room);
      });
}

/// Fills `out.local` with `local_of(offsets)` of every row that has k neighbours, and `out.rows`
/// with those for which it is a number.
template <class Scalar, class Local>
void fill_local(const estimator_cloud<Scalar>& cloud, index_t k, Local&& local_of,
                raw_estimate& out) {
  out.linked = k;
  out.local.assign(static_cast<std::size_t>(cloud.rows()),
                   std::numeric_limits<double>::quiet_NaN());
  const std::vector<index_t> rows = rows_with_neighbors(cloud.table, k, out);
  for_each_neighborhood(cloud, k, rows, [&](index_t, neighbor_offsets& around) {
    out.local[static_cast<std::size_t>(around.row)] = local_of(around);
  });
  for (const index_t i : rows)
    if (!std::isnan(out.local[static_cast<std::size_t>(i)])) out.rows.push_back(i);
}

}  // namespace atlas::inline ATLAS_ABI::detail
