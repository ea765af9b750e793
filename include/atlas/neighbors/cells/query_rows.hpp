// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The rows of a block as a query of the search in cells, and within which distance each of them
/// still has neighbours to be found.

#include <algorithm>
#include <cstddef>

#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/cells/cell_query.hpp"
#include "atlas/neighbors/cells/row_cells.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/search_costs.hpp"

namespace atlas::inline ATLAS_ABI::detail {

template <class Scalar, class Shortlist>
class query_rows {
  using query = cell_query<Scalar, Shortlist>;
  using cells = row_cells<Scalar, Shortlist>;
  using tile = typename cells::tile;
  using shell_tile = typename cells::shell_tile;
  using simd = typename tile::simd;
  using sum = typename tile::sum;
  static constexpr index_t tile_rows = query::tile_rows;
  static constexpr index_t block_rows = query::block_rows;

 public:
  /// All but d must live as long.
  query_rows(const cells& rows, const Shortlist& shortlist, best_candidates& best,
             const exclusion& exclude, index_t d)
      : cells_(rows), shortlist_(shortlist), best_(best), exclude_(exclude), d_(d) {}

  /// Rows `block * block_rows` and on, in the order of their cells, without candidates.
  void load_block(query& q, index_t block) {
    const index_t from = block * block_rows;
    q.rows = (std::min)(block_rows, cells_.rows() - from);
    q.cycles = 0;
    q.run_of_cell.resize(static_cast<std::size_t>(cells_.cells()), -1);
    q.left.resize(static_cast<std::size_t>((block_rows + 1) * shortlist_.steps()));
    q.right.assign(static_cast<std::size_t>(block_rows * shortlist_.steps()),
                   typename tile::item{});
    for (index_t i = 0; i < block_rows; ++i) {
      q.half[i] = q.high[i] = Shortlist::absent;
      q.square[i] = q.twice[i] = q.centroid_square[i] = q.row_excess[i] = 0;
      q.centroid_distance[i] = static_cast<sum>(no_limit);  // until it is computed
      q.unit[i] = 0;
      if (i < q.rows) load(q, i, from + i);
    }
    q.facts[block_rows] = {Shortlist::absent, Shortlist::all_floor, 0, 0};
  }

  /// Sets the limit of row i of the block from its k-th best neighbour so far.
  void limit(query& q, index_t i) const {
    const double square = best_.worst(q.number[i]);
    if (shortlist_.floor(square) < q.facts[i].floor) return;  // that of the block was tighter
    set_limit(q, i, shortlist_.floor(square), shortlist_.length(square));
  }

  /// First limits: the k-th nearest of the block's other rows, of which there are k among the k + 1
  /// nearest of all of them.
  void limit_by_block(query& q) const {
    if (exclude_.active()) return;
    if (best_.k() <= 2)
      limit_by_block<3>(q);
    else if (best_.k() <= 8)
      limit_by_block<9>(q);
  }

  /// Tile t of the block, with half of a bound of the norms.
  typename tile::rows tile_of(const query& q, index_t t, const sum* half) const {
    const index_t row = t * tile_rows;
    return {q.right.data() + row * shortlist_.steps(), half + row, nullptr, q.unit + row, nullptr};
  }

 private:
  /// Above all lengths in a cloud, which is scaled to coordinates below 1.
  static constexpr double no_limit = 1e9;
  /// Copies a row of the cells to place i of the block, in the forms that the tiles of centroids
  /// and of shells read.
  void load(query& q, index_t i, index_t row) {
    const index_t steps = shortlist_.steps(), lanes = cells::shell_rows;
    const index_t lane = cells_.place(row) % lanes;
    const typename shell_tile::rows shell = cells_.shell(cells_.place(row) / lanes);
    for (index_t k = 0; k < steps; ++k) {
      q.right[static_cast<std::size_t>((i / tile_rows * steps + k) * tile_rows + i % tile_rows)] =
          shell.items[k * lanes + lane];
      q.left[static_cast<std::size_t>(i * steps + k)] =
          Shortlist::for_other_side(shell.items[k * lanes + lane]);
    }
    q.half[i] = shell.half[lane];
    q.high[i] = cells_.high(cells_.place(row));
    q.unit[i] = shell.unit[lane];
    q.facts[i] = {shell.half[lane], Shortlist::no_floor, shell.unit[lane], shell.offset[lane]};
    q.number[i] = cells_.number(row);
    q.cell[i] = cells_.cell_of(row);
    q.centroid_square[i] = cells_.centroid_square(row);
    best_.clear(q.number[i]);
    limit(q, i);
  }

  /// \param length of the limit, in the units of Shortlist::length
  void set_limit(query& q, index_t i, sum floor, double length) const {
    length = (std::min)(length, no_limit);
    q.facts[i].floor = floor;
    q.square[i] = cells::widened(length * length + shortlist_.slack());
    q.twice[i] = cells::widened(2 * length);
  }

  template <int Kept>
  void limit_by_block(query& q) const {
    row_facts<sum> facts[block_rows];
    for (index_t i = 0; i < block_rows; ++i) {
      facts[i] = q.facts[i < q.rows ? i : block_rows];
      facts[i].half = q.high[i];
    }
    const index_t steps = shortlist_.steps();
    for (index_t t = 0; t * tile_rows < q.rows; ++t) {
      const typename tile::rows right = tile_of(q, t, q.high);
      largest_sums<tile, Kept> largest[tile::vectors];
      for (index_t from = 0; from < q.rows; from += tile::left_rows) {
        typename tile::picked left;
        for (int i = 0; i < tile::left_rows; ++i) {
          left.items[i] = q.left.data() + (from + i) * steps;
          left.facts[i] = facts + from + i;
        }
        typename tile::sums sums;
        tile::add(left, right, steps, sums);
        for (int v = 0; v < tile::vectors; ++v) largest[v].offer(sums, v, nullptr);
      }
      for (index_t i = t * tile_rows; i < (std::min)(q.rows, (t + 1) * tile_rows); ++i) {
        const index_t v = (i - t * tile_rows) / simd::lanes;
        const sum known = largest[v].sum[best_.k()][i % simd::lanes];
        set_limit(q, i, shortlist_.floor_of_sum(known), shortlist_.length_of_sum(known));
      }
    }
    q.cycles +=
        static_cast<double>(q.rows * q.rows) * costs::centroid_share * Shortlist::pair_cycles(d_);
  }

  const cells& cells_;
  const Shortlist& shortlist_;
  best_candidates& best_;
  const exclusion& exclude_;
  index_t d_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
