// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// TwoNN as one of `atlas::estimators`: Facco, d'Errico, Rodriguez, Laio, "Estimating the intrinsic
/// dimension of datasets by a minimal neighborhood information", Sci. Rep. 7, 12140 (2017).

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/ratios.hpp"
#include "atlas/dimension/two_nn_error.hpp"
#include "atlas/dimension/two_nn_of_ratios.hpp"
#include "atlas/dimension/two_nn_options.hpp"

namespace atlas::inline ATLAS_ABI {

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, two_nn_estimator>, 4> names_of(
    two_nn_estimator) {
  return {{{"censored", two_nn_estimator::censored},
           {"regression", two_nn_estimator::regression},
           {"truncated", two_nn_estimator::truncated},
           {"bayesian", two_nn_estimator::bayesian}}};
}

namespace estimators {

/// Where rows are uniform the ratio r_2/r_1 of the distances to a row's two nearest neighbours is
/// Pareto, its exponent the dimension: what `atlas::two_nn` computes, as an estimator among the
/// others. `atlas::two_nn` also says how well the ratios fit a Pareto law.
///
/// Of one ratio a row has no dimension worth the name: there are no local values. Ratios of 1 enter
/// as they are; where all those that are observed are 1, there is no estimate. O(N log N) time
/// after the search, O(N) memory.
struct two_nn {
  two_nn_estimator estimator = two_nn_estimator::censored;
  double discard = 0.1;  ///< share of the largest ratios that is not observed, in [0, 1)

  static constexpr std::string_view name = "two_nn";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return 2; }
  /// The truncated estimator takes the ratios that it kept for all, and is too high for ever.
  [[nodiscard]] interval_claim claim() const {
    return estimator == two_nn_estimator::truncated && discard > 0 ? interval_claim::own_mean
                                                                   : interval_claim::dimension;
  }
  void check_parameters() const { check_half_open(discard, 0, 1, "discard"); }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("estimator", self.estimator);
    visit("discard", self.discard);
  }
};

}  // namespace estimators

namespace detail {

template <class = lazy>
raw_estimate raw_dimension(const estimators::two_nn& e, const neighbor_rows& cloud) {
  const log_ratios ratios = log_ratios_of(cloud.table);
  raw_estimate out;
  out.linked = 2;
  out.duplicates = ratios.duplicates;
  out.isolated = ratios.isolated;
  for (std::size_t r = 0; r < ratios.rows.size(); r += 3) out.rows.push_back(ratios.rows[r]);
  const std::size_t kept = kept_count(ratios.values.size(), e.discard);
  if (kept < 2) return out;
  std::vector<double> parted = ratios.values;
  if (e.estimator == two_nn_estimator::regression)
    std::sort(parted.begin(), parted.end());
  else
    bring_smallest_forward(parted, kept);
  const double cut = parted[kept - 1];
  if (!(cut > 0)) return out;
  two_nn_options options;
  options.estimator = e.estimator;
  options.discard_fraction = e.discard;
  out.dimension = estimate_exponent(parted, kept, options).dimension;
  out.scores = estimator_scores({ratios.values, kept, cut}, out.dimension, options);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::two_nn&,
                                                     const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
