// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A block of queries against blocks of reference rows, each pair by its exact distance: in
/// periodic boxes, and for clouds whose squares a double cannot hold.

#include <limits>
#include <utility>
#include <vector>

#include "atlas/neighbors/periods.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/row_pairs.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// As tile_comparison, but what it measures are distances, over the whole range of doubles.
template <class Scalar>
class direct_comparison {
 public:
  static constexpr bool measures_squares = false;
  static constexpr index_t most_queries = 256;
  static constexpr index_t most_reference = 1024;
  static constexpr index_t query_unit = 1;

  /// \param lengths of box_lengths, of which none: not periodic
  direct_comparison(const row_pairs<Scalar>& pairs, std::vector<double> lengths)
      : pairs_(pairs), d_(pairs.queries.extent(1)), lengths_(std::move(lengths)) {
    lengths_.resize(static_cast<std::size_t>(d_), std::numeric_limits<double>::infinity());
  }

  struct workspace {
    raw_rows<Scalar> queries, reference;
    index_t first = 0, count = 0;  // queries
  };

  static double pair_cycles(index_t d) { return static_cast<double>(d) + 30; }

  void load_queries(workspace& w, index_t from, index_t count) const {
    w.queries.load(pairs_.queries, from, count);
    w.first = from;
    w.count = count;
  }

  void limit(workspace&, index_t, double) const {}

  /// Calls `visit(query, row, distance)` for each pair that may be of neighbours.
  template <class Visit>
  void compare(workspace& w, index_t from, index_t count, const Visit& visit) const {
    w.reference.load(pairs_.reference, from, count);
    for (index_t q = 0; q < w.count; ++q)
      for (index_t r = 0; r < count; ++r)
        if (pairs_.allows(w.first + q, from + r))
          visit(q, r, image_distance(w.queries.row(q), w.reference.row(r), lengths_.data(), d_));
  }

  double distance(const workspace&, index_t, index_t, double measured) const { return measured; }

 private:
  const row_pairs<Scalar>& pairs_;
  index_t d_;
  std::vector<double> lengths_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
