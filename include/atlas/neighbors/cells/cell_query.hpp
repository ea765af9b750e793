// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A block of rows whose neighbours are looked for in cells, and the two tests that rule out cells.

#include <algorithm>
#include <cstdint>
#include <vector>

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
  static constexpr int tiles = 4;  // several, so that the rows compared with a shell read it once
  static constexpr index_t tile_rows = tile::right_rows;
  static constexpr index_t block_rows = tiles * tile_rows;
  static constexpr index_t batch_pairs = 32;

  using centroid_sums = typename tile::sums[tiles];  // of a group of centroids with all rows

  /// A bit for each row of a block.
  struct row_set {
    std::uint64_t bits[tiles] = {};
    bool empty() const {
      return std::all_of(bits, bits + tiles, [](std::uint64_t b) { return b == 0; });
    }
    void add(index_t row) { bits[row / tile_rows] |= std::uint64_t{1} << (row % tile_rows); }
    row_set& operator&=(const row_set& other) {
      for (int t = 0; t < tiles; ++t) bits[t] &= other.bits[t];
      return *this;
    }
  };

  /// The rows of a block that are of one cell.
  struct rows_of_cell {
    index_t cell, from, to;
    row_set rows;
  };

  index_t rows = 0;
  index_t number[block_rows], cell[block_rows];
  std::vector<typename tile::item> right;  // for tiles with centroids, `[tiles, steps, tile_rows]`
  sum half[block_rows];
  float unit[block_rows];
  std::vector<typename tile::item> left;      // for tiles with shells, `[block_rows + 1, steps]`
  row_facts<sum> facts[block_rows + 1];       // the last of no row
  sum square[block_rows], twice[block_rows];  // of limits in units of length: l^2 and 2 l
  sum centroid_square[block_rows];            // squared lengths from their cells' centroids
  sum centroid_distance[block_rows];          // lengths of those from another cell's
  std::vector<rows_of_cell> runs;
  block_side<Scalar, Shortlist, false> centroids;  // of the cells of `runs`
  std::vector<row_set> compared;                   // for each cell, rows already compared with it
  struct candidate {
    index_t row, other;  // within the block, and in the cloud
    sum nearness;
  };
  candidate candidates[batch_pairs + cells::shell_tile::size];
  index_t count = 0;
  double cycles = 0;  // spent so far (search_costs.hpp)

  /// The rows whose neighbours may lie within `reach` of a centroid (triangle inequality): those
  /// whose sums with it are above minus the square of limit plus reach (Shortlist::length).
  row_set reached_from(const centroid_sums& sums, int centroid, sum reach) const {
    return above(sums, centroid, [&](index_t row) -> vector {
      return simd::load(square + row) + reach * (simd::load(twice + row) + reach);
    });
  }

  /// The rows whose neighbours may lie beyond the hyperplane that is as far from their cell's
  /// centroid o as from another, c. f(p) = |p - c|^2 - |p - o|^2 is linear of slope 2 |o - c|, so
  /// that the distance of rows x and y is at least (f(x) - f(y)) / (2 |o - c|). For y in the cell
  /// of c f(y) is at most `excess`; f(x) follows from the sum of x with c and from |x - o|.
  row_set beyond_bisector(const centroid_sums& sums, int centroid, sum excess) const {
    return above(sums, centroid, [&](index_t row) -> vector {
      return simd::load(centroid_square + row) + excess +
             simd::load(twice + row) * simd::load(centroid_distance + row);
    });
  }

 private:
  /// The rows whose sums with a centroid are above minus `most(row)`.
  template <class Most>
  static row_set above(const centroid_sums& sums, int centroid, const Most& most) {
    row_set out;
    for (int t = 0; t < tiles; ++t)
#pragma GCC unroll 4
      for (int v = 0; v < tile::vectors; ++v)
        out.bits[t] |= std::uint64_t{simd::positive(sums[t][centroid][v] +
                                                    most(t * tile_rows + v * simd::lanes))}
                       << (v * simd::lanes);
    return out;
  }
};

}  // namespace atlas::inline ATLAS_ABI::detail
