// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// All rows within a radius of every row: every block of rows against all blocks.

#include <algorithm>
#include <atomic>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/neighbors/exhaustive/block_rows.hpp"
#include "atlas/neighbors/exhaustive/direct_comparison.hpp"
#include "atlas/neighbors/exhaustive/tile_comparison.hpp"
#include "atlas/neighbors/radius_table.hpp"
#include "atlas/neighbors/row_pairs.hpp"
#include "atlas/neighbors/search_driver.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// What squared distances come out as at most where the distance, their root, is `radius` or less,
/// or is below what a square can hold.
inline double largest_radius_square(double radius) {
  constexpr double upwards = 1 + 4 * std::numeric_limits<double>::epsilon();
  return (std::max)(radius * radius * upwards, least_squarable * least_squarable);
}

/// \tparam Comparison tile_comparison or direct_comparison
template <class Scalar, class Comparison>
class radius_search {
 public:
  /// \param limit neighbours of all rows together beyond which the search is refused
  radius_search(const row_pairs<Scalar>& pairs, const Comparison& comparison, double radius,
                index_t limit, int threads)
      : pairs_(pairs),
        comparison_(comparison),
        radius_(radius),
        limit_(limit),
        block_rows_(choose_block_rows(pairs.queries.extent(0), Comparison::most_queries,
                                      Comparison::query_unit, threads)),
        offsets_({pairs.queries.extent(0) + 1}),
        found_(static_cast<std::size_t>(tasks())) {
    counts_ = offsets_.mutable_view().data() + 1;
    std::fill_n(counts_ - 1, offsets_.size(), index_t{0});
  }

  // Of the driver (search_driver.hpp). A task is a block of rows; none is sampled.
  using workspace = typename Comparison::workspace;
  static constexpr index_t tasks_per_step = 1;
  static constexpr index_t rows_per_task = 1;
  index_t tasks() const { return (pairs_.queries.extent(0) + block_rows_ - 1) / block_rows_; }
  std::vector<index_t> sampled_tasks() const { return {}; }

  /// \throws value_error where there are more neighbours than the limit
  double search(index_t task, workspace& w, double) {
    const index_t first = task * block_rows_, n = pairs_.reference.extent(0);
    const index_t rows = (std::min)(block_rows_, pairs_.queries.extent(0) - first);
    std::vector<entry>& found = found_[static_cast<std::size_t>(task)];
    comparison_.load_queries(w, first, rows);
    for (index_t i = 0; i < rows; ++i) comparison_.limit(w, i, largest_radius_square(radius_));
    for (index_t from = 0; from < n; from += Comparison::most_reference) {
      index_t here = 0;
      comparison_.compare(w, from, (std::min)(Comparison::most_reference, n - from),
                          [&](index_t i, index_t row, double measure) {
                            const double distance = comparison_.distance(w, i, row, measure);
                            if (!(distance <= radius_)) return;
                            ++counts_[first + i];
                            ++here;
                            found.push_back({first + i, from + row, distance});
                          });
      check_limit(here);
    }
    std::sort(found.begin(), found.end());
    return static_cast<double>(rows) * static_cast<double>(n) *
           Comparison::pair_cycles(pairs_.queries.extent(1));
  }

  radius_table table() {
    for (index_t i = 1; i < offsets_.size(); ++i) counts_[i - 1] += counts_[i - 2];
    radius_table out{offsets_, {}, {}};
    out.indices = owned_tensor<index_t, 1>({total_.load()});
    out.distances = owned_tensor<double, 1>({total_.load()});
    index_t* index = out.indices.mutable_view().data();
    double* distance = out.distances.mutable_view().data();
    for (std::vector<entry>& block : found_) {
      for (const entry& e : block) {
        *index++ = e.neighbor;
        *distance++ = e.distance;
      }
      block = {};
    }
    return out;
  }

 private:
  struct entry {
    index_t row, neighbor;
    double distance;
    bool operator<(const entry& other) const {
      return std::tie(row, distance, neighbor) <
             std::tie(other.row, other.distance, other.neighbor);
    }
  };

  void check_limit(index_t more) {
    if (total_.fetch_add(more) + more <= limit_) return;
    throw value_error("limit",
                      "at least as many as there are neighbours within " + number_text(radius_),
                      std::to_string(limit_));
  }

  const row_pairs<Scalar>& pairs_;
  const Comparison& comparison_;
  double radius_;
  index_t limit_;
  index_t block_rows_;
  owned_tensor<index_t, 1> offsets_;
  index_t* counts_ = nullptr;              // of rows, and in the end their sums: offsets from 1 on
  std::vector<std::vector<entry>> found_;  // of tasks
  std::atomic<index_t> total_ = 0;
};

}  // namespace atlas::inline ATLAS_ABI::detail
