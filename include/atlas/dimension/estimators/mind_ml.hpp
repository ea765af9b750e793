// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// MiND_ML: Rozza, Lombardi, Ceruti, Casiraghi, Campadelli, "Novel high intrinsic dimensionality
/// estimators", Mach. Learn. 89, 37 (2012).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimators/gride.hpp"
#include "atlas/dimension/ratio_likelihood.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// The dimension that makes the ratios of the nearest neighbour's distance to the (k+1)-th one's
/// likeliest where rows are uniform: the paper's MiND_MLk over all positive numbers, and its
/// MiND_MLi (`integer`) over whole ones. The likelihood is that of `gride{.n1 = 1, .n2 = k + 1}`.
///
/// It is concave, and its maximum is where its derivative is 0, which is found to rounding.
/// scikit-dimension's optimiser now and then gives back the whole number that it began with, and
/// its default bound of 10 answers 10 for all that is above. Here there is no bound by default; one
/// that the maximum lies beyond is refused, since the answer would be the bound.
///
/// The error is from each row's derivative. Of a whole number it is that of the maximum over all
/// numbers and of the way from there to the whole one together, so that the interval holds where
/// the former is. Ties and lattices as `gride`, and no local values either. O(N) time and memory
/// after the search, of some ten passes.
struct mind_ml {
  index_t k = 20;             ///< at least 1: of each row k + 1 neighbours are looked at
  bool integer = false;       ///< whether among whole numbers
  index_t max_dimension = 0;  ///< 0: none

  static constexpr std::string_view name = "mind_ml";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return k + 1; }
  [[nodiscard]] interval_claim claim() const {
    return integer ? interval_claim::own_mean : interval_claim::dimension;
  }
  void check_parameters() const {
    check_between(k, 1, index_t{1} << 40, "k");
    check_between(max_dimension, 0, index_t{1} << 40, "max_dimension");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("integer", self.integer);
    visit("max_dimension", self.max_dimension);
  }
};

}  // namespace estimators

namespace detail {

/// Up to a constant.
template <class = lazy>
double log_likelihood(const ratio_logs& logs, double d) {
  double sum = 0;
  for (const double l : logs.values)
    sum += std::log(d) - d * l +
           logs.between() * (l > 0 ? std::log(-std::expm1(-d * l)) : std::log(d));
  return sum;
}

/// The whole number from 1 on of the larger likelihood on either side of the maximum.
template <class = lazy>
double likeliest_whole(const ratio_logs& logs, double maximum) {
  const double below = (std::max)(1.0, std::floor(maximum));
  if (maximum <= below) return below;
  return log_likelihood(logs, below) >= log_likelihood(logs, below + 1) ? below : below + 1;
}

/// By what the error of the logarithm of the maximum grows, at least, where it is moved.
template <class = lazy>
double moved_error(const Eigen::VectorXd& scores, double from, double to) {
  return std::sqrt(1 + std::pow(std::log(to / from), 2) / scores.squaredNorm());
}

/// Whether the maximum is beyond the bound; says so.
/// \throws value_error for that, unless it is to be reported
template <class = lazy>
bool beyond_bound(const estimators::mind_ml& e, double maximum, const dimension_options& options,
                  raw_estimate& out) {
  if (e.max_dimension == 0 || maximum < static_cast<double>(e.max_dimension)) return false;
  const std::string at = number_text(maximum);
  if (options.degenerate == degenerate_policy::error)
    throw value_error("max_dimension", "a bound above the maximum of the likelihood, " + at,
                      std::to_string(e.max_dimension));
  out.why = "The likelihood is largest beyond max_dimension, at " + at + ".";
  return true;
}

template <class = lazy>
raw_estimate raw_dimension(const estimators::mind_ml& e, const neighbor_rows& cloud) {
  raw_estimate out;
  out.linked = e.k + 1;
  const ratio_logs logs{order_logs(cloud, 1, e.k + 1, out), 1, static_cast<double>(e.k + 1),
                        cloud.options.threads};
  if (is_lattice(logs.values, out)) return out;
  const double maximum = likeliest_dimension(logs, static_cast<double>(logs.values.size()));
  if (!std::isfinite(maximum) || beyond_bound(e, maximum, cloud.options, out)) return out;
  out.dimension = maximum;
  out.scores = likelihood_scores(logs, maximum);
  if (!e.integer) return out;
  out.dimension = likeliest_whole(logs, maximum);
  out.scores *= moved_error(out.scores, maximum, out.dimension);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::mind_ml&,
                                                     const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
