// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What all reference clouds together say of a corrected dimension, and whether rows tell it.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/dimension/corrected_estimate.hpp"
#include "atlas/dimension/reference_clouds.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The median of logarithms; between the two in the middle their mean.
inline double middle_dimension(std::vector<double> dimensions) {
  std::sort(dimensions.begin(), dimensions.end());
  const std::size_t half = dimensions.size() / 2;
  if (dimensions.size() % 2 == 1) return dimensions[half];
  return std::sqrt(dimensions[half - 1] * dimensions[half]);
}

inline void join_references(corrected_estimate& out) {
  std::vector<double> dimensions;
  for (const reference_correction& r : out.references) {
    if (!r.possible) continue;
    const bool first = dimensions.empty();
    dimensions.push_back(r.dimension);
    out.interval.lower =
        first ? r.interval.lower : (std::min)(out.interval.lower, r.interval.lower);
    out.interval.upper =
        first ? r.interval.upper : (std::max)(out.interval.upper, r.interval.upper);
  }
  if (!dimensions.empty()) out.dimension = middle_dimension(std::move(dimensions));
}

inline std::string short_number(double x) {
  return std::isfinite(x) ? number_text(std::round(10 * x) / 10) : number_text(x);
}

/// The references that say least and most.
inline std::string extremes_of(const corrected_estimate& out) {
  const reference_correction *least = nullptr, *most = nullptr;
  for (const reference_correction& r : out.references) {
    if (!r.possible) continue;
    if (!least || r.dimension < least->dimension) least = &r;
    if (!most || r.dimension > most->dimension) most = &r;
  }
  return "a " + std::string(name_of(least->reference)) + " of dimension " +
         short_number(least->dimension) + " and a " + std::string(name_of(most->reference)) +
         " of dimension " + short_number(most->dimension);
}

/// Says whether the rows tell the dimension, and if not, why.
inline void judge_correction(double widest, corrected_estimate& out) {
  const std::string estimate = "an estimate of " + short_number(out.raw.dimension);
  bool flat = false;
  for (const reference_correction& r : out.references)
    flat = flat || (r.possible && !(r.interval.upper <= widest * r.interval.lower));
  out.undetermined = !(out.interval.upper <= widest * out.interval.lower);
  if (!out.undetermined) return;
  if (std::isnan(out.dimension))
    out.remark = "No reference cloud of as many rows, in " + std::to_string(out.columns) +
                 " columns, has " + estimate + ".";
  else if (std::isinf(out.interval.upper))
    out.remark = "Clouds of the greatest dimension that was simulated are within the error of " +
                 estimate + ": the dimension has no upper bound.";
  else if (flat)
    out.remark = "The mean of the estimator rises so little with the dimension that, with its " +
                 std::string("error, it does not tell it.");
  else
    out.remark = "As many rows of " + extremes_of(out) + " both have " + estimate +
                 ": these rows do not tell the dimension.";
}

}  // namespace atlas::inline ATLAS_ABI::detail
