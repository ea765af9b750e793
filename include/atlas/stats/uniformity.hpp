// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether p values are uniform, z scores have the distribution they are said to have, and
/// intervals cover as often as they say: what calibration is measured by.

#include <algorithm>
#include <cmath>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/kolmogorov_smirnov.hpp"

namespace atlas::inline ATLAS_ABI {

/// A sample against a distribution.
struct ks_result {
  double statistic = 0;  ///< D, the largest distance of the two distribution functions
  double p = 0;          ///< of a distance as large
  index_t n = 0;
};

/// How often intervals held the truth.
struct coverage_estimate {
  double share = 0;
  atlas::interval interval;  ///< of the share: Wilson's
  index_t hits = 0, n = 0;
};

/// Kolmogorov-Smirnov test of a sample.
/// \param values `[N]`
/// \param cdf    of the distribution, from a number to [0, 1]; continuous. Where the values can be
///               only few different ones, as p of ranks, the test rejects more seldom than it says
///               or, in large samples, always.
/// \throws shape_error for no values; value_error for NaN
template <number_tensor<1> Values, class Cdf>
[[nodiscard]] ks_result kolmogorov_smirnov(const Values& values, Cdf&& cdf) {
  const auto view = as_view<1>(values);
  check_not_empty(view, "values");
  check_finite(view, "values");
  std::vector<double> shares;
  for (index_t i = 0; i < view.extent(0); ++i)
    shares.push_back(std::clamp(cdf(static_cast<double>(view[i])), 0.0, 1.0));
  std::sort(shares.begin(), shares.end());
  const auto n = static_cast<double>(shares.size());
  double gap = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const auto rank = static_cast<double>(i);
    gap = (std::max)({gap, shares[i] - rank / n, (rank + 1) / n - shares[i]});
  }
  return {gap, kolmogorov_smirnov_p(gap, view.extent(0)), view.extent(0)};
}

/// The test of p values: are they uniform on [0, 1]?
/// \throws as `kolmogorov_smirnov`
template <number_tensor<1> Values>
[[nodiscard]] ks_result uniformity(const Values& p) {
  return kolmogorov_smirnov(p, [](double x) { return x; });
}

/// The test of z scores against Student's t, the distribution of `score_against_draws`.
/// \param degrees of freedom, draws - 1; infinite for the normal distribution
/// \throws as `kolmogorov_smirnov`; value_error unless degrees > 0
template <number_tensor<1> Values>
[[nodiscard]] ks_result uniformity_of_t(const Values& z, double degrees) {
  return kolmogorov_smirnov(z, [degrees](double t) { return student_t_cdf(t, degrees); });
}

/// The share of hits with Wilson's interval (J. Am. Stat. Assoc. 22, 209, 1927), which has an end
/// of its own at 0 and at 1 too.
/// \param hits of n
/// \throws value_error for n below 1, hits outside [0, n] or a confidence outside (0, 1)
template <class = lazy>
[[nodiscard]] coverage_estimate coverage(index_t hits, index_t n, double confidence = 0.95) {
  check_between(n, 1, index_t{1} << 40, "n");
  check_between(hits, 0, n, "hits");
  check_open_unit(confidence, "confidence");
  const double z = normal_quantile(0.5 + 0.5 * confidence), count = static_cast<double>(n);
  const double share = static_cast<double>(hits) / count, square = z * z / count;
  const double centre = (share + square / 2) / (1 + square);
  const double half =
      z * std::sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square);
  return {share, {hits == 0 ? 0 : centre - half, hits == n ? 1 : centre + half}, hits, n};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS coverage_estimate coverage<void>(index_t, index_t, double);
}  // namespace atlas::inline ATLAS_ABI
#endif
