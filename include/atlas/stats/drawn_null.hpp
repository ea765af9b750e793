// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A value beside what draws under a null gave.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/stats/null_score.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

/// NaN throughout where the value or a draw is not finite: there is then nothing to compare.
struct drawn_null {
  double observed = 0;
  double mean = 0;    ///< of the draws
  double sd = 0;      ///< of the draws, with n - 1
  double z = 0;       ///< `(observed - mean) / (sd sqrt(1 + 1/n))` of n draws; NaN without spread
  double p = 0;       ///< two-sided, of Student's t with n - 1 degrees of freedom; likewise
  double rank_p = 0;  ///< two-sided, of the rank among the draws: exact, not below 2/(n + 1)
  std::vector<double> draws;
};

namespace detail {

/// Twice the smaller share of draws as extreme, the value counted as one of them; at most 1, NaN
/// where a draw or the value is.
inline double two_sided_rank_p(double observed, const std::vector<double>& draws) {
  double above = 1, below = 1;
  for (const double x : draws) {
    if (std::isnan(x) || std::isnan(observed)) return std::numeric_limits<double>::quiet_NaN();
    above += x >= observed ? 1 : 0;
    below += x <= observed ? 1 : 0;
  }
  return (std::min)(1.0, 2 * (std::min)(above, below) / static_cast<double>(draws.size() + 1));
}

}  // namespace detail

/// A value beside draws of the same statistic under a null: those of your own simulation, or of any
/// of the library's.
/// \throws value_error for fewer than `least_draws` draws
[[nodiscard]] inline drawn_null compare_with_draws(double observed, std::vector<double> draws) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const sample_summary s = summarize(draws);
  if (!(std::isfinite(observed) && std::isfinite(s.mean)))
    return {observed, none, none, none, none, none, std::move(draws)};
  const null_score score = score_against_draws(observed, s.mean, s.sd, s.count);
  const double rank_p = detail::two_sided_rank_p(observed, draws);
  return {observed, s.mean, s.sd, score.z, score.p, rank_p, std::move(draws)};
}

}  // namespace atlas::inline ATLAS_ABI
