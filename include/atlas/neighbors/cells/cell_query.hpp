// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A block of rows whose neighbours are looked for in cells, and the two tests that rule out cells.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "atlas/core/vector_functions.hpp"
#include "atlas/neighbors/cells/row_cells.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Up to `block_rows` rows of consecutive cells, with their limits and candidates.
template <class Scalar, class Shortlist>
struct cell_query {
  using cells = row_cells<Scalar, Shortlist>;
  using tile = typename cells::tile;
  using simd = typename tile::simd;
  using vector = typename tile::vector;
  using sum = typename tile::sum;
  static constexpr int tiles = 8;  // several, so that the rows compared with a shell read it once
  static constexpr index_t tile_rows = tile::right_rows;
  static constexpr index_t block_rows = tiles * tile_rows;
  static constexpr index_t batch_pairs = 32;

  using centroid_sums = typename tile::sums[tiles];  // of a group of centroids with all rows

  /// Rows of a block, by their places in it.
  struct row_list {
    index_t count = 0;
    std::int32_t places[block_rows + 16];  // behind them up to a vector is overwritten
  };

  /// The rows of a block that are of one cell, [from, to).
  struct rows_of_cell {
    index_t cell, from, to;
  };

  index_t rows = 0;
  index_t number[block_rows], cell[block_rows];
  std::vector<typename tile::item> right;  // for tiles with centroids, `[tiles, steps, tile_rows]`
  sum half[block_rows], high[block_rows];  // of lower and of upper bounds
  float unit[block_rows];
  std::vector<typename tile::item> left;      // for tiles with shells, `[block_rows + 1, steps]`
  row_facts<sum> facts[block_rows + 1];       // the last of no row
  sum square[block_rows], twice[block_rows];  // of limits in units of length: l^2 and 2 l
  sum centroid_square[block_rows];            // squared lengths from their cells' centroids
  sum centroid_distance[block_rows];          // lengths of those from another cell's
  sum row_excess[block_rows];                 // of a shell, from their cells' centroids
  std::vector<rows_of_cell> runs;
  block_side<Scalar, Shortlist, false> centroids;     // of the cells of `runs`
  block_side<Scalar, Shortlist, true> own_centroids;  // the same
  std::vector<std::int32_t> run_of_cell;              // for each cell that of its rows, or -1
  struct candidate {
    index_t row, other;  // within the block, and in the cloud
    sum nearness;
  };
  candidate candidates[batch_pairs + cells::shell_tile::size];
  index_t count = 0;
  double cycles = 0;  // spent so far (search_costs.hpp)

  /// Whether the neighbours of any row may lie within `reach` of a centroid (triangle inequality).
  /// Those of a row may where its sum with the centroid is above minus the square of limit plus
  /// reach (Shortlist::length).
  bool any_reached(const centroid_sums& sums, int centroid, sum reach) const {
    vector most = sums[0][centroid][0] + reached(0, reach);
    for_each_vector([&](int t, int v, index_t row) {
      most = simd::larger(most, sums[t][centroid][v] + reached(row, reach));
    });
    return simd::positive(most) != 0;
  }

  /// Lists the rows whose neighbours may lie within `reach` of a centroid c and beyond the
  /// hyperplane that is as far from c as from the centroid o of the row's own cell.
  /// f(p) = |p - c|^2 - |p - o|^2 is linear of slope 2 |o - c|, so that the distance of rows x and
  /// y is at least (f(x) - f(y)) / (2 |o - c|). For the rows y that are looked for f(y) is at most
  /// `excess`; f(x) follows from the sum of x with c and from |x - o|.
  void find_rows(const centroid_sums& sums, int centroid, sum reach, sum excess,
                 row_list& out) const {
    list(
        sums, centroid, reach, [&](index_t) { return simd::all(excess); }, out);
  }
  /// The same with an excess of its own for each row.
  void find_rows(const centroid_sums& sums, int centroid, sum reach, row_list& out) const {
    list(
        sums, centroid, reach, [&](index_t row) { return simd::load(row_excess + row); }, out);
  }

 private:
  template <class Excess>
  void list(const centroid_sums& sums, int centroid, sum reach, const Excess& excess_of,
            row_list& out) const {
    std::int32_t* to = out.places;
    for_each_vector([&](int t, int v, index_t row) {
      const vector beyond = simd::load(centroid_square + row) + excess_of(row) +
                            simd::load(twice + row) * simd::load(centroid_distance + row);
      const vector most = simd::smaller(reached(row, reach), beyond);
      to = append_lanes(to, simd::positive(sums[t][centroid][v] + most),
                        static_cast<std::int32_t>(row));
    });
    out.count = to - out.places;
  }

  vector reached(index_t row, sum reach) const {
    return simd::load(square + row) + reach * (simd::load(twice + row) + reach);
  }

  /// Calls `visit(t, v, row)` for vector v of tile t, whose first row is `row`.
  template <class Visit>
  static void for_each_vector(const Visit& visit) {
#pragma GCC unroll 4
    for (int t = 0; t < tiles; ++t)
#pragma GCC unroll 4
      for (int v = 0; v < tile::vectors; ++v) visit(t, v, t * tile_rows + v * simd::lanes);
  }
};

}  // namespace atlas::inline ATLAS_ABI::detail
