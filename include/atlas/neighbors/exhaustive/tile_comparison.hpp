// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A block of queries against blocks of reference rows, in the tiles of the shortlist.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "atlas/neighbors/rounding/block_side.hpp"
#include "atlas/neighbors/rounding/register_tile.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/neighbors/row_pairs.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The shortlist of rows rounded to their own type rules out pairs beyond the queries' limits; the
/// others get the squares of their exact distances. For clouds whose squares a double can hold.
template <class Scalar>
class tile_comparison {
 public:
  using shortlist = float_shortlist<Scalar>;
  using tile = typename shortlist::tile;
  static constexpr bool measures_squares = true;
  static constexpr index_t most_queries = shortlist::most_rows;
  static constexpr index_t most_reference = shortlist::most_rows;
  static constexpr index_t query_unit = tile::right_rows;

  /// \param c of all rows
  tile_comparison(const row_pairs<Scalar>& pairs, const centring& c)
      : pairs_(pairs), centring_(c), d_(pairs.queries.extent(1)), shortlist_(centring_, d_) {}
  tile_comparison(const tile_comparison&) = delete;
  tile_comparison& operator=(const tile_comparison&) = delete;

  struct candidate {
    index_t query, row;  // within their blocks
  };
  struct workspace {
    block_side<Scalar, shortlist, false> queries;
    block_side<Scalar, shortlist, true> reference;
    candidate candidates[32 + tile::size];
    index_t count = 0;
  };

  static double pair_cycles(index_t d) { return shortlist::pair_cycles(d); }

  /// Rows [from, from + count) are the queries from here on, without limits.
  void load_queries(workspace& w, index_t from, index_t count) const {
    w.count = 0;
    w.queries.load(pairs_.queries, from, count, shortlist_);
  }

  /// Pairs of the query whose squared distance comes out above this are of no interest.
  void limit(workspace& w, index_t query, double square) const {
    sum& floor = w.queries.floor[static_cast<std::size_t>(query)];
    floor = (std::max)(floor, shortlist_.floor(square));
  }

  /// Calls `visit(query, row, square)`, both within their blocks, for each pair that may be of
  /// neighbours and is not ruled out. It may set limits.
  template <class Visit>
  void compare(workspace& w, index_t from, index_t count, const Visit& visit) const {
    w.reference.load(pairs_.reference, from, count, shortlist_);
    // Of the lower of both floors, which a tile compares, that of the query remains.
    std::fill_n(w.reference.floor.begin(), count, shortlist::all_floor);
    std::uint64_t bits[tile::left_rows];
    for (index_t q = 0; q < w.queries.groups(); ++q)
      for (index_t r = 0; r < w.reference.groups(); ++r) {
        if (compare_tile<tile>(w.reference.nearest(r), w.queries.nearest(q), shortlist_.steps(),
                               bits))
          collect(w, q * tile::right_rows, r * tile::left_rows, bits);
        if (w.count >= 32) refine(w, visit);
      }
    refine(w, visit);
  }

  /// Distance of a pair just visited.
  double distance(const workspace& w, index_t query, index_t row, double square) const {
    return is_too_small(square)
               ? close_row_distance(w.queries.raw.row(query), w.reference.raw.row(row), d_)
               : std::sqrt(square);
  }

 private:
  using sum = typename tile::sum;

  /// \param bits of a tile that begins with these rows
  static void collect(workspace& w, index_t query, index_t row,
                      const std::uint64_t (&bits)[tile::left_rows]) {
    std::uint64_t mask = ~std::uint64_t{0};  // no rows that fill up the last group
    if (w.queries.rows - query < tile::right_rows)
      mask = (std::uint64_t{1} << (w.queries.rows - query)) - 1;
    const index_t end = std::min<index_t>(tile::left_rows, w.reference.rows - row);
    for (index_t i = 0; i < end; ++i)
      for (std::uint64_t rest = bits[i] & mask; rest != 0; rest &= rest - 1)
        w.candidates[w.count++] = {query + std::countr_zero(rest), row + i};
  }

  /// Exact distances of the candidates so far.
  template <class Visit>
  void refine(workspace& w, const Visit& visit) const {
    for (index_t c = 0; c < w.count; ++c) {
      const auto [query, row] = w.candidates[c];
      if (pairs_.allows(w.queries.first + query, w.reference.first + row))
        visit(query, row, squared_distance(w.queries.raw.row(query), w.reference.raw.row(row), d_));
    }
    w.count = 0;
  }

  const row_pairs<Scalar>& pairs_;
  const centring centring_;
  index_t d_;
  shortlist shortlist_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
