// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many nearest neighbours share a label with their row, against chance: whether neighbours are
/// of the same passage, or the same token elsewhere.

#include <limits>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/stats/label_groups.hpp"

namespace atlas::inline ATLAS_ABI {

struct label_share_result {
  /// Share, of the rows that have a neighbour, whose nearest one has their label; NaN without rows.
  double share = 0;
  /// Share of pairs of different rows that have the same label, without regard to the exclusion.
  double chance = 0;
  index_t rows = 0;  ///< rows that have a neighbour
};

namespace detail {

/// \param label_of row number -> label
template <class LabelOf>
label_share_result share_of_labels(const neighbor_table& neighbors, const LabelOf& label_of) {
  label_share_result out;
  index_t same = 0;
  for (index_t i = 0; i < neighbors.indices.extent(0); ++i) {
    const index_t other = neighbors.indices(i, 0);
    if (other < 0) continue;
    ++out.rows;
    same += label_of(i) == label_of(other) ? 1 : 0;
  }
  out.share = out.rows > 0 ? static_cast<double>(same) / static_cast<double>(out.rows)
                           : std::numeric_limits<double>::quiet_NaN();
  return out;
}

/// Share of pairs of different rows that have their label in common; NaN for a single row.
inline double chance_of_labels(const label_groups& labels) {
  std::vector<double> sizes(static_cast<std::size_t>(labels.groups));
  for (const index_t g : labels.group) ++sizes[static_cast<std::size_t>(g)];
  double pairs = 0;
  for (const double size : sizes) pairs += size * (size - 1);
  const auto n = static_cast<double>(labels.group.size());
  return pairs / (n * (n - 1));
}

}  // namespace detail

/// Share of rows whose nearest neighbour, in the first column of a table, has their own label, and
/// what it is on average where labels have nothing to do with neighbours. Rows without a neighbour
/// do not count.
/// \param neighbors of N >= 2 rows
/// \param labels    `[N]`, whole numbers: of contexts, tokens, tokens attended to
/// \throws shape_error for an empty table, and for labels of another length
///
/// O(N log N) time.
template <whole_tensor<1> Labels>
[[nodiscard]] label_share_result label_share(const neighbor_table& neighbors,
                                             const Labels& labels) {
  check_not_empty(neighbors.indices, "neighbors");
  const auto view = as_view<1>(labels);
  check_extent(view.extent(0), neighbors.indices.extent(0), "labels", "one label per row,");
  const detail::label_groups groups = detail::number_labels(labels, "labels");
  auto out = detail::share_of_labels(
      neighbors, [&](index_t i) { return groups.group[static_cast<std::size_t>(i)]; });
  out.chance = detail::chance_of_labels(groups);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
