// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a cloud has the same dimension everywhere: TwoNN on random regions.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/ratios.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/linalg/scaled_rows.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct homogeneity_options {
  index_t regions = 6;          ///< at least 2
  index_t region_points = 400;  ///< rows of a region, its centre among them; at most N
  two_nn_estimator estimator = two_nn_estimator::censored;
  double discard_fraction = 0.1;       ///< of `two_nn`, within each region
  exclusion exclude = {};              ///< rows that may not be neighbours
  std::uint64_t seed = 0;              ///< of the regions' centres
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// A row and those nearest to it.
struct local_region {
  index_t centre = 0;       ///< row number
  double radius = 0;        ///< distance to the farthest row of the region
  two_nn_result dimension;  ///< of the region's rows
};

struct homogeneity_result {
  double mean = 0;  ///< of the regions' dimensions
  double sd = 0;    ///< between regions
  /// What sampling alone gives sd, where all regions have the mean dimension and no row in common.
  double sampling_sd = 0;
  double covered = 0;  ///< share of the cloud's rows that are in a region
  std::vector<local_region> regions;
  homogeneity_options options = {};  ///< that made it, but for callbacks
};

/// What surrogates give.
struct homogeneity_nulls {
  surrogate_null mean;
  surrogate_null sd;
};

namespace detail {

/// The `count` rows with the least measure from a row; equal ones by row number.
template <class Scalar, class Measure>
std::vector<std::pair<double, index_t>> nearest_rows_by(const row_matrix<Scalar>& points,
                                                        index_t centre, index_t count,
                                                        Measure&& measure) {
  std::vector<std::pair<double, index_t>> found;
  found.reserve(static_cast<std::size_t>(points.rows()));
  for (index_t i = 0; i < points.rows(); ++i)
    found.emplace_back(measure(points.row(centre).data(), points.row(i).data(), points.cols()), i);
  std::nth_element(found.begin(), found.begin() + (count - 1), found.end());
  found.resize(static_cast<std::size_t>(count));
  return found;
}

/// The `count` rows nearest to a row, itself among them, with their distances.
template <class Scalar>
std::vector<std::pair<double, index_t>> nearest_rows(const row_matrix<Scalar>& points,
                                                     index_t centre, index_t count) {
  auto found = nearest_rows_by(points, centre, count, squared_distance<Scalar, Scalar>);
  if (is_too_small(found.back().first))  // the farthest
    return nearest_rows_by(points, centre, count, close_row_distance<Scalar, Scalar>);
  for (auto& [length, row] : found) length = std::sqrt(length);
  return found;
}

/// Dimension of a region from the neighbours of its rows in the whole cloud.
template <class = lazy>
local_region measure_region(const std::vector<std::pair<double, index_t>>& nearest, index_t centre,
                            const neighbor_table& table, const two_nn_options& options) {
  log_ratios ratios;
  double farthest = 0;
  for (const auto& [length, row] : nearest) {
    add_log_ratio(table, row, ratios);
    farthest = (std::max)(farthest, length);
  }
  return {centre, farthest,
          two_nn_of_ratios({std::move(ratios), table.distances.extent(0), 0}, options)};
}

/// Mean and spread of the regions. The censored estimate of k ratios has variance d^2 / (k - 2).
inline void summarize_regions(homogeneity_result& out) {
  std::vector<double> dimensions;
  double variance = 0;
  for (const local_region& r : out.regions) {
    dimensions.push_back(r.dimension.dimension);
    variance += 1 / (std::max)(1.0, static_cast<double>(r.dimension.points_kept - 2));
  }
  const sample_summary s = summarize(dimensions);
  out.mean = s.mean;
  out.sd = s.sd;
  out.sampling_sd = s.mean * std::sqrt(variance / static_cast<double>(out.regions.size()));
}

template <class Scalar>
void check_homogeneity(const tensor_view<const Scalar, 2>& points, const homogeneity_options& o) {
  check_not_empty(points, "points");
  if (points.extent(0) < 3)
    throw shape_error("points", "at least 3 rows", std::to_string(points.extent(0)));
  check_between(o.regions, 2, points.extent(0), "regions");
  check_between(o.region_points, 3, points.extent(0), "region_points");
  check_half_open(o.discard_fraction, 0, 1, "discard_fraction");
}

template <class Scalar>
homogeneity_result homogeneity(const tensor_view<const Scalar, 2>& points,
                               const homogeneity_options& o) {
  check_homogeneity(points, o);
  const index_t n = points.extent(0);
  const neighbor_table table = two_neighbors(
      points, {.exclude = o.exclude, .threads = o.threads, .on_progress = o.on_progress});
  const scaled_rows<Scalar> cloud = scale_rows(points);
  const two_nn_options estimate{.estimator = o.estimator,
                                .discard_fraction = o.discard_fraction,
                                .context = o.exclude.context};
  random_stream random(o.seed);
  const std::vector<index_t> centres = sample_rows(n, o.regions, random);
  homogeneity_result out;
  out.options = o;
  out.options.on_progress = {};
  out.regions.resize(centres.size());
  std::vector<std::vector<std::pair<double, index_t>>> nearest(centres.size());
  progress_meter meter(o.on_progress, "regions", o.regions);
  parallel_for(o.regions, o.threads, [&](index_t r) {
    const auto region = static_cast<std::size_t>(r);
    nearest[region] = nearest_rows(cloud.rows, centres[region], o.region_points);
    out.regions[region] = measure_region(nearest[region], centres[region], table, estimate);
    out.regions[region].radius = cloud.unscaled(out.regions[region].radius);
    meter.advance();
  });
  std::vector<bool> inside(static_cast<std::size_t>(n));
  for (const auto& region : nearest)
    for (const auto& [length, row] : region) inside[static_cast<std::size_t>(row)] = true;
  out.covered =
      static_cast<double>(std::count(inside.begin(), inside.end(), true)) / static_cast<double>(n);
  summarize_regions(out);
  return out;
}

}  // namespace detail

/// Local dimension on random regions of a cloud. A region is a random row with the rows nearest to
/// it; its dimension is `two_nn` of these rows, whose neighbours are sought in the whole cloud (a
/// region that is cut out has an edge, and rows at it would lose their neighbours beyond). The
/// exclusion acts on these neighbours; a region is a place, and all rows there belong to it.
///
/// Regions of a cloud that is not much larger than they are have rows in common (`covered`), and sd
/// is then below `sampling_sd`.
///
/// \param points `[N, d]`, N >= region_points
/// \throws shape_error for fewer than 3 rows; value_error for NaN, options out of range or a region
///         without a dimension (as `two_nn`); cancelled
///
/// O(N^2 d + regions N d) time, O(N d + regions region_points) memory; the same bits for every
/// thread count and storage order.
template <real_tensor<2> Points>
[[nodiscard]] homogeneity_result homogeneity(const Points& points,
                                             const homogeneity_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::homogeneity<scalar_of<Points, 2>>(held, options);
}

namespace detail {

template <class Scalar>
homogeneity_nulls homogeneity_null(const tensor_view<const Scalar, 2>& points,
                                   const homogeneity_result& observed,
                                   const surrogate_options& surrogates) {
  const auto statistics = [](const homogeneity_result& r) { return std::array{r.mean, r.sd}; };
  auto nulls = nulls_over_surrogates(
      points, statistics(observed), with_estimator(surrogates, observed.options),
      [&](const owned_tensor<Scalar, 2>& cloud, const step_options& step) {
        return statistics(homogeneity<Scalar>(cloud, step.of(observed.options)));
      });
  return {std::move(nulls[0]), std::move(nulls[1])};
}

}  // namespace detail

/// The same on surrogates of the cloud: they too have regions that differ, since a normal density
/// is not uniform.
///
/// \param observed   what `homogeneity` gave on the points; its options are used
/// \param surrogates where it has no labels, rows have the contexts and positions of the exclusion
/// \throws as `homogeneity` and `surrogate_null_of`
///
/// O(draws N^2 d) time, O(N d) memory per thread.
template <real_tensor<2> Points>
[[nodiscard]] homogeneity_nulls homogeneity_null(const Points& points,
                                                 const homogeneity_result& observed,
                                                 const surrogate_options& surrogates = {}) {
  const auto held = as_view<2>(points);
  return detail::homogeneity_null<scalar_of<Points, 2>>(held, observed, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_MANIFOLD homogeneity_result homogeneity<float>(const tensor_view<const float, 2>&,
                                                        const homogeneity_options&);
ATLAS_OF_MANIFOLD homogeneity_result homogeneity<double>(const tensor_view<const double, 2>&,
                                                         const homogeneity_options&);
ATLAS_OF_MANIFOLD homogeneity_nulls homogeneity_null<float>(const tensor_view<const float, 2>&,
                                                            const homogeneity_result&,
                                                            const surrogate_options&);
ATLAS_OF_MANIFOLD homogeneity_nulls homogeneity_null<double>(const tensor_view<const double, 2>&,
                                                             const homogeneity_result&,
                                                             const surrogate_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
