// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many rows lie within several radii of every row: every block of rows against all blocks.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "atlas/neighbors/exhaustive/block_rows.hpp"
#include "atlas/neighbors/exhaustive/radius_search.hpp"
#include "atlas/neighbors/row_pairs.hpp"
#include "atlas/neighbors/search_driver.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// \tparam Comparison tile_comparison or direct_comparison
template <class Scalar, class Comparison>
class radius_counts {
 public:
  /// \param radii ascending, at least one
  radius_counts(const row_pairs<Scalar>& pairs, const Comparison& comparison,
                const std::vector<double>& radii, int threads)
      : pairs_(pairs),
        comparison_(comparison),
        radii_(radii),
        block_rows_(choose_block_rows(pairs.queries.extent(0), Comparison::most_queries,
                                      Comparison::query_unit, threads)),
        counts_({static_cast<index_t>(radii.size()), pairs.queries.extent(0)}) {}

  // Of the driver (search_driver.hpp). A task is a block of rows; none is sampled.
  using workspace = typename Comparison::workspace;
  static constexpr index_t tasks_per_step = 1;
  static constexpr index_t rows_per_task = 1;
  index_t tasks() const { return (pairs_.queries.extent(0) + block_rows_ - 1) / block_rows_; }
  std::vector<index_t> sampled_tasks() const { return {}; }

  double search(index_t task, workspace& w, double) {
    const index_t first = task * block_rows_, n = pairs_.reference.extent(0);
    const index_t rows = (std::min)(block_rows_, pairs_.queries.extent(0) - first);
    const auto counts = counts_.mutable_view();
    comparison_.load_queries(w, first, rows);
    for (index_t i = 0; i < rows; ++i)
      comparison_.limit(w, i, largest_radius_square(radii_.back()));
    for (index_t from = 0; from < n; from += Comparison::most_reference)
      comparison_.compare(w, from, (std::min)(Comparison::most_reference, n - from),
                          [&](index_t i, index_t row, double measure) {
                            const double distance = comparison_.distance(w, i, row, measure);
                            const auto within =
                                std::lower_bound(radii_.begin(), radii_.end(), distance);
                            if (within == radii_.end()) return;
                            ++counts(within - radii_.begin(), first + i);
                          });
    for (index_t a = 1; a < counts.extent(0); ++a)
      for (index_t i = first; i < first + rows; ++i) counts(a, i) += counts(a - 1, i);
    return static_cast<double>(rows) * static_cast<double>(n) *
           Comparison::pair_cycles(pairs_.queries.extent(1));
  }

  /// `[radii, N]`.
  owned_tensor<index_t, 2> table() { return counts_; }

 private:
  const row_pairs<Scalar>& pairs_;
  const Comparison& comparison_;
  const std::vector<double>& radii_;
  index_t block_rows_;
  owned_tensor<index_t, 2> counts_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
