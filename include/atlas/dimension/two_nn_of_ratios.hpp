// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension from ratios of neighbour distances: which of them are observed, what the estimator
/// makes of them, and what is reported where there are too few.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/ratios.hpp"
#include "atlas/dimension/two_nn_error.hpp"
#include "atlas/dimension/two_nn_estimators.hpp"
#include "atlas/dimension/two_nn_options.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline void check_two_nn_options(const two_nn_options& options) {
  check_half_open(options.discard_fraction, 0, 1, "discard_fraction");
  check_open_unit(options.confidence, "confidence");
  check_tolerance(options.tolerance);
  if (!(options.prior.shape >= 0 && options.prior.rate >= 0))
    throw value_error("prior", "a shape and rate of 0 or more",
                      number_text(options.prior.shape) + " and " + number_text(options.prior.rate));
}

template <class = lazy>
exponent_estimate estimate_exponent(std::span<const double> x, std::size_t kept,
                                    const two_nn_options& options) {
  switch (options.estimator) {
    case two_nn_estimator::regression:
      return regression_estimate(x, kept, options.confidence);
    case two_nn_estimator::truncated:
      return truncated_estimate(x, kept, options.confidence);
    case two_nn_estimator::bayesian:
      return bayesian_estimate(x, kept, options.confidence, options.prior.shape,
                               options.prior.rate);
    case two_nn_estimator::censored:
      break;
  }
  return censored_estimate(x, kept, options.confidence);
}

/// How many of n ratios are observed; the sum absorbs the rounding of 1 - 0.1 and the like.
inline std::size_t kept_count(std::size_t n, double discard_fraction) {
  return static_cast<std::size_t>(static_cast<double>(n) * (1 - discard_fraction) + 1e-9);
}

/// What the distances say.
inline cloud_fault fault_of_ratios(const ratio_source& source) {
  const auto found = static_cast<index_t>(source.ratios.values.size());
  return source.ratios.duplicates > found || source.merged > source.points
             ? cloud_fault::mostly_duplicates
             : cloud_fault::none;
}

/// Counts, and the options.
inline two_nn_result counted(const ratio_source& source, std::size_t kept,
                             const two_nn_options& options) {
  two_nn_result out;
  out.points_used = static_cast<index_t>(source.ratios.values.size());
  out.points_kept = static_cast<index_t>(kept);
  out.duplicates = source.ratios.duplicates;
  out.merged = source.merged;
  out.isolated = source.ratios.isolated;
  out.estimator = options.estimator;
  out.fault = fault_of_ratios(source);
  out.options = options;
  out.options.on_progress = {};
  return out;
}

/// Where there is no estimate: the error, or what is reported in its place.
inline two_nn_result no_estimate(const ratio_source& source, std::size_t kept,
                                 const two_nn_options& options, const value_error& refusal) {
  if (options.degenerate == degenerate_policy::error) throw refusal;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  two_nn_result out = counted(source, kept, options);
  out.dimension = out.standard_error = none;
  out.interval = {none, none};
  out.fit = {none, none};
  if (out.fault == cloud_fault::none) out.fault = cloud_fault::too_few_ratios;
  return out;
}

/// A dimension that is larger is of distances that are equal but for rounding.
inline double most_of_rounding() {
  return 1 / std::sqrt(std::numeric_limits<double>::epsilon());
}

/// \param errors false: no error, interval nor fit, for those who want the dimension alone
template <class = lazy>
two_nn_result two_nn_of_ratios(const ratio_source& source, const two_nn_options& options,
                               bool errors = true) {
  const log_ratios& ratios = source.ratios;
  const std::size_t n = ratios.values.size();
  if (ratios.duplicates > 0 && options.duplicates == duplicate_policy::error)
    throw value_error("points", "no duplicates",
                      std::to_string(ratios.duplicates) + " rows with a neighbour at distance 0");
  const std::size_t kept = kept_count(n, options.discard_fraction);
  if (kept < 2)
    return no_estimate(
        source, kept, options,
        value_error("points", "at least 2 observed neighbour ratios",
                    std::to_string(kept) + " (" + std::to_string(ratios.duplicates) +
                        " duplicate, " + std::to_string(source.merged) + " merged and " +
                        std::to_string(ratios.isolated) + " isolated rows)"));
  std::vector<double> parted = ratios.values;
  if (options.estimator == two_nn_estimator::regression)
    std::sort(parted.begin(), parted.end());
  else
    bring_smallest_forward(parted, kept);
  const double cut = parted[kept - 1];
  if (!(cut > 0))
    return no_estimate(source, kept, options,
                       value_error("points", "neighbours at different distances",
                                   "equal first and second distances (a lattice?)"));
  const exponent_estimate e = estimate_exponent(parted, kept, options);
  if (!(e.dimension < most_of_rounding()))
    return no_estimate(source, kept, options,
                       value_error("points", "neighbours at different distances",
                                   "first and second distances that are equal but for rounding, "
                                   "as of a lattice that is no whole numbers"));
  two_nn_result out = counted(source, kept, options);
  out.dimension = e.dimension;
  out.interval = e.bounds;
  if (!errors) return out;
  const observed_logs logs{ratios.values, kept, cut};
  if (ratios.rows.empty())
    add_error_of_ratios(logs, options, out);
  else
    add_error_of_rows(source, logs, options, out);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION two_nn_result two_nn_of_ratios<void>(const ratio_source&, const two_nn_options&,
                                                        bool);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
