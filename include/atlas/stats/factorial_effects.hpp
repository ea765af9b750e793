// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Effects of the factors of a two-level design that was run several times, each time (a seed) in
/// all cells: what a run has of its own is in no effect.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_arguments.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/factorial_design.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

/// What is exchangeable where there is no effect.
enum class effect_null {
  /// All cells of a block: exact where no factor has any effect. Beside factors that have one it
  /// is conservative, since shuffles spread it over all contrasts.
  cells,
  /// The two cells of a block that differ in this factor alone: exact where this factor has no
  /// effect at all, whatever the others have and however the spread differs between their levels.
  /// Full designs alone have such pairs.
  pairs,
};

struct effects_options {
  double confidence = 0.95;  ///< of the intervals
  /// All orders, and so an exact p, where they are no more than this and than a million.
  index_t permutations = 9999;
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< a step a factor; may cancel
};

/// Mean over blocks of a factor's contrast: high less low.
struct factor_effect {
  index_t factor = 0;
  double effect = 0;
  /// Student's t over the blocks' contrasts; NaN for one block.
  atlas::interval interval;
  double standard_error = 0;  ///< of the mean over blocks; NaN for one
  double p_t = 0;             ///< two-sided, of the same t; NaN for one block or no spread
  double p = 0;               ///< of permutations, two-sided
  /// The least that `p` can be with so many blocks and cells, whatever the effect.
  double smallest_p = 0;
  effect_null null = effect_null::cells;
  std::vector<double> by_block;  ///< `[blocks]` contrasts
};

namespace detail {

/// \throws shape_error or value_error
inline void check_blocks(const tensor_view<const double, 2>& values, const factorial_design& design,
                         const effects_options& o) {
  if (values.extent(0) < 1) throw shape_error("values", "at least 1 block", "0");
  check_extent(values.extent(1), design.cells(), "values", "one column a cell,");
  check_finite(values, "values");
  check_open_unit(o.confidence, "confidence");
  check_between(o.permutations, 1, index_t{1} << 40, "permutations");
}

/// `a b`, or `limit + 1` where that is more than the limit.
inline index_t product_up_to(index_t a, index_t b, index_t limit) {
  return b > 0 && a > limit / b ? limit + 1 : a * b;
}

/// Contrasts that one block can have under the null, one for each of its equally likely orders.
using block_orders = std::vector<double>;

/// Calls `see` with every way to call half of the cells high.
template <class See>
void each_half(index_t cells, See&& see) {
  std::vector<bool> high(static_cast<std::size_t>(cells), false);
  std::fill(high.begin() + static_cast<std::ptrdiff_t>(cells / 2), high.end(), true);
  do see(std::as_const(high));
  while (std::next_permutation(high.begin(), high.end()));
}

/// Ways to call half of the cells high, or limit + 1.
inline index_t halves_up_to(index_t cells, index_t limit) {
  index_t ways = 1;
  for (index_t i = 1; i <= cells / 2; ++i) {
    ways = product_up_to(ways, cells - cells / 2 + i, limit * cells);
    ways /= i;
    if (ways > limit) return limit + 1;
  }
  return ways;
}

/// High less low, of half of the cells each.
inline double half_contrast(const std::vector<double>& values, const std::vector<bool>& high) {
  double sum = 0;
  for (std::size_t c = 0; c < values.size(); ++c) sum += high[c] ? values[c] : -values[c];
  return sum / (0.5 * static_cast<double>(values.size()));
}

template <class = lazy>
block_orders orders_of_cells(const std::vector<double>& values) {
  block_orders out;
  each_half(static_cast<index_t>(values.size()),
            [&](const std::vector<bool>& high) { out.push_back(half_contrast(values, high)); });
  return out;
}

/// Differences of the pairs of cells that differ in one factor alone.
inline std::vector<double> pair_differences(const factorial_design& design, index_t factor,
                                            const std::vector<double>& values) {
  const factor_set bit = factor_set{1} << factor;
  std::vector<double> out;
  for (std::size_t c = 0; c < values.size(); ++c) {
    if ((design.high[c] & bit) == 0) continue;
    const auto low = std::find(design.high.begin(), design.high.end(), design.high[c] & ~bit);
    out.push_back(values[c] - values[static_cast<std::size_t>(low - design.high.begin())]);
  }
  return out;
}

/// Ways to give so many differences a sign, or limit + 1.
inline index_t signs_up_to(index_t pairs, index_t limit) {
  index_t ways = 1;
  for (index_t i = 0; i < pairs; ++i) ways = product_up_to(ways, 2, limit);
  return ways;
}

template <class = lazy>
block_orders orders_of_pairs(const std::vector<double>& differences) {
  const auto pairs = static_cast<index_t>(differences.size());
  block_orders out;
  for (index_t signs = 0; signs < index_t{1} << pairs; ++signs) {
    double sum = 0;
    for (index_t i = 0; i < pairs; ++i)
      sum += ((signs >> i) & 1) != 0 ? -differences[static_cast<std::size_t>(i)]
                                     : differences[static_cast<std::size_t>(i)];
    out.push_back(sum / static_cast<double>(pairs));
  }
  return out;
}

inline double random_contrast_of_cells(const std::vector<double>& values, random_stream& random) {
  const auto cells = static_cast<index_t>(values.size());
  const std::vector<index_t> order = random_permutation(cells, random);
  double sum = 0;
  for (index_t c = 0; c < cells; ++c)
    sum += c < cells / 2 ? values[static_cast<std::size_t>(order[static_cast<std::size_t>(c)])]
                         : -values[static_cast<std::size_t>(order[static_cast<std::size_t>(c)])];
  return sum / (0.5 * static_cast<double>(cells));
}

inline double random_contrast_of_pairs(const std::vector<double>& differences,
                                       random_stream& random) {
  double sum = 0;
  for (const double d : differences) sum += random.uniform_index(2) == 0 ? d : -d;
  return sum / static_cast<double>(differences.size());
}

/// The share of all combinations of the blocks' orders whose sum is as extreme.
template <class = lazy>
double exact_share(const std::vector<block_orders>& blocks, double bar) {
  std::vector<std::size_t> at(blocks.size(), 0);
  double hits = 0, total = 0;
  for (;;) {
    double sum = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) sum += blocks[b][at[b]];
    hits += std::abs(sum) >= bar ? 1 : 0;
    ++total;
    std::size_t b = 0;
    while (b < blocks.size() && ++at[b] == blocks[b].size()) at[b++] = 0;
    if (b == blocks.size()) return hits / total;
  }
}

/// `(hits + 1) / (permutations + 1)` of random orders, where `draw(random, block)` is a contrast.
template <class Draw>
double drawn_share(std::size_t blocks, double bar, std::uint64_t seed, const effects_options& o,
                   Draw&& draw) {
  constexpr index_t chunk = 64;
  const index_t chunks = (o.permutations + chunk - 1) / chunk;
  std::vector<index_t> hits(static_cast<std::size_t>(chunks), 0);
  parallel_for(chunks, o.threads, [&](index_t c) {
    for (index_t i = c * chunk; i < (std::min)(o.permutations, (c + 1) * chunk); ++i) {
      random_stream random(seed, static_cast<std::uint64_t>(i));
      double sum = 0;
      for (std::size_t b = 0; b < blocks; ++b) sum += draw(random, b);
      hits[static_cast<std::size_t>(c)] += std::abs(sum) >= bar ? 1 : 0;
    }
  });
  const index_t all = std::accumulate(hits.begin(), hits.end(), index_t{0});
  return static_cast<double>(all + 1) / static_cast<double>(o.permutations + 1);
}

/// Adds p and the least that it can be.
template <class = lazy>
void add_permutation_p(const std::vector<std::vector<double>>& blocks,
                       const factorial_design& design, const effects_options& o,
                       factor_effect& out) {
  const bool pairs = out.null == effect_null::pairs;
  std::vector<std::vector<double>> parts;  // what is shuffled or flipped, of each block
  for (const auto& values : blocks)
    parts.push_back(pairs ? pair_differences(design, out.factor, values) : values);
  const index_t limit = (std::min)(o.permutations, index_t{1} << 20);
  std::vector<block_orders> orders;
  index_t count = 1;
  double sum = 0, largest = 0;
  for (const auto& part : parts) {
    const auto size = static_cast<index_t>(part.size());
    count =
        product_up_to(count, pairs ? signs_up_to(size, limit) : halves_up_to(size, limit), limit);
  }
  for (std::size_t b = 0; b < parts.size() && count <= limit; ++b)
    orders.push_back(pairs ? orders_of_pairs(parts[b]) : orders_of_cells(parts[b]));
  for (const double x : out.by_block) sum += x;
  for (const auto& values : blocks)
    for (const double x : values) largest = (std::max)(largest, std::abs(x));
  // Sums of the same numbers in another order are equal.
  const double bar = std::abs(sum) -
                     1e-12 * (std::max)(std::abs(sum), largest * static_cast<double>(parts.size()));
  if (count <= limit) {
    out.p = exact_share(orders, bar);
    out.smallest_p = (std::min)(1.0, 2 / static_cast<double>(count));
    return;
  }
  out.p =
      drawn_share(parts.size(), bar, seed_of_stream(o.seed, static_cast<std::uint64_t>(out.factor)),
                  o, [&](random_stream& random, std::size_t b) {
                    return pairs ? random_contrast_of_pairs(parts[b], random)
                                 : random_contrast_of_cells(parts[b], random);
                  });
  out.smallest_p = 1 / static_cast<double>(o.permutations + 1);
}

/// Adds the mean over blocks and what Student's t says of it.
template <class = lazy>
void add_student(const effects_options& o, factor_effect& out) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const sample_summary s = summarize(out.by_block);
  out.effect = s.mean;
  out.standard_error = s.standard_error;
  out.interval = {none, none};
  out.p_t = none;
  if (s.count < 2) return;
  const auto degrees = static_cast<double>(s.count - 1);
  const double half = two_sided_t_quantile(o.confidence, degrees) * s.standard_error;
  out.interval = {s.mean - half, s.mean + half};
  if (s.standard_error > 0) out.p_t = two_sided_t_p(s.mean / s.standard_error, degrees);
}

template <class = lazy>
std::vector<factor_effect> factorial_effects(const factorial_design& design,
                                             const tensor_view<const double, 2>& values,
                                             const effects_options& o) {
  check_blocks(values, design, o);
  const std::vector<std::vector<double>> blocks = blocks_of(values);
  std::vector<factor_effect> out;
  progress_meter meter(o.on_progress, "effects", design.factors);
  for (index_t f = 0; f < design.factors; ++f) {
    factor_effect e;
    e.factor = f;
    e.null = design.full() ? effect_null::pairs : effect_null::cells;
    for (const auto& block : blocks)
      e.by_block.push_back(contrast_of(design, factor_set{1} << f, block));
    add_student(o, e);
    add_permutation_p(blocks, design, o, e);
    out.push_back(std::move(e));
    meter.advance();
  }
  return out;
}

}  // namespace detail

/// Main effects of the factors of a design, each the mean over blocks of a contrast within the
/// block: what a block (a seed, whose models see the same batches) has in common is in none of
/// them. In a fraction a main effect is the sum of itself and of its aliases
/// (`aliases_of`).
///
/// p is of the cells and the interval is of the blocks: p takes the cells of a block as drawn each
/// for itself. Where some of them share what others do not (models that begin with the same numbers
/// because their tensors are the same), the effect differs from block to block although it has no
/// mean; the interval holds that, p does not.
///
/// The interval is Student's t over the blocks' contrasts, of as many degrees of freedom as blocks
/// less one: spreads that differ between cells do not matter to it, and heavy tails make it wider
/// than it need be.
///
/// p is of permutations within blocks: see `effect_null`. In a full design the two cells of every
/// pair that differ in this factor alone are swapped, in a fraction all cells of a block are
/// shuffled; of all orders where they are no more than `permutations` and a million, otherwise
/// `(hits + 1) / (permutations + 1)` of random ones (Phipson and Smyth, Stat. Appl. Genet. Mol.
/// Biol. 9, 39, 2010).
///
/// \param values `[blocks, cells]`, cells in the design's order; finite
/// \return one a factor, in their order
/// \throws shape_error for no blocks or another number of cells; value_error for NaN, a confidence
///         outside (0, 1), or no permutations; cancelled
///
/// O(factors permutations blocks cells) time.
template <number_tensor<2> Values>
[[nodiscard]] std::vector<factor_effect> factorial_effects(const factorial_design& design,
                                                           const Values& values,
                                                           const effects_options& options = {}) {
  const auto held = copy_as<double>(as_view<2>(values));
  return detail::factorial_effects(design, held, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_STATS std::vector<factor_effect> factorial_effects<void>(
    const factorial_design&, const tensor_view<const double, 2>&, const effects_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
