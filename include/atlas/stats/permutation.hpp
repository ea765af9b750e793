// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Permutation p values: how often a statistic is as extreme when what belongs together is
/// shuffled.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"

namespace atlas::inline ATLAS_ABI {

struct permutation_options {
  index_t permutations = 9999;
  /// Rows that are shuffled together, in runs of this many: rows of one text are not independent,
  /// and shuffling them one by one makes chance look rarer than it is. 1: every row on its own.
  index_t rows_per_block = 1;
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

namespace detail {

/// n!, or `limit + 1` where that is more than `limit`.
inline index_t factorial_up_to(index_t n, index_t limit) {
  index_t product = 1;
  for (index_t i = 2; i <= n; ++i) {
    if (product > limit / i) return limit + 1;
    product *= i;
  }
  return product;
}

/// Row i of the shuffled sample is row `rows[i]` of the sample.
inline void rows_of_blocks(const std::vector<index_t>& blocks, index_t rows_per_block,
                           std::vector<index_t>& rows) {
  std::size_t at = 0;
  for (const index_t b : blocks)
    for (index_t i = 0; i < rows_per_block; ++i) rows[at++] = b * rows_per_block + i;
}

inline index_t check_permutations(index_t n, const permutation_options& o) {
  check_between(o.permutations, 1, index_t{1} << 40, "permutations");
  check_between(o.rows_per_block, 1, n, "rows_per_block");
  if (n % o.rows_per_block != 0)
    throw shape_error("x", "a multiple of rows_per_block rows, " + std::to_string(o.rows_per_block),
                      std::to_string(n));
  if (n / o.rows_per_block < 2)
    throw value_error("rows_per_block", "at least 2 blocks to shuffle",
                      std::to_string(o.rows_per_block));
  return n / o.rows_per_block;
}

/// p of all orders of the blocks: the share that `as_extreme(order)` is true for.
template <class AsExtreme>
double exact_p(index_t blocks, const permutation_options& o, AsExtreme&& as_extreme) {
  progress_meter meter(o.on_progress, "permutations", factorial_up_to(blocks, o.permutations));
  std::vector<index_t> order(static_cast<std::size_t>(blocks));
  std::iota(order.begin(), order.end(), index_t{0});
  double hits = 0, total = 0;
  do {
    hits += as_extreme(std::as_const(order)) ? 1 : 0;
    ++total;
    meter.advance();
  } while (std::next_permutation(order.begin(), order.end()));
  return hits / total;
}

/// Shuffle number `i`.
inline std::vector<index_t> shuffled_blocks(index_t blocks, const permutation_options& o,
                                            index_t i) {
  random_stream random(o.seed, static_cast<std::uint64_t>(i));
  return random_permutation(blocks, random);
}

/// `permutation_p` of a statistic of the order of the blocks, `as_extreme(order)`: the shuffled
/// sample has block `order[b]` in the place of block b. Asked from several threads at once.
template <class AsExtreme>
double permutation_p_of_blocks(index_t blocks, const permutation_options& o,
                               AsExtreme&& as_extreme) {
  if (factorial_up_to(blocks, o.permutations) <= o.permutations)
    return exact_p(blocks, o, as_extreme);
  constexpr index_t chunk = 64;
  const index_t chunks = (o.permutations + chunk - 1) / chunk;
  std::vector<index_t> hits(static_cast<std::size_t>(chunks), 0);
  progress_meter meter(o.on_progress, "permutations", o.permutations);
  parallel_for(chunks, o.threads, [&](index_t c) {
    const index_t first = c * chunk, last = (std::min)(o.permutations, first + chunk);
    for (index_t i = first; i < last; ++i) {
      hits[static_cast<std::size_t>(c)] += as_extreme(shuffled_blocks(blocks, o, i)) ? 1 : 0;
      meter.advance();
    }
  });
  const index_t all = std::accumulate(hits.begin(), hits.end(), index_t{0});
  return static_cast<double>(all + 1) / static_cast<double>(o.permutations + 1);
}

/// Rows in the order of shuffle number `i`.
inline void shuffle_rows(index_t blocks, const permutation_options& o, index_t i,
                         std::vector<index_t>& rows) {
  rows_of_blocks(shuffled_blocks(blocks, o, i), o.rows_per_block, rows);
}

}  // namespace detail

/// A statistic of random shuffles of n rows: draws of its null where the order of the rows means
/// nothing. Row i of a shuffled sample is row `rows[i]` of the sample.
///
/// \param n         rows
/// \param statistic from `rows`, a `std::vector<index_t>` of n row numbers, to a number; called
/// from
///                  several threads at once
/// \return `[permutations]`; shuffle i is of stream i of the seed, whatever the number of threads
/// \throws shape_error where rows_per_block does not divide n; value_error for fewer than 1
///         permutation, or fewer than 2 blocks; cancelled; what the statistic throws
///
/// O(permutations n) time beside the statistic.
/// \code
/// const auto draws = atlas::permutation_draws(n, {.permutations = 999}, difference_of_means);
/// const auto null = atlas::compare_with_draws(observed, draws);
/// \endcode
template <class Statistic>
[[nodiscard]] std::vector<double> permutation_draws(index_t n, const permutation_options& o,
                                                    Statistic&& statistic) {
  const index_t blocks = detail::check_permutations(n, o);
  std::vector<double> values(static_cast<std::size_t>(o.permutations));
  progress_meter meter(o.on_progress, "permutations", o.permutations);
  parallel_for(o.permutations, o.threads, [&](index_t i) {
    std::vector<index_t> rows(static_cast<std::size_t>(n));
    detail::shuffle_rows(blocks, o, i, rows);
    values[static_cast<std::size_t>(i)] = statistic(rows);
    meter.advance();
  });
  return values;
}

/// Permutation p: the share of shuffles of n rows whose statistic is as extreme as the sample's. Of
/// all of them where there are no more than were asked for: exact. Otherwise
/// `(hits + 1) / (permutations + 1)` of random ones, which is valid (Phipson and Smyth 2010).
///
/// \param n          rows
/// \param as_extreme whether the sample in the order `rows`, a `std::vector<index_t>`, is as
/// extreme
///                   as the sample in its own, which counts; called from several threads at once
/// \return in [1/n!, 1], or [1/(permutations + 1), 1]
/// \throws as `permutation_draws`
///
/// O(permutations n) time beside the statistic.
template <class AsExtreme>
[[nodiscard]] double permutation_p(index_t n, const permutation_options& o,
                                   AsExtreme&& as_extreme) {
  const index_t blocks = detail::check_permutations(n, o);
  return detail::permutation_p_of_blocks(blocks, o, [&](const std::vector<index_t>& order) {
    std::vector<index_t> rows(static_cast<std::size_t>(n));
    detail::rows_of_blocks(order, o.rows_per_block, rows);
    return as_extreme(std::as_const(rows));
  });
}

}  // namespace atlas::inline ATLAS_ABI
