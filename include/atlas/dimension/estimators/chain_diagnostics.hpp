// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether Markov chains agree, and what their draws are worth: Gelman, Carlin, Stern, Dunson,
/// Vehtari, Rubin, "Bayesian Data Analysis", 3rd ed. (2013), sections 11.4 and 11.5.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI::detail {

struct chain_agreement {
  double r_hat = std::numeric_limits<double>::quiet_NaN();  ///< 1 where all draws are equal
  double effective_draws = std::numeric_limits<double>::quiet_NaN();
};

/// Both halves of each chain, as chains: a drift within one shows as halves that disagree. Of an
/// odd number of draws the last is left out.
template <class = lazy>
std::vector<std::vector<double>> split_chains(const std::vector<std::vector<double>>& chains) {
  std::vector<std::vector<double>> out;
  for (const auto& chain : chains) {
    const auto half = static_cast<std::ptrdiff_t>(chain.size() / 2);
    out.emplace_back(chain.begin(), chain.begin() + half);
    out.emplace_back(chain.begin() + half, chain.begin() + 2 * half);
  }
  return out;
}

/// The mean over chains of squared differences of draws that are `lag` apart (equation 11.7).
template <class = lazy>
double variogram(const std::vector<std::vector<double>>& chains, std::size_t lag) {
  double sum = 0, count = 0;
  for (const auto& chain : chains)
    for (std::size_t t = lag; t < chain.size(); ++t) {
      sum += (chain[t] - chain[t - lag]) * (chain[t] - chain[t - lag]);
      count += 1;
    }
  return sum / count;
}

/// Independent draws that these are worth: autocorrelations are summed in pairs until a pair is
/// negative (Geyer 1992).
/// \param variance of all draws
template <class = lazy>
double effective_draws(const std::vector<std::vector<double>>& chains, double variance) {
  const std::size_t length = chains.front().size();
  const auto draws = static_cast<double>(chains.size() * length);
  const auto correlation = [&](std::size_t lag) {
    return 1 - variogram(chains, lag) / (2 * variance);
  };
  double sum = 0;
  for (std::size_t lag = 1; lag + 1 < length; lag += 2) {
    const double pair = correlation(lag) + correlation(lag + 1);
    if (!(pair > 0)) break;
    sum += pair;
  }
  return (std::min)(draws, draws / (1 + 2 * sum));
}

/// \param chains one or more, of equally many draws, at least 4
template <class = lazy>
chain_agreement agreement_of_chains(const std::vector<std::vector<double>>& chains) {
  const std::vector<std::vector<double>> halves = split_chains(chains);
  const auto length = static_cast<double>(halves.front().size());
  std::vector<double> means;
  double within = 0;
  for (const auto& half : halves) {
    const sample_summary s = summarize(half);
    means.push_back(s.mean);
    within += s.sd * s.sd / static_cast<double>(halves.size());
  }
  const sample_summary between = summarize(means);
  const double variance = within * (length - 1) / length + between.sd * between.sd;
  if (variance == 0) return {1, static_cast<double>(halves.size()) * length};
  return {std::sqrt(variance / within), effective_draws(halves, variance)};
}

}  // namespace atlas::inline ATLAS_ABI::detail
