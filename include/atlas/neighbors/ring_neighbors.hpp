// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Exact k nearest neighbours of a cloud that is divided among several processes: each holds some
/// rows, and blocks of rows travel round a ring until each has met all.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/exclusion_between.hpp"
#include "atlas/neighbors/exhaustive/block_rows.hpp"
#include "atlas/neighbors/exhaustive/direct_comparison.hpp"
#include "atlas/neighbors/exhaustive/query_search.hpp"
#include "atlas/neighbors/exhaustive/tile_comparison.hpp"
#include "atlas/neighbors/neighbor_table.hpp"
#include "atlas/neighbors/periods.hpp"
#include "atlas/neighbors/ring_block.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/neighbors/row_pairs.hpp"
#include "atlas/neighbors/search_driver.hpp"

namespace atlas::inline ATLAS_ABI {

/// Sends these bytes to the next process of the ring and returns those that the previous one sent.
/// What it throws ends the search.
using ring_transport = std::function<std::string(std::string)>;

struct ring_options {
  index_t k = 2;           ///< neighbours per row, at most N - 1
  index_t rows = 0;        ///< N, of the whole cloud
  index_t first_row = 0;   ///< number in the whole cloud of the first row that this process holds
  index_t processes = 1;   ///< on the ring, each with at least one row
  exclusion exclude = {};  ///< of the rows that this process holds, made alike on all
  std::vector<double> periods = {};    ///< `[d]`, as of neighbor_options, the same on all
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< has a step for each process; may cancel
};

namespace detail {

/// The k best neighbours so far of each row, of all blocks that it has met: squared distances, or
/// distances where those are what is compared.
class ring_candidates {
 public:
  ring_candidates(index_t rows, index_t k, bool distinct)
      : k_(k),
        table_{owned_tensor<double, 2>({rows, k}), owned_tensor<index_t, 2>({rows, k})},
        measures_(table_.distances.mutable_view().data()),
        indices_(table_.indices.mutable_view().data()),
        labels_(distinct ? static_cast<std::size_t>(rows * k) : 0) {
    std::fill_n(measures_, rows * k, std::numeric_limits<double>::infinity());
    std::fill_n(indices_, rows * k, index_t{-1});
  }

  double worst(index_t row) const { return measures_[row * k_ + k_ - 1]; }

  /// As `keep_best`, for rows that are known by their labels alone once their block has gone on.
  /// \param label of the candidate; null where neighbours need not differ in theirs
  bool offer(index_t row, index_t candidate, const index_t* label, double measure) {
    double* const measures = measures_ + row * k_;
    index_t* const rows = indices_ + row * k_;
    index_t place = k_ - 1;
    if (!comes_before(measure, candidate, measures[place], rows[place])) return false;
    index_t* const labels = label == nullptr ? nullptr : labels_.data() + row * k_;
    if (label != nullptr) {
      for (index_t p = 0; p < place && rows[p] >= 0; ++p)
        if (labels[p] == *label) place = p;
      if (!comes_before(measure, candidate, measures[place], rows[place])) return false;
    }
    for (; place > 0 && comes_before(measure, candidate, measures[place - 1], rows[place - 1]);
         --place) {
      measures[place] = measures[place - 1];
      rows[place] = rows[place - 1];
      if (label != nullptr) labels[place] = labels[place - 1];
    }
    measures[place] = measure;
    rows[place] = candidate;
    if (label != nullptr) labels[place] = *label;
    return true;
  }

  /// Ends the search. \param squares whether these were offered
  neighbor_table table(bool squares) {
    if (squares)
      for (index_t i = 0; i < table_.distances.size(); ++i) measures_[i] = std::sqrt(measures_[i]);
    sort_equal_distances(table_);
    return table_;
  }

 private:
  index_t k_;
  neighbor_table table_;
  double* measures_;
  index_t* indices_;
  std::vector<index_t> labels_;
};

/// Rows that stay against a block that has come, with the limits that earlier blocks have given.
/// \tparam Comparison tile_comparison or direct_comparison
template <class Scalar, class Comparison>
class ring_search {
 public:
  /// All of them must live as long as the search. \param first_row of the block, in the whole cloud
  ring_search(const row_pairs<Scalar>& pairs, const Comparison& comparison, index_t first_row,
              ring_candidates& best, int threads)
      : pairs_(pairs),
        comparison_(comparison),
        first_row_(first_row),
        best_(best),
        block_rows_(choose_block_rows(pairs.queries.extent(0), Comparison::most_queries,
                                      Comparison::query_unit, threads)) {}

  // Of the driver (search_driver.hpp). A task is a block of queries; none is sampled.
  using workspace = typename Comparison::workspace;
  static constexpr index_t tasks_per_step = 1;
  static constexpr index_t rows_per_task = 1;
  index_t tasks() const { return (pairs_.queries.extent(0) + block_rows_ - 1) / block_rows_; }
  std::vector<index_t> sampled_tasks() const { return {}; }
  /// Whether rows were met that are too close for squares to tell how far.
  bool table() const { return too_close_; }

  double search(index_t task, workspace& w, double) {
    const index_t first = task * block_rows_, n = pairs_.reference.extent(0);
    const index_t queries = (std::min)(block_rows_, pairs_.queries.extent(0) - first);
    comparison_.load_queries(w, first, queries);
    for (index_t q = 0; q < queries; ++q) comparison_.limit(w, q, best_.worst(first + q));
    const index_t* const labels = pairs_.distinct();
    for (index_t from = 0; from < n; from += Comparison::most_reference)
      comparison_.compare(
          w, from, (std::min)(Comparison::most_reference, n - from),
          [&](index_t query, index_t row, double measure) {
            const index_t* const label = labels == nullptr ? nullptr : labels + from + row;
            if (!best_.offer(first + query, first_row_ + from + row, label, measure)) return;
            comparison_.limit(w, query, best_.worst(first + query));
            if (Comparison::measures_squares && sizeof(Scalar) == sizeof(double) &&
                is_too_small(measure) && comparison_.distance(w, query, row, measure) > 0)
              too_close_ = true;
          });
    return static_cast<double>(queries) * static_cast<double>(n) *
           Comparison::pair_cycles(pairs_.queries.extent(1));
  }

 private:
  const row_pairs<Scalar>& pairs_;
  const Comparison& comparison_;
  index_t first_row_;
  ring_candidates& best_;
  index_t block_rows_;
  std::atomic<bool> too_close_ = false;
};

/// All pairs of rows that stay and a block.
template <class Scalar>
void meet_block(const row_pairs<Scalar>& pairs, index_t first_row,
                const std::vector<double>& lengths, int threads,
                const progress_callback& on_progress, ring_candidates& best) {
  if (!lengths.empty()) {
    const direct_comparison<Scalar> comparison(pairs, lengths);
    ring_search<Scalar, direct_comparison<Scalar>> all(pairs, comparison, first_row, best, threads);
    run_search(all, threads, on_progress);
    return;
  }
  const centring c = find_common_centring(pairs.queries, pairs.reference, threads);
  if (!fits_tiles<Scalar>(c))
    throw value_error("points",
                      "coordinates that vary by 2^-200 to 2^480, whose squares a double "
                      "can hold, where rows are divided among processes",
                      number_text(c.reach / c.scale));
  const tile_comparison<Scalar> comparison(pairs, c);
  ring_search<Scalar, tile_comparison<Scalar>> all(pairs, comparison, first_row, best, threads);
  if (run_search(all, threads, on_progress))
    throw value_error("points",
                      "rows that are equal or differ by 2^-480 or more, where rows are "
                      "divided among processes",
                      "rows that are closer");
}

/// That a block is of the rows that it should be of.
template <class Scalar>
void check_block(const ring_block<Scalar>& block, index_t columns, const ring_options& options,
                 index_t& rows_met) {
  check_extent(block.points.extent(1), columns, "block of the ring", "as many columns as here,");
  const index_t rows = block.points.extent(0);
  if (block.first_row > options.rows - rows)
    refuse_block("rows below " + std::to_string(options.rows),
                 std::to_string(block.first_row) + " and " + std::to_string(rows) + " more");
  rows_met += rows;
}

template <class Scalar>
neighbor_table ring_neighbors(const tensor_view<const Scalar, 2>& points,
                              const ring_options& options, const ring_transport& pass_on) {
  static_assert(std::is_floating_point_v<Scalar>, "points are floating-point numbers");
  check_not_empty(points, "points");
  const index_t own = points.extent(0), columns = points.extent(1);
  check_between(options.processes, 1, options.rows, "processes");
  check_between(options.k, 1, options.rows - 1, "k");
  check_between(options.first_row, 0, options.rows - own, "first_row");
  check_exclusion(options.exclude, own);
  check_finite(points, "points");
  const std::vector<double> lengths = box_lengths(options.periods, columns);
  check_in_box(points, lengths, "points");
  ring_candidates best(own, options.k, options.exclude.distinct);
  progress_meter meter(options.on_progress, "neighbours", options.processes);
  meet_block(row_pairs<Scalar>::within(points, options.exclude), options.first_row, lengths,
             options.threads, meter.within_a_step(), best);
  meter.advance();
  std::string bytes;
  if (options.processes > 1) bytes = block_bytes(points, options.exclude, options.first_row);
  index_t rows_met = own;
  for (index_t step = 1; step < options.processes; ++step) {
    bytes = pass_on(std::move(bytes));
    const ring_block<Scalar> block = read_ring_block<Scalar>(bytes);
    check_block(block, columns, options, rows_met);
    const exclusion exclude =
        joined(exclusion_between{options.exclude, block.exclude}, own, block.points.extent(0));
    meet_block(row_pairs<Scalar>{points, block.points, exclude, own}, block.first_row, lengths,
               options.threads, meter.within_a_step(), best);
    meter.advance();
  }
  if (rows_met != options.rows)
    refuse_block("all " + std::to_string(options.rows) + " rows on the ring",
                 std::to_string(rows_met));
  return best.table(lengths.empty());
}

}  // namespace detail

/// Exact k nearest neighbours (Euclidean) of the rows that this process holds among those of all
/// processes. Every process calls it, with rows of its own, at the same time.
///
/// The tables of all processes, one after the other, are that of `nearest_neighbors` of the whole
/// cloud, byte for byte, rows at equal distances and exclusions included. Rows are numbered as in
/// the whole cloud.
///
/// \param points  `[n, d]`, n >= 1: the rows [first_row, first_row + n) of the whole cloud
/// \param pass_on is called `processes - 1` times
/// \return `[n, k]` distances and row numbers, as of `nearest_neighbors`
/// \throws shape_error and value_error as `nearest_neighbors`; value_error for blocks that are not
///         of this search, and where a cloud of double would be scaled there or has rows that are
///         not equal but nearer than 2^-480; cancelled; what `pass_on` throws
///
/// O(n N d) time on each of N / n processes, by comparing every pair once for each of its rows: the
/// tree and the cells of `nearest_neighbors` are not for blocks. O(n (k + d)) memory beyond the
/// points, with two blocks while they are passed on. Each process sends
/// `(processes - 1) n (d sizeof(Scalar) + 8 labels)` bytes.
/// \code
/// const auto table = atlas::ring_neighbors(
///     points, {.k = 2, .rows = n, .first_row = first, .processes = processes},
///     [](std::string block) { return send_and_receive(block); });
/// \endcode
template <real_tensor<2> Points>
[[nodiscard]] neighbor_table ring_neighbors(const Points& points, const ring_options& options,
                                            const ring_transport& pass_on) {
  const auto view = as_view<2>(points);
  return detail::ring_neighbors<scalar_of<Points, 2>>(view, options, pass_on);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NEIGHBORS neighbor_table ring_neighbors<float>(const tensor_view<const float, 2>&,
                                                        const ring_options&, const ring_transport&);
ATLAS_OF_NEIGHBORS neighbor_table ring_neighbors<double>(const tensor_view<const double, 2>&,
                                                         const ring_options&,
                                                         const ring_transport&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
