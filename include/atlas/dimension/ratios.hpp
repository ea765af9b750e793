// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Ratios of second to first neighbour distances.

#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `ln(r2 / r1)` of the rows that have one.
struct log_ratios {
  std::vector<double> values;
  std::vector<index_t> rows;  ///< `[values.size(), 3]`: the row and its two neighbours, by number;
                              ///< empty where they are not known
  index_t duplicates = 0;     ///< rows whose nearest neighbour is at distance 0
  index_t isolated = 0;       ///< rows left with fewer than two neighbours by the exclusion
};

/// Adds what row i of a table of two neighbours each has.
inline void add_log_ratio(const neighbor_table& table, index_t i, log_ratios& out) {
  const double first = table.distances(i, 0), second = table.distances(i, 1);
  if (table.indices(i, 1) < 0) {
    ++out.isolated;
  } else if (first == 0) {
    ++out.duplicates;
  } else {
    out.values.push_back(std::log(second / first));
    out.rows.insert(out.rows.end(), {i, table.indices(i, 0), table.indices(i, 1)});
  }
}

/// \throws shape_error for fewer than 3 rows or 2 neighbours
template <class = lazy>
log_ratios log_ratios_of(const neighbor_table& table) {
  const index_t rows = table.distances.extent(0), k = table.distances.extent(1);
  if (rows < 3 || k < 2)
    throw shape_error("table", "at least 3 rows of two neighbours each",
                      shape_text(table.distances.extents()));
  log_ratios out;
  out.values.reserve(static_cast<std::size_t>(rows));
  out.rows.reserve(3 * static_cast<std::size_t>(rows));
  for (index_t i = 0; i < rows; ++i) add_log_ratio(table, i, out);
  return out;
}

/// The two nearest neighbours of every row, whatever `options.k`.
template <class Scalar>
neighbor_table two_neighbors(const tensor_view<const Scalar, 2>& points, neighbor_options options) {
  check_not_empty(points, "points");
  if (points.extent(0) < 3)
    throw shape_error("points", "at least 3 rows for two neighbours each",
                      std::to_string(points.extent(0)));
  options.k = 2;
  return nearest_neighbors(points, options);
}

/// Rows of a cloud that give ratios, and what became of the others.
struct ratio_source {
  log_ratios ratios;
  index_t points = 0;  ///< rows that were searched
  index_t merged = 0;
};

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION log_ratios log_ratios_of<void>(const neighbor_table&);
ATLAS_OF_DIMENSION neighbor_table two_neighbors<float>(const tensor_view<const float, 2>&,
                                                       neighbor_options);
ATLAS_OF_DIMENSION neighbor_table two_neighbors<double>(const tensor_view<const double, 2>&,
                                                        neighbor_options);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
