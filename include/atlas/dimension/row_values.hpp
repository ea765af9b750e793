// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A number of each row, from its distances to its neighbours.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/dimension/estimator_input.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows that one task of a thread looks at.
inline constexpr index_t rows_of_a_block = 4096;

inline index_t block_count(index_t rows) {
  return (rows + rows_of_a_block - 1) / rows_of_a_block;
}

/// Calls `each(begin, end, block)` for blocks of rows, on several threads.
template <class Each>
void for_row_blocks(index_t rows, int threads, Each&& each) {
  parallel_for(block_count(rows), threads, [&](index_t block) {
    const index_t begin = block * rows_of_a_block;
    each(begin, (std::min)(rows, begin + rows_of_a_block), block);
  });
}

/// What `value(r)` makes of the k ascending distances `r` of each row that has k neighbours, none
/// at distance 0; the other rows are counted in `out`. Rows whose value is no NaN are `out.rows`.
/// \return `[N]`, NaN for rows without a value
///
/// O(N k) time, O(N) memory; the same bits for every thread count.
template <class Value>
std::vector<double> row_values(const neighbor_rows& cloud, index_t k, Value&& value,
                               raw_estimate& out) {
  const neighbor_table& table = cloud.table;
  const index_t n = cloud.rows();
  std::vector<double> values(static_cast<std::size_t>(n), std::numeric_limits<double>::quiet_NaN());
  std::vector<raw_estimate> counts(static_cast<std::size_t>(block_count(n)));
  for_row_blocks(n, cloud.options.threads, [&](index_t begin, index_t end, index_t block) {
    for (index_t i = begin; i < end; ++i)
      if (has_neighbors(table, i, k, counts[static_cast<std::size_t>(block)]))
        values[static_cast<std::size_t>(i)] = value(&table.distances(i, 0));
  });
  for (const raw_estimate& c : counts) {
    out.duplicates += c.duplicates;
    out.isolated += c.isolated;
  }
  for (index_t i = 0; i < n; ++i)
    if (!std::isnan(values[static_cast<std::size_t>(i)])) out.rows.push_back(i);
  return values;
}

/// What to say where neighbours that a row compares are equally far.
inline std::string remark_on_ties(index_t tied, index_t rows) {
  return "Of " + std::to_string(tied) + " of " + std::to_string(rows) +
         " rows the neighbours compared are equally far: distances may be discrete.";
}

/// Says so of `out.rows` where a tenth of them has its two nearest neighbours equally far, which of
/// distances that are not discrete nearly none has.
template <class = lazy>
void note_ties(const neighbor_rows& cloud, raw_estimate& out) {
  const auto tied =
      static_cast<index_t>(std::count_if(out.rows.begin(), out.rows.end(), [&](index_t i) {
        return cloud.table.distances(i, 0) == cloud.table.distances(i, 1);
      }));
  const auto rows = static_cast<index_t>(out.rows.size());
  if (10 * tied > rows) out.remark = remark_on_ties(tied, rows);
}

}  // namespace atlas::inline ATLAS_ABI::detail
