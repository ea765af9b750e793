// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the searches for nearest neighbours cost, in cycles of one core, and the thresholds between
/// them. None of these numbers changes a result: all searches find the same neighbours, and these
/// decide which of them runs.
///
/// To measure them again (bench/, on one thread, cycles = seconds x the core's clock):
/// - pairs of the exhaustive search: `bench_subspace --benchmark_filter=search_in`; the time of N
///   rows of d coordinates divided by (N^2 / 2) (d / lanes of a vector) is the factor of
///   `float_pair` or `byte_pair`;
/// - exact distances, boxes, centroids and shells: `perf record bench_neighbors
///   --benchmark_filter=dimensions`, the share of the function that is named below times the run's
///   cycles, divided by how often it was called;
/// - thresholds of rows and shares: `bench_neighbors --benchmark_filter='full_rank|dimensions'` and
///   `bash bench/peers/run.sh neighbors`, at numbers of rows on both sides of the threshold: the
///   threshold is where the search takes as long as the exhaustive one ("dense" there).

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_functions.hpp"

namespace atlas::inline ATLAS_ABI::detail::costs {

// Cycles.

/// A pair of rows of d coordinates in the large tiles of the exhaustive search: products,
/// comparison, and the exact distances that follow on average. Rows rounded to floats or doubles.
template <class Scalar>
double float_pair(index_t d) {
  return 1.1 * static_cast<double>(d) / vector_of<Scalar>::lanes;
}
/// The same of rows rounded to bytes.
inline double byte_pair(index_t d) {
  return 0.4 * static_cast<double>(d) / vector_of<float>::lanes;
}
/// The same in the rounding that the exhaustive search takes: bytes, whatever the scalar, where the
/// processor multiplies them.
template <class Scalar>
double exhaustive_pair(index_t d) {
  return fast_bytes ? byte_pair(d) : float_pair<Scalar>(d);
}

/// A row and a centroid, against a pair of the exhaustive search: tiles as large, but no exact
/// distances (cell_search::add_centroid_sums).
inline constexpr double centroid_share = 0.9;
/// A row and a row of a shell, against the same: smaller tiles (cell_search::compare_shell).
inline constexpr double shell_share = 1.3;

/// An exact distance of two rows of d coordinates in the tree, with what follows from it.
inline double tree_distance(index_t d) {
  return static_cast<double>(d) + 30;
}
/// The same in cells, whose rows come from further away in memory.
inline double cell_distance(index_t d) {
  return 2 * (static_cast<double>(d) + 30);
}

/// 16 boxes of the tree against the box of a leaf: vectors of box bounds, all axes.
inline double box_bounds(index_t vectors) {
  return 20 + 6 * static_cast<double>(vectors);
}
/// One box against all rows of a leaf: vectors of coordinates along some of the axes.
inline double box_gaps(index_t vectors) {
  return 6 * static_cast<double>(vectors);
}
/// One row against all rows of a leaf: vectors of coordinates along some of the axes.
inline double leaf_squares(index_t vectors) {
  return 2 * static_cast<double>(vectors);
}
/// What either of the last two takes beside its vectors, once for each leaf or row.
inline constexpr double leaf_call = 10;

/// A row in the exhaustive search of n rows: each pair is compared once, for both of its rows.
template <class Scalar>
double exhaustive_row(index_t n, index_t d) {
  return 0.5 * static_cast<double>(n) * exhaustive_pair<Scalar>(d);
}

// Thresholds.

/// Rows from which on building a tree, or cells, may pay.
inline constexpr index_t least_tree_rows = 4096;
inline constexpr index_t least_cell_rows = 16384;
/// Share of a sample's rows that the leading axes do not tell from a row's second neighbour
/// (share_within_reach): above it neither tree nor cells rule out enough to be tried.
inline constexpr double most_within_reach = 0.25;
/// Cells are tried unless a tree takes at most this share of the cycles of the exhaustive search.
inline constexpr double cheap_tree = 1.0 / 8;
/// Tasks of a search, spread over the cloud, whose cycles are counted before it is chosen.
inline constexpr index_t sampled_tasks = 16;

/// Rows from which on the exhaustive search tries bytes.
inline constexpr index_t least_byte_rows = 512;
/// Tiles of two blocks that are compared to see whether bytes pay, and the share of their pairs
/// that may be left: beyond it exact distances take longer than comparing in floats.
inline constexpr index_t crowding_tiles = 16;
inline constexpr int crowding_divisor = 12;  // a twelfth of the pairs

}  // namespace atlas::inline ATLAS_ABI::detail::costs
