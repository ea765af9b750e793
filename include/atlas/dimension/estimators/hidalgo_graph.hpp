// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Who is among whose neighbours, of the rows that `hidalgo` sorts into parts.

#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/hidalgo_options.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows with a ratio, by numbers of their own, and who is among whose q neighbours.
struct neighbour_graph {
  std::vector<index_t> rows;      ///< `[n]`, of the cloud
  std::vector<double> log_ratio;  ///< `[n]`
  index_t q = 0;
  std::vector<index_t> out;        ///< `[n, q]`, neighbours; -1 for a row without a ratio
  std::vector<index_t> begin, in;  ///< rows that have row i among theirs: in[begin[i] ...]

  index_t count() const { return static_cast<index_t>(rows.size()); }
};

/// Turns the lists of neighbours around.
inline void invert_graph(neighbour_graph& g) {
  g.begin.assign(g.rows.size() + 1, 0);
  for (const index_t j : g.out)
    if (j >= 0) ++g.begin[static_cast<std::size_t>(j) + 1];
  std::partial_sum(g.begin.begin(), g.begin.end(), g.begin.begin());
  g.in.resize(static_cast<std::size_t>(g.begin.back()));
  std::vector<index_t> next(g.begin.begin(), g.begin.end() - 1);
  for (std::size_t e = 0; e < g.out.size(); ++e)
    if (g.out[e] >= 0)
      g.in[static_cast<std::size_t>(next[static_cast<std::size_t>(g.out[e])]++)] =
          static_cast<index_t>(e) / g.q;
}

/// Counts rows that have none in `out`.
template <class = lazy>
neighbour_graph graph_of(const neighbor_table& table, index_t q, hidalgo_result& out) {
  const index_t n = table.distances.extent(0);
  neighbour_graph g;
  g.q = q;
  std::vector<index_t> number(static_cast<std::size_t>(n), -1);
  raw_estimate counts;
  for (index_t i = 0; i < n; ++i) {
    if (!has_neighbors(table, i, q, counts)) continue;
    number[static_cast<std::size_t>(i)] = g.count();
    g.rows.push_back(i);
    g.log_ratio.push_back(std::log(table.distances(i, 1) / table.distances(i, 0)));
  }
  for (const index_t i : g.rows)
    for (index_t j = 0; j < q; ++j)
      g.out.push_back(number[static_cast<std::size_t>(table.indices(i, j))]);
  invert_graph(g);
  out.points_used = g.count();
  out.duplicates = counts.duplicates;
  out.isolated = counts.isolated;
  return g;
}

}  // namespace atlas::inline ATLAS_ABI::detail
