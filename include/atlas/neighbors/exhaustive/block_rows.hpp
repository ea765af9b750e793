// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Into how many blocks rows are cut.

#include <algorithm>

#include "atlas/core/parallel.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows of a block, a multiple of `unit`: blocks of nearly the same size, a few for every thread
/// where there are several, none of many more than `most` rows, and of fewer than `least` only
/// where it is alone.
inline index_t choose_block_rows(index_t n, index_t most, index_t unit, int threads,
                                 index_t least = 96) {
  const index_t several = thread_count(threads) == 1 ? 1 : 4 * thread_count(threads);
  const index_t wanted = (std::min)(several, n / least);
  const index_t blocks = std::max<index_t>({1, wanted, (n + most - 1) / most});
  const index_t rows = (n + blocks - 1) / blocks;
  return (rows + unit - 1) / unit * unit;
}

}  // namespace atlas::inline ATLAS_ABI::detail
