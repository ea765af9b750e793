// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A block of rows whose neighbours are looked for in cells, and the two tests that leave cells
/// out.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "atlas/neighbors/cells/row_cells.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows of cells that follow each other.
template <class Scalar, class Shortlist>
struct cell_query {
  using cells = row_cells<Scalar, Shortlist>;
  using tile = typename cells::tile;
  using simd = typename tile::simd;
  using vector = typename tile::vector;
  using sum = typename tile::sum;
  static constexpr int tiles = 4;  // so that rows which meet a shell share what reading it takes
  static constexpr index_t tile_rows = tile::right_rows;
  static constexpr index_t block_rows = tiles * tile_rows;
  static constexpr index_t at_once = 32;

  using centroid_sums = typename tile::sums[tiles];  // of centroids with all rows

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

  /// Rows of a block that have their cell in common.
  struct rows_of_cell {
    index_t cell, from, to;
    row_set rows;
  };

  index_t rows = 0;
  index_t number[block_rows], cell[block_rows];
  std::vector<typename tile::item> right;  // beside centroids: a tile after the other
  sum half[block_rows];
  float unit[block_rows];
  std::vector<typename tile::item> left;      // beside shells: a row after the other
  row_facts<sum> facts[block_rows + 1];       // the last stands for none
  sum square[block_rows], twice[block_rows];  // of the lengths of the limits
  sum own[block_rows];                        // squares of the lengths from their own centroids
  sum apart[block_rows];                      // lengths from those to another cell's
  std::vector<rows_of_cell> runs;
  block_side<Scalar, Shortlist, false> centroids;  // of the runs
  std::vector<row_set> seen;                       // of each cell, the rows that have met it
  struct pair {
    index_t row, other;  // within the block, and in the cloud
    sum nearness;
  };
  pair pairs[at_once + cells::shell_tile::size];
  index_t count = 0;
  double work = 0;  // cycles, roughly

  /// The rows whose neighbours may lie within `reach` of a centroid: those whose sums with it are
  /// above minus the square of both lengths' sum (Shortlist::length).
  row_set within(const centroid_sums& sums, int centroid, sum reach) const {
    return above(sums, centroid, [&](index_t at) -> vector {
      return simd::load(square + at) + reach * (simd::load(twice + at) + reach);
    });
  }

  /// The rows whose neighbours may lie on the other side of the hyperplane between their centroid o
  /// and another, c. f(p) = |p - c|^2 - |p - o|^2 is linear of slope 2 |o - c|, so rows x and y
  /// differ by (f(x) - f(y)) / (2 |o - c|) at least. f(y) is the excess at most, f(x) follows from
  /// the sum and the row's own length.
  row_set beside(const centroid_sums& sums, int centroid, sum excess) const {
    return above(sums, centroid, [&](index_t at) -> vector {
      return simd::load(own + at) + excess + simd::load(twice + at) * simd::load(apart + at);
    });
  }

 private:
  /// The rows whose sums are above minus `most`.
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
