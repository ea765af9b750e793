// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension of a cloud by any estimator of `atlas::estimators`, with its error.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/estimate_error.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/looks_like_lattice.hpp"
#include "atlas/dimension/two_nn_of_ratios.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace atlas::inline ATLAS_ABI {

/// A struct of parameters in `atlas::estimators` (estimator_input.hpp says what it needs).
template <class E>
concept dimension_estimator_type = requires(const E& e) {
  { e.neighbors() } -> std::same_as<index_t>;
  { e.claim() } -> std::same_as<interval_claim>;
  { E::needs_points } -> std::convertible_to<bool>;
  e.check_parameters();
};

namespace detail {

inline void check_dimension_options(const dimension_options& options) {
  check_open_unit(options.confidence, "confidence");
  check_tolerance(options.tolerance);
  check_between(options.resamples, 0, index_t{1} << 30, "resamples");
}

template <dimension_estimator_type Estimator, class Scalar>
raw_estimate raw_of_cloud(const Estimator& e, const estimator_cloud<Scalar>& cloud) {
  if constexpr (Estimator::needs_points)
    return raw_dimension(e, cloud);
  else
    return raw_dimension(e, neighbor_rows{cloud.table, cloud.options});
}

template <class Scalar>
neighbor_table neighbors_for(const tensor_view<const Scalar, 2>& points, index_t k,
                             const dimension_options& options) {
  if (k == 0) return {};
  if (k > points.extent(0) - 1)
    throw value_error("points", "more distinct rows than neighbours (" + std::to_string(k) + ")",
                      std::to_string(points.extent(0)) + " rows");
  return nearest_neighbors(points, {.k = k,
                                    .exclude = options.exclude,
                                    .periods = options.periods,
                                    .threads = options.threads,
                                    .on_progress = options.on_progress});
}

/// The options of some rows.
inline dimension_options gather_options(const dimension_options& options,
                                        const std::vector<index_t>& rows) {
  dimension_options out = options;
  out.exclude = gather_exclusion(options.exclude, rows);
  out.context = gather_labels(options.context, rows);
  return out;
}

/// The estimator on one half of the rows; NaN where it has no estimate of these, or they are fewer
/// than 3.
template <class Estimator, class Scalar>
double dimension_of_half(const Estimator& e, const tensor_view<const Scalar, 2>& points,
                         const std::vector<index_t>& rows, dimension_options options) {
  if (rows.size() < 3) return std::nan("");
  const owned_tensor<Scalar, 2> half = gather_rows(points, rows);
  const tensor_view<const Scalar, 2> view = half;
  options.errors = false;
  try {
    const neighbor_table table = neighbors_for<Scalar>(view, e.neighbors(), options);
    return raw_of_cloud(e, estimator_cloud<Scalar>{view, table, options}).dimension;
  } catch (const value_error&) {
    return std::nan("");
  } catch (const shape_error&) {
    return std::nan("");
  }
}

/// Adds a sentence; what came before, the text of an error perhaps, becomes one.
inline void add_remark(const std::string& text, dimension_estimate& out) {
  if (text.empty()) return;
  if (!out.remark.empty()) out.remark += out.remark.ends_with('.') ? " " : ". ";
  out.remark += text;
}

/// The error of halves, or why there is none. Halves that all have one value, and not that of all
/// rows, say nothing of its error.
template <class = lazy>
void set_error_of_halves(const std::vector<double>& dimensions, index_t units, double confidence,
                         dimension_estimate& out) {
  log_error error = error_of_halves(dimensions, units);
  const bool others = std::any_of(dimensions.begin(), dimensions.end(), [&](double d) {
    return std::abs(d - out.dimension) > 1e-9 * out.dimension;
  });
  if (error.error == 0 && others) error.error = std::nan("");
  set_error(error, confidence, error_source::halves, out);
  if (units < 4)
    add_remark("No error: halves of " + std::to_string(units) + " rows or contexts say nothing.",
               out);
  else if (std::isnan(error.error))
    add_remark("No error: too few halves of the rows have an estimate like that of all.", out);
}

template <class Estimator, class Scalar>
void add_error_of_halves(const Estimator& e, const tensor_view<const Scalar, 2>& points,
                         const dimension_options& options, dimension_estimate& out) {
  const index_t n = points.extent(0);
  const row_units units = units_of_rows(options, n);
  count_units(units, units.count, out);
  if (units.count < 4) return set_error_of_halves({}, units.count, options.confidence, out);
  std::vector<double> dimensions(static_cast<std::size_t>(options.resamples));
  progress_meter meter(options.on_progress, "halves", options.resamples);
  const int inside = threads_inside(options.resamples, options.threads);
  parallel_for(options.resamples, options.threads, [&](index_t h) {
    random_stream random(options.seed, static_cast<std::uint64_t>(h / 2));
    const std::vector<index_t> rows = half_of_rows(units, n, random, h % 2 == 1);
    dimension_options of_half = gather_options(options, rows);
    of_half.threads = inside;
    of_half.on_progress = meter.within_a_step();
    dimensions[static_cast<std::size_t>(h)] = dimension_of_half(e, points, rows, of_half);
    meter.advance();
  });
  set_error_of_halves(dimensions, units.count, options.confidence, out);
}

/// Counts, without the error.
template <class Estimator>
dimension_estimate estimate_of(const Estimator& e, const raw_estimate& raw) {
  dimension_estimate out;
  out.dimension = raw.dimension;
  out.claim = e.claim();
  out.local = raw.local;
  out.points_used = static_cast<index_t>(raw.rows.size());
  out.neighbors = e.neighbors();
  out.duplicates = raw.duplicates;
  out.isolated = raw.isolated;
  out.remark = raw.remark;
  return out;
}

/// What is above it is no dimension: distances that are compared are equal but for rounding, that
/// of the scalar and of sums over columns.
template <class Scalar>
double largest_dimension(index_t columns) {
  const double of_scalar = 1 / (64 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()));
  return (std::max)(static_cast<double>(columns), (std::min)(most_of_rounding(), of_scalar));
}

/// Whether there is a dimension; where it is above `largest` it is taken away, and `why` says so.
inline bool has_dimension(double largest, dimension_estimate& out, std::string& why) {
  if (!(out.dimension > 0 && std::isfinite(out.dimension))) return false;
  if (out.dimension <= largest) return true;
  if (why.empty())
    why = "Distances or lengths that are compared are equal but for rounding: " +
          number_text(out.dimension) + " is no dimension.";
  return false;
}

/// Refuses, or reports, what is no estimate.
/// \param why     there is none, as of raw_estimate
/// \param largest of `largest_dimension`
inline void judge_estimate(index_t rows, const dimension_options& options, std::string why,
                           double largest, dimension_estimate& out) {
  if (out.duplicates > 0 && options.duplicates == duplicate_policy::error)
    throw value_error("points", "no duplicates",
                      std::to_string(out.duplicates) + " rows with a neighbour at distance 0");
  if (2 * out.duplicates > rows) out.fault = cloud_fault::mostly_duplicates;
  if (has_dimension(largest, out, why)) return;
  if (options.degenerate == degenerate_policy::error && !why.empty())
    throw value_error("points", "rows of which the estimator has a dimension", why);
  if (options.degenerate == degenerate_policy::error)
    throw value_error("points", "neighbours at different distances for an estimate",
                      std::to_string(out.points_used) + " rows that have them (" +
                          std::to_string(out.duplicates) + " duplicate, " +
                          std::to_string(out.isolated) + " isolated)");
  out.dimension = std::nan("");
  if (out.fault == cloud_fault::none)
    out.fault = why.empty() ? cloud_fault::too_few_ratios : cloud_fault::no_estimate;
  add_remark(why, out);
  if (out.isolated > 0 && why.empty())
    add_remark("To " + std::to_string(out.isolated) + " of " + std::to_string(rows) +
                   " rows the exclusion leaves too few neighbours.",
               out);
}

/// What rows alone say is wrong goes before an estimator's own reason.
inline void add_fault_of_rows(cloud_fault of_rows, dimension_estimate& out) {
  if (of_rows != cloud_fault::none &&
      (out.fault == cloud_fault::none || out.fault == cloud_fault::no_estimate))
    out.fault = of_rows;
}

/// \throws value_error for fewer than 3, where there were others that coincide with them
inline void check_distinct_rows(index_t rows) {
  if (rows < 3) throw value_error("points", "at least 3 distinct rows", std::to_string(rows));
}

/// Of distinct rows with their neighbours.
template <class Estimator, class Scalar>
dimension_estimate dimension_of_distinct(const Estimator& e, const estimator_cloud<Scalar>& cloud) {
  check_distinct_rows(cloud.rows());
  const raw_estimate raw = raw_of_cloud(e, cloud);
  dimension_estimate out = estimate_of(e, raw);
  judge_estimate(cloud.rows(), cloud.options, raw.why,
                 largest_dimension<Scalar>(cloud.points.extent(1)), out);
  progress_meter(cloud.options.on_progress, "estimate", 1).advance();
  if (!cloud.options.errors || std::isnan(out.dimension)) return out;
  if (raw.scores.size() > 0)
    add_error_of_scores(raw, cloud.rows(), cloud.table, cloud.options, out);
  else if (cloud.options.resamples > 0)
    add_error_of_halves(e, cloud.points, cloud.options, out);
  return out;
}

/// Local values of the rows that were kept as those of all rows.
inline void spread_local(const std::vector<index_t>& kept, index_t rows,
                         std::vector<double>& local) {
  if (local.empty()) return;
  std::vector<double> all(static_cast<std::size_t>(rows), std::nan(""));
  for (std::size_t i = 0; i < kept.size(); ++i) all[static_cast<std::size_t>(kept[i])] = local[i];
  local = std::move(all);
}

template <class Scalar>
void check_points(const tensor_view<const Scalar, 2>& points, const dimension_options& options) {
  check_dimension_options(options);
  check_not_empty(points, "points");
  if (points.extent(0) < 3)
    throw shape_error("points", "at least 3 rows", std::to_string(points.extent(0)));
  check_exclusion(options.exclude, points.extent(0));
  if (!options.context.empty())
    check_extent(options.context.extent(0), points.extent(0), "context", "one label per row,");
  check_finite(points, "points");
}

/// Calls `estimate(points, options)` with the distinct rows of a cloud, and `finish(kept, rows)`
/// with their numbers, if there are others.
template <class Scalar, class Estimate>
dimension_estimate of_distinct_rows(const tensor_view<const Scalar, 2>& points,
                                    const dimension_options& options, Estimate&& estimate) {
  check_points(points, options);
  if (options.duplicates == duplicate_policy::merge) {
    const std::vector<index_t> kept = distinct_rows(points, options.precision, options.tolerance);
    if (static_cast<index_t>(kept.size()) < points.extent(0)) {
      const owned_tensor<Scalar, 2> distinct = gather_rows(points, kept);
      dimension_estimate out =
          estimate(tensor_view<const Scalar, 2>(distinct), gather_options(options, kept));
      spread_local(kept, points.extent(0), out.local);
      out.merged = points.extent(0) - static_cast<index_t>(kept.size());
      if (2 * out.merged > points.extent(0)) out.fault = cloud_fault::mostly_duplicates;
      return out;
    }
  }
  return estimate(points, options);
}

template <class Estimator, class Scalar>
dimension_estimate estimate_dimension(const tensor_view<const Scalar, 2>& points,
                                      const Estimator& e, const dimension_options& options) {
  e.check_parameters();
  dimension_estimate out = of_distinct_rows<Scalar>(
      points, options,
      [&](const tensor_view<const Scalar, 2>& distinct, const dimension_options& of_rows) {
        const neighbor_table table = neighbors_for<Scalar>(distinct, e.neighbors(), of_rows);
        return dimension_of_distinct(e, estimator_cloud<Scalar>{distinct, table, of_rows});
      });
  add_fault_of_rows(fault_of_rows(points), out);
  if (on_lattice(points)) add_remark(std::string(lattice_remark), out);
  return out;
}

}  // namespace detail

/// The dimension of a cloud by an estimator of `atlas::estimators`.
///
/// Where each row adds to the estimate by itself, the standard error is that of a sum over rows of
/// which those that share neighbours, or contexts, are dependent (`linked_scores.hpp`); otherwise
/// that of differences of estimates of two halves of the rows, or of whole contexts. `claim` says
/// whether the interval is of the dimension, or only of the mean of an estimator that is not
/// consistent.
///
/// \param points    `[N, d]`, N >= 3
/// \param estimator its parameters: `atlas::estimators::mle{.k = 20}`
/// \throws shape_error for fewer than 3 rows or labels of another length; value_error for NaN,
///         parameters or options out of range, fewer rows than neighbours, or no estimate (unless
///         `options.degenerate` says to report that); cancelled
///
/// Time and memory of the search for neighbours and of the estimator, once, and where errors are of
/// halves once more for each of `options.resamples`; the same bits for every thread count.
/// \code
/// const auto r = atlas::estimate_dimension(points, atlas::estimators::mom{.k = 20},
///                                          {.context = labels});
/// std::cout << r.dimension << " [" << r.interval.lower << ", " << r.interval.upper << "]\n";
/// \endcode
template <real_tensor<2> Points, dimension_estimator_type Estimator>
[[nodiscard]] dimension_estimate estimate_dimension(const Points& points,
                                                    const Estimator& estimator,
                                                    const dimension_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::estimate_dimension<Estimator, scalar_of<Points, 2>>(held, estimator, options);
}

/// The same from neighbours that the caller has, so that several estimators share one search. It is
/// too late to merge rows that coincide: those at distance 0 are dropped. Where there may be any,
/// search among `distinct_rows`.
/// \param table   of `nearest_neighbors` with at least `estimator.neighbors()`
/// \param options as of `estimate_dimension`; of exclude the contexts alone matter here, where
///                `context` is empty, and periods not at all
/// \throws shape_error for a table of fewer neighbours or 3 rows, or labels of another length
template <dimension_estimator_type Estimator>
requires(!Estimator::needs_points) [[nodiscard]] dimension_estimate
    estimate_from_neighbors(const neighbor_table& table, const Estimator& estimator,
                            const dimension_options& options = {}) {
  estimator.check_parameters();
  detail::check_dimension_options(options);
  const index_t rows = table.distances.extent(0);
  if (rows < 3 || table.distances.extent(1) < estimator.neighbors())
    throw shape_error(
        "table", "at least 3 rows of " + std::to_string(estimator.neighbors()) + " neighbours each",
        shape_text(table.distances.extents()));
  const detail::raw_estimate raw = raw_dimension(estimator, detail::neighbor_rows{table, options});
  dimension_estimate out = detail::estimate_of(estimator, raw);
  detail::judge_estimate(rows, options, raw.why, detail::largest_dimension<double>(0), out);
  if (options.errors && raw.scores.size() > 0 && !std::isnan(out.dimension))
    detail::add_error_of_scores(raw, rows, table, options, out);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
