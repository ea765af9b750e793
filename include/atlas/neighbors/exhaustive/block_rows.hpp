// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Into how many blocks rows are cut.

#include <algorithm>

#include "atlas/core/parallel.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows of a block, a multiple of `unit`: blocks of nearly the same size, a few for every thread
/// where there are several, none of many more than `most` rows. Where blocks would have fewer than
/// `enough` rows there is one a thread.
inline index_t choose_block_rows(index_t n, index_t most, index_t unit, int threads,
                                 index_t enough = 96) {
  constexpr index_t least = 96;
  const index_t workers = thread_count(threads), several = workers == 1 ? 1 : 4 * workers;
  const index_t wanted = (std::min)({several, (std::max)(workers, n / enough), n / least});
  const index_t blocks = std::max<index_t>({1, wanted, (n + most - 1) / most});
  const index_t rows = (n + blocks - 1) / blocks;
  return (rows + unit - 1) / unit * unit;
}

}  // namespace atlas::inline ATLAS_ABI::detail
