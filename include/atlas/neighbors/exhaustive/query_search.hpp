// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The k nearest reference rows of every query: every block of queries against all blocks of
/// reference rows.

#include <algorithm>
#include <type_traits>
#include <vector>

#include "atlas/core/progress.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/exhaustive/block_rows.hpp"
#include "atlas/neighbors/exhaustive/direct_comparison.hpp"
#include "atlas/neighbors/exhaustive/tile_comparison.hpp"
#include "atlas/neighbors/neighbor_table.hpp"
#include "atlas/neighbors/row_pairs.hpp"
#include "atlas/neighbors/search_driver.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// \tparam Comparison tile_comparison or direct_comparison
template <class Scalar, class Comparison>
class query_search {
 public:
  /// All of them must live as long as the search.
  query_search(const row_pairs<Scalar>& pairs, const Comparison& comparison, index_t k, int threads)
      : pairs_(pairs),
        comparison_(comparison),
        best_(pairs.queries.extent(0), k, pairs.distinct()),
        block_rows_(choose_block_rows(pairs.queries.extent(0), Comparison::most_queries,
                                      Comparison::query_unit, threads)) {}

  // Of the driver (search_driver.hpp). A task is a block of queries; none is sampled.
  using workspace = typename Comparison::workspace;
  static constexpr index_t tasks_per_step = 1;
  static constexpr index_t rows_per_task = 1;
  index_t tasks() const { return (pairs_.queries.extent(0) + block_rows_ - 1) / block_rows_; }
  std::vector<index_t> sampled_tasks() const { return {}; }
  neighbor_table table() {
    return Comparison::measures_squares ? best_.table() : best_.table_of_distances();
  }

  double search(index_t task, workspace& w, double) {
    const index_t first = task * block_rows_, n = pairs_.reference.extent(0);
    const index_t queries = (std::min)(block_rows_, pairs_.queries.extent(0) - first);
    comparison_.load_queries(w, first, queries);
    for (index_t from = 0; from < n; from += Comparison::most_reference)
      comparison_.compare(w, from, (std::min)(Comparison::most_reference, n - from),
                          [&](index_t query, index_t row, double measure) {
                            if (best_.offer(first + query, from + row, measure))
                              comparison_.limit(w, query, best_.worst(first + query));
                          });
    return static_cast<double>(queries) * static_cast<double>(n) *
           Comparison::pair_cycles(pairs_.queries.extent(1));
  }

 private:
  const row_pairs<Scalar>& pairs_;
  const Comparison& comparison_;
  best_candidates best_;
  index_t block_rows_;
};

/// By exact distances alone.
/// \param lengths of box_lengths
template <class Scalar>
neighbor_table search_directly(const row_pairs<Scalar>& pairs, index_t k,
                               const std::vector<double>& lengths, int threads,
                               const progress_callback& on_progress) {
  const direct_comparison<Scalar> comparison(pairs, lengths);
  query_search<Scalar, direct_comparison<Scalar>> all(pairs, comparison, k, threads);
  return run_search(all, threads, on_progress);
}

/// Whether tiles can compare these rows: the squares of their distances are what a double can hold.
template <class Scalar>
bool fits_tiles(const centring& c) {
  return std::is_same_v<Scalar, float> || is_squarable(c);
}

}  // namespace atlas::inline ATLAS_ABI::detail
