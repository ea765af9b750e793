// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The search in cells. Where the distance of a row from a cell's centroid exceeds the cell's reach
/// plus the row's limit, the cell holds none of its neighbours (triangle inequality).

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/cells/cell_query.hpp"
#include "atlas/neighbors/cells/query_rows.hpp"
#include "atlas/neighbors/cells/row_cells.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/neighbor_options.hpp"
#include "atlas/neighbors/search_costs.hpp"
#include "atlas/neighbors/search_driver.hpp"

#if defined(__GNUC__) || defined(__clang__)
#define ATLAS_DETAIL_NOT_INLINED __attribute__((noinline))
#else
#define ATLAS_DETAIL_NOT_INLINED
#endif

namespace atlas::inline ATLAS_ABI::detail {

template <class Scalar, class Shortlist>
class cell_search {
  using query = cell_query<Scalar, Shortlist>;
  using cells = row_cells<Scalar, Shortlist>;
  using tile = typename cells::tile;
  using shell_tile = typename cells::shell_tile;
  using simd = typename tile::simd;
  using vector = typename tile::vector;
  using sum = typename tile::sum;
  using row_list = typename query::row_list;
  using rows_of_cell = typename query::rows_of_cell;
  using centroid_sums = typename query::centroid_sums;
  static constexpr int tiles = query::tiles;
  static constexpr index_t tile_rows = query::tile_rows;
  static constexpr index_t block_rows = query::block_rows;

 public:
  /// \param points, c, options must live as long as the search
  cell_search(const tensor_view<const Scalar, 2>& points, const centring& c,
              const neighbor_options& options)
      : d_(points.extent(1)),
        exclude_(options.exclude),
        shortlist_(c, points.extent(1)),
        best_(points.extent(0), options.k, distinct_labels(exclude_)),
        raw_(load(points)),
        cells_(raw_, points.extent(0), points.extent(1), shortlist_, options.threads),
        rows_(cells_, shortlist_, best_, exclude_, d_),
        done_(static_cast<std::size_t>(tasks()), 0) {}
  static constexpr index_t most_rows =
      index_t{1} << 28;  // so that lloyd's floats hold the numbers of cells exactly
  static bool fits(const centring& c, index_t d) { return Shortlist::fits(c, d); }

  cell_search(const cell_search&) = delete;
  cell_search& operator=(const cell_search&) = delete;

  // Of the driver (search_driver.hpp). A task is a block of rows of consecutive cells.
  using workspace = query;
  static constexpr index_t tasks_per_step = 4;
  static constexpr index_t rows_per_task = query::block_rows;
  index_t tasks() const { return (cells_.rows() + rows_per_task - 1) / rows_per_task; }
  std::vector<index_t> sampled_tasks() const {
    return spread_tasks(tasks(), std::min<index_t>(costs::sampled_tasks, tasks()));
  }
  neighbor_table table() { return best_.table(); }

  /// A block that was searched whole in a sample is not searched again, and takes no cycles then.
  double search(index_t block, workspace& q, double budget) {
    if (done_[static_cast<std::size_t>(block)] != 0) return 0;
    rows_.load_block(q, block);
    rows_.limit_by_block(q);
    compare_within_cells(q);
    const std::vector<index_t>& nearby = cells_.nearby(cells_.family_of(q.cell[0]));
    for (const index_t f : nearby) compare_family(q, f);
    const auto& families = cells_.family_centroids();
    index_t g = 0;
    for (; g < families.groups() && q.cycles < budget; ++g) {
      centroid_sums sums;
      add_centroid_sums(q, families, g, sums);
      for (int i = 0; i < tile::left_rows; ++i) {
        const index_t f = g * tile::left_rows + i;
        if (f < cells_.families() && std::find(nearby.begin(), nearby.end(), f) == nearby.end() &&
            q.any_reached(sums, i, cells_.family_reach(f)))
          compare_family(q, f);
      }
    }
    refine(q);
    done_[static_cast<std::size_t>(block)] = g == families.groups();
    for (index_t i = 0; i < q.rows; ++i) q.run_of_cell[static_cast<std::size_t>(q.cell[i])] = -1;
    return q.cycles;
  }

 private:
  /// Of a block, to be compared with a shell: from more than these on the excess of the shell's
  /// rows from each of the block's centroids is worth its tile.
  static constexpr index_t many_rows = 2 * tile::left_rows;

  static raw_rows<Scalar> load(const tensor_view<const Scalar, 2>& points) {
    raw_rows<Scalar> raw;
    raw.load(points, 0, points.extent(0));
    return raw;
  }

  /// Compares the rows of each cell with each other.
  void compare_within_cells(query& q) {
    q.runs.clear();
    for (index_t i = 0; i < q.rows; ++i) {
      if (q.runs.empty() || q.runs.back().cell != q.cell[i]) q.runs.push_back({q.cell[i], i, i});
      q.runs.back().to = i + 1;
    }
    const auto centroid = [&](index_t r) {
      return cells_.centroid(q.runs[static_cast<std::size_t>(r)].cell);
    };
    q.centroids.load(0, static_cast<index_t>(q.runs.size()), centroid, shortlist_);
    q.own_centroids.load(0, static_cast<index_t>(q.runs.size()), centroid, shortlist_);
    for (std::size_t r = 0; r < q.runs.size(); ++r) {
      const auto [cell, from, to] = q.runs[r];
      q.run_of_cell[static_cast<std::size_t>(cell)] = static_cast<std::int32_t>(r);
      row_list rows;
      for (index_t i = from; i < to; ++i) rows.places[rows.count++] = static_cast<std::int32_t>(i);
      for (index_t s = cells_.first_shell(cell); s < cells_.first_shell(cell + 1); ++s)
        compare_shell(q, s, rows);
    }
    refine(q);
  }

  template <class Side>
  void add_centroid_sums(query& q, const Side& centroids, index_t group,
                         centroid_sums& sums) const {
    for (index_t t = 0; t < tiles; ++t)
      tile::add(centroids.nearest(group), rows_.tile_of(q, t, q.half), shortlist_.steps(), sums[t]);
    q.cycles += static_cast<double>(tiles * tile::size) * pair_cycles(costs::centroid_share);
  }

  void compare_family(query& q, index_t family) {
    const group_range groups = cells_.groups_of(family);
    for (index_t g = groups.from; g < groups.to; ++g) compare_group(q, g);
  }

  void compare_group(query& q, index_t group) {
    centroid_sums sums;
    add_centroid_sums(q, cells_.centroids(), group, sums);
    int reached[tile::left_rows];
    int count = 0;
    const index_t first = group * tile::left_rows;
    for (int i = 0; i < tile::left_rows; ++i) {
      const index_t shell = cells_.first_shell(first + i);
      if (!q.any_reached(sums, i, cells_.shell_reach(shell))) continue;
      cells_.read_ahead(shell);
      reached[count++] = i;
    }
    if (count == 0) return;
    typename tile::sums between;
    tile::add(cells_.centroids().farthest(group), q.centroids.farthest(0), shortlist_.steps(),
              between);
    for (int m = 0; m < count; ++m) {
      set_centroid_distances(q, between[reached[m]]);
      compare_cell(q, first + reached[m], sums, reached[m]);
    }
    refine(q);
  }

  /// Sets, for each row of the block, the distance of its cell's centroid from another centroid.
  /// \param sums of that centroid with the centroids of the block's cells, as many as a tile has
  void set_centroid_distances(query& q, const vector (&sums)[tile::vectors]) const {
    const auto known = std::min<index_t>(tile_rows, static_cast<index_t>(q.runs.size()));
    for (index_t r = 0; r < known; ++r) {
      const rows_of_cell& run = q.runs[static_cast<std::size_t>(r)];
      const sum between = sums[r / simd::lanes][r % simd::lanes];
      std::fill(q.centroid_distance + run.from, q.centroid_distance + run.to,
                cells::widened(shortlist_.length_of_sum(between)));
    }
  }

  void compare_cell(query& q, index_t cell, const centroid_sums& sums, int centroid) {
    const std::int32_t own = q.run_of_cell[static_cast<std::size_t>(cell)];
    for (index_t s = cells_.first_shell(cell); s < cells_.first_shell(cell + 1); ++s) {
      row_list rows;
      q.find_rows(sums, centroid, cells_.shell_reach(s), cells_.shell_excess(s), rows);
      if (rows.count == 0) return;
      if (s + 1 < cells_.first_shell(cell + 1)) cells_.read_ahead(s + 1);
      if (rows.count > many_rows) {
        set_excess(q, s);
        q.find_rows(sums, centroid, cells_.shell_reach(s), rows);
      }
      if (own >= 0) remove(q.runs[static_cast<std::size_t>(own)], rows);
      compare_shell(q, s, rows);
    }
  }

  /// Sets, for each row of the block, the excess of a shell beyond the hyperplane between its
  /// cell's centroid and that of the row's: for the rows y of the shell themselves.
  void set_excess(query& q, index_t shell) const {
    const sum* const squares = cells_.centroid_squares(shell);
    for (index_t g = 0; g < q.own_centroids.groups(); ++g) {
      typename shell_tile::sums sums;
      shell_tile::add(q.own_centroids.nearest(g), cells_.shell(shell), shortlist_.steps(), sums);
      const index_t first = g * tile::left_rows;
      const auto count =
          std::min<index_t>(tile::left_rows, static_cast<index_t>(q.runs.size()) - first);
      for (index_t i = 0; i < count; ++i) {
        vector most = sums[i][0] + simd::load(squares);
        for (int v = 1; v < shell_tile::vectors; ++v)
          most = simd::larger(most, sums[i][v] + simd::load(squares + v * simd::lanes));
        const rows_of_cell& run = q.runs[static_cast<std::size_t>(first + i)];
        std::fill(q.row_excess + run.from, q.row_excess + run.to, raised(largest_lane(most)));
      }
      q.cycles += static_cast<double>(shell_tile::size) * pair_cycles(costs::shell_share);
    }
  }

  static sum largest_lane(const vector& x) {
    sum parts[simd::lanes];
    simd::store(parts, x);
#pragma GCC unroll 4
    for (int half = simd::lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int l = 0; l < half; ++l) parts[l] = (std::max)(parts[l], parts[l + half]);
    return parts[0];
  }

  /// Raised by more than the rounding of a sum, whatever its sign.
  static sum raised(sum x) {
    return x + std::abs(x) * static_cast<sum>(0x1p-20);
  }

  /// Takes the rows of a cell, which have been compared with it, out of a list.
  static void remove(const rows_of_cell& run, row_list& rows) {
    const auto end = std::remove_if(rows.places, rows.places + rows.count,
                                    [&](std::int32_t i) { return i >= run.from && i < run.to; });
    rows.count = end - rows.places;
  }

  void compare_shell(query& q, index_t shell, row_list& rows) {
    std::fill_n(rows.places + rows.count, tile::left_rows, static_cast<std::int32_t>(block_rows));
    for (index_t from = 0; from < rows.count; from += tile::left_rows)
      compare_shell(q, shell, rows.places + from,
                    std::min<index_t>(tile::left_rows, rows.count - from));
  }

  /// A function by itself, so that the addresses of all rows stay in registers.
  /// \param rows `[left_rows]`, places in the block; those after `count` hold no row
  ATLAS_DETAIL_NOT_INLINED void compare_shell(query& q, index_t shell, const std::int32_t* rows,
                                              index_t count) {
    typename shell_tile::picked left;
    for (int i = 0; i < tile::left_rows; ++i) {
      left.items[i] = q.left.data() + rows[i] * shortlist_.steps();
      left.facts[i] = q.facts + rows[i];
    }
    typename shell_tile::sums sums;
    shell_tile::add(left, cells_.shell(shell), shortlist_.steps(), sums);
    vector above = sums[0][0] - left.facts[0]->floor;
#pragma GCC unroll 16
    for (int i = 0; i < tile::left_rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < shell_tile::vectors; ++v)
        above = simd::larger(above, sums[i][v] - left.facts[i]->floor);
    q.cycles += static_cast<double>(shell_tile::size) * pair_cycles(costs::shell_share);
    if (simd::positive(above) == 0) return;
    for (index_t i = 0; i < count; ++i)
      for (int v = 0; v < shell_tile::vectors; ++v) {
        unsigned lanes = simd::above(sums[i][v], simd::all(q.facts[rows[i]].floor));
        for (; lanes != 0; lanes &= lanes - 1) {
          const int lane = std::countr_zero(lanes);
          collect(q,
                  {rows[i], cells_.shell_numbers(shell)[v * simd::lanes + lane], sums[i][v][lane]});
        }
      }
    if (q.count >= query::batch_pairs) refine(q);
  }

  void collect(query& q, const typename query::candidate& p) const {
    const index_t row = q.number[p.row];
    if (p.other < 0 || p.other == row || exclude_.rejects(row, p.other)) return;
    prefetch(raw_.row(p.other), static_cast<std::size_t>(d_) * sizeof(Scalar));
    q.candidates[q.count++] = p;
  }

  /// Gives the candidates so far their exact distances, but for those that a limit which has
  /// tightened since rules out.
  void refine(query& q) {
    for (index_t p = 0; p < q.count; ++p) {
      const auto [i, other, nearness] = q.candidates[p];
      if (!(nearness > q.facts[i].floor)) continue;
      const index_t row = q.number[i];
      q.cycles += costs::cell_distance(d_);
      if (best_.offer(row, other, squared_distance(raw_.row(row), raw_.row(other), d_)))
        rows_.limit(q, i);
    }
    q.count = 0;
  }

  /// \param share of a pair of the exhaustive search
  double pair_cycles(double share) const {
    return share * Shortlist::pair_cycles(d_);
  }

  index_t d_;
  const exclusion& exclude_;
  Shortlist shortlist_;
  best_candidates best_;
  raw_rows<Scalar> raw_;
  row_cells<Scalar, Shortlist> cells_;
  query_rows<Scalar, Shortlist> rows_;
  std::vector<char> done_;  // of blocks: whether all families were looked at
};

}  // namespace atlas::inline ATLAS_ABI::detail

#undef ATLAS_DETAIL_NOT_INLINED
