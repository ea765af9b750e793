// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What an intervention does to a model's perplexity, judged block against block.

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

/// A number and its standard error, NaN for a single block.
struct uncertain {
  double value = 0;
  double standard_error = 0;
};

namespace detail {

inline void check_same_blocks(const perplexity_result& a, const perplexity_result& b) {
  if (a.block_losses.size() != b.block_losses.size() || a.block_losses.empty())
    throw shape_error("perplexity", "the same blocks as the baseline's, at least one",
                      std::to_string(b.block_losses.size()) + " against " +
                          std::to_string(a.block_losses.size()));
}

/// How far one block moves `perplexity(to) - perplexity(from)`, to first order.
inline double block_influence(const perplexity_result& from, const perplexity_result& to,
                              std::size_t block) {
  return to.perplexity * (to.block_losses[block] - to.loss) -
         from.perplexity * (from.block_losses[block] - from.loss);
}

}  // namespace detail

/// `perplexity(changed) - perplexity(baseline)` on the same blocks. The standard error is that of
/// the paired difference (delta method over blocks): what all rules find hard cancels.
/// \throws shape_error for other numbers of blocks
template <class = lazy>
[[nodiscard]] uncertain perplexity_change(const perplexity_result& baseline,
                                          const perplexity_result& changed) {
  detail::check_same_blocks(baseline, changed);
  std::vector<double> influence;
  for (std::size_t b = 0; b < baseline.block_losses.size(); ++b)
    influence.push_back(detail::block_influence(baseline, changed, b));
  return {changed.perplexity - baseline.perplexity, summarize(influence).standard_error};
}

/// The share of the damage of one intervention that another one does not do:
/// `1 - (changed - baseline) / (damaged - baseline)` in perplexity; 1 is no damage, below 0 is more
/// damage. Standard error by the delta method over blocks.
/// \return NaN where `damaged` is no worse than the baseline: there is nothing to recover
/// \throws shape_error for other numbers of blocks
template <class = lazy>
[[nodiscard]] uncertain share_recovered(const perplexity_result& baseline,
                                        const perplexity_result& damaged,
                                        const perplexity_result& changed) {
  detail::check_same_blocks(baseline, damaged);
  detail::check_same_blocks(baseline, changed);
  const double damage = damaged.perplexity - baseline.perplexity;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (!(damage > 0)) return {none, none};
  const double left = (changed.perplexity - baseline.perplexity) / damage;
  std::vector<double> influence;
  for (std::size_t b = 0; b < baseline.block_losses.size(); ++b)
    influence.push_back((detail::block_influence(baseline, changed, b) -
                         left * detail::block_influence(baseline, damaged, b)) /
                        damage);
  return {1 - left, summarize(influence).standard_error};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE uncertain perplexity_change<void>(const perplexity_result&,
                                                     const perplexity_result&);
ATLAS_OF_REFERENCE uncertain share_recovered<void>(const perplexity_result&,
                                                   const perplexity_result&,
                                                   const perplexity_result&);
}  // namespace atlas::inline ATLAS_ABI
#endif
