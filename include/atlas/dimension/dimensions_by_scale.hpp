// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Estimates of dimension from all rows, from halves of them, from quarters, and so on: neighbours
/// of fewer rows are further away, so that these are dimensions at larger scales.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/dimension_profile.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/local_values.hpp"

namespace atlas::inline ATLAS_ABI {

/// Which scales `estimate_dimensions_by_scale` looks at.
struct scale_options {
  index_t halvings = 3;         ///< of the rows, at most: scales of N, N/2, ... rows
  index_t least_rows = 100;     ///< of a part
  index_t least_contexts = 25;  ///< of a part, where contexts are the units
  std::uint64_t seed = 0;       ///< of the parts
};

/// One estimator at one scale: the geometric mean over parts.
struct scaled_dimension {
  double dimension = std::nan("");       ///< NaN where a part has none
  double standard_error = std::nan("");  ///< of parts as independent; NaN where a part has none
  atlas::interval interval = {std::nan(""), std::nan("")};
};

/// Several estimators at one scale.
struct dimensions_at_scale {
  index_t points = 0;                        ///< distinct rows of a part
  index_t parts = 0;                         ///< disjoint, at random, that were averaged over
  double distance = std::nan("");            ///< median, to the nearest neighbour, in one part
  std::vector<scaled_dimension> dimensions;  ///< of each estimator
};

namespace detail {

/// The geometric mean of estimates of parts that have no row in common, and its error.
template <class = lazy>
scaled_dimension mean_of_parts(const std::vector<dimension_estimate>& parts, double confidence) {
  const auto n = static_cast<double>(parts.size());
  double logs = 0, variance = 0;
  for (const dimension_estimate& part : parts) {
    logs += std::log(part.dimension);
    variance += std::pow(part.standard_error / part.dimension, 2);
  }
  scaled_dimension out;
  out.dimension = std::exp(logs / n);
  const double error = std::sqrt(variance) / n;
  out.standard_error = out.dimension * error;
  if (std::isfinite(error))
    out.interval =
        interval_of(out.dimension, {error, std::numeric_limits<double>::infinity()}, confidence);
  return out;
}

/// Of rows that have a neighbour; NaN where none has.
template <class Scalar>
double median_nearest_distance(const tensor_view<const Scalar, 2>& points,
                               const dimension_options& options) {
  const neighbor_table table = neighbors_for<Scalar>(points, 1, options);
  std::vector<double> distances;
  for (index_t i = 0; i < table.distances.extent(0); ++i)
    if (table.indices(i, 0) >= 0) distances.push_back(table.distances(i, 0));
  std::sort(distances.begin(), distances.end());
  return distances.empty() ? std::nan("") : quantile_of_sorted(distances, 0.5);
}

/// All estimators on the parts of one scale, part by part.
template <class Scalar>
dimensions_at_scale dimensions_of_parts(const tensor_view<const Scalar, 2>& points,
                                        const std::vector<std::vector<index_t>>& parts,
                                        const std::vector<any_estimator>& list,
                                        const dimension_options& options) {
  std::vector<std::vector<dimension_estimate>> found(list.size());
  dimensions_at_scale out;
  out.parts = static_cast<index_t>(parts.size());
  for (const std::vector<index_t>& rows : parts) {
    const owned_tensor<Scalar, 2> part = gather_rows(points, rows);
    const dimension_options of_part = gather_options(options, rows);
    if (&rows == &parts.front()) {
      out.points = static_cast<index_t>(rows.size());
      out.distance = median_nearest_distance<Scalar>(part, of_part);
    }
    auto estimates = dimensions_of_distinct<Scalar>(part, list, of_part);
    for (std::size_t e = 0; e < list.size(); ++e) found[e].push_back(std::move(estimates[e]));
  }
  for (const auto& of_one : found)
    out.dimensions.push_back(mean_of_parts(of_one, options.confidence));
  return out;
}

/// How often rows may be halved.
template <class = lazy>
index_t halvings_of(const row_units& units, index_t rows, const scale_options& scales) {
  index_t halvings = 0;
  const auto allowed = [&](index_t parts) {
    return rows / parts >= scales.least_rows &&
           (!units.contexts || units.count / parts >= scales.least_contexts);
  };
  while (halvings < scales.halvings && allowed(index_t{2} << halvings)) ++halvings;
  return halvings;
}

template <class Scalar>
std::vector<dimensions_at_scale> dimensions_by_scale(const tensor_view<const Scalar, 2>& points,
                                                     const std::vector<any_estimator>& list,
                                                     dimension_options options,
                                                     const scale_options& scales) {
  const index_t rows = points.extent(0);
  const row_units units = units_of_rows(options, rows);
  const index_t halvings = halvings_of(units, rows, scales);
  progress_meter meter(options.on_progress, "scales", halvings + 1);
  options.on_progress = meter.within_a_step();
  std::vector<dimensions_at_scale> out;
  for (index_t h = 0; h <= halvings; ++h) {
    random_stream random(scales.seed, static_cast<std::uint64_t>(h));
    const auto parts = divide(units, rows, index_t{1} << h, random);
    out.push_back(dimensions_of_parts(points, parts, list, options));
    meter.advance();
  }
  return out;
}

}  // namespace detail

/// The dimension by several estimators at several scales: of all distinct rows, and as the mean
/// over two halves, four quarters and so on, of whole contexts where these are the units. Parts are
/// disjoint, so that errors of their means are known; those of different scales are of the same
/// rows and not independent.
///
/// A dimension that is one does not depend on the scale. One that grows towards small scales
/// (many rows) is that of noise, one that grows towards large ones that of a curved surface.
///
/// \param points     `[N, d]`, N >= 3
/// \param estimators at least one
/// \return scales from the smallest, of all rows, to the largest
/// \throws as `estimate_dimensions`
///
/// Time of `estimate_dimensions` of N, N/2, ... rows, once, twice, ...; the same bits for every
/// thread count.
template <real_tensor<2> Points>
[[nodiscard]] std::vector<dimensions_at_scale> estimate_dimensions_by_scale(
    const Points& points, const std::vector<any_estimator>& estimators,
    const dimension_options& options = {}, const scale_options& scales = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  detail::check_estimators(estimators);
  detail::check_points(view, options);
  check_between(scales.halvings, 0, 20, "scales.halvings");
  check_between(scales.least_rows, 3, index_t{1} << 40, "scales.least_rows");
  std::vector<index_t> kept = distinct_rows(view, options.precision, options.tolerance);
  if (options.duplicates != duplicate_policy::merge ||
      static_cast<index_t>(kept.size()) == view.extent(0))
    return detail::dimensions_by_scale(view, estimators, options, scales);
  const owned_tensor<scalar, 2> distinct = detail::gather_rows(view, kept);
  return detail::dimensions_by_scale<scalar>(distinct, estimators,
                                             detail::gather_options(options, kept), scales);
}

}  // namespace atlas::inline ATLAS_ABI
