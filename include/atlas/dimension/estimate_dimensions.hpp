// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension of a cloud by several estimators from one search for neighbours.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/dimension/any_estimator.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/looks_like_lattice.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// In the place of an estimate: NaN, and why.
template <class = lazy>
dimension_estimate no_estimate(const any_estimator& estimator, const std::string& why) {
  dimension_estimate out;
  out.claim = claim_of(estimator);
  out.neighbors = neighbors_of(estimator);
  out.remark = why;
  return out;
}

/// What `estimate` gives, or why it gives nothing.
template <class Estimate>
dimension_estimate estimate_or_why(const any_estimator& estimator, Estimate&& estimate) {
  try {
    return estimate();
  } catch (const cancelled&) {
    throw;
  } catch (const error& e) {
    return no_estimate(estimator, e.what());
  }
}

/// \throws value_error for no estimators, or naming the one whose parameter is out of range
template <class = lazy>
void check_estimators(const std::vector<any_estimator>& list) {
  if (list.empty()) throw value_error("estimators", "at least one", "none");
  for (std::size_t i = 0; i < list.size(); ++i) try {
      check_estimator(list[i]);
    } catch (const value_error& e) {
      throw value_error("estimators[" + std::to_string(i) + "], " + std::string(name_of(list[i])) +
                            ", " + e.argument(),
                        e.expected(), e.got());
    }
}

/// The largest number of neighbours that estimators ask for, of those that so many rows have.
template <class = lazy>
index_t most_neighbors(const std::vector<any_estimator>& list, index_t rows) {
  index_t most = 0;
  for (const any_estimator& e : list)
    if (const index_t k = neighbors_of(e); k < rows) most = (std::max)(most, k);
  return most;
}

/// One of several estimators on distinct rows whose neighbours were looked for before. It sees the
/// table that it would have made itself, but for neighbours beyond those that it asks for.
template <class Scalar>
dimension_estimate one_of_several(const any_estimator& estimator,
                                  const estimator_cloud<Scalar>& cloud) {
  const index_t k = neighbors_of(estimator);
  if (k >= cloud.rows())
    return no_estimate(estimator, "points: expected more distinct rows than neighbours (" +
                                      std::to_string(k) + "), got " + std::to_string(cloud.rows()) +
                                      " rows");
  const neighbor_table none;
  const estimator_cloud<Scalar> seen{cloud.points, k > 0 ? cloud.table : none, cloud.options};
  return estimate_or_why(estimator, [&] {
    return std::visit([&](const auto& e) { return dimension_of_distinct(e, seen); }, estimator);
  });
}

/// The search of `estimate_dimensions`: points, k and the options of these rows.
template <class Scalar>
using neighbor_search = std::function<neighbor_table(const tensor_view<const Scalar, 2>&, index_t,
                                                     const dimension_options&)>;

/// All estimators on distinct rows. Steps of progress: the search for neighbours, and each of them.
template <class Scalar>
std::vector<dimension_estimate> dimensions_of_distinct(const tensor_view<const Scalar, 2>& points,
                                                       const std::vector<any_estimator>& list,
                                                       dimension_options options,
                                                       const neighbor_search<Scalar>& search = {}) {
  progress_meter meter(options.on_progress, "dimensions", static_cast<index_t>(list.size()) + 1);
  options.on_progress = meter.within_a_step();
  options.degenerate = degenerate_policy::report;
  const index_t k = most_neighbors(list, points.extent(0));
  const neighbor_table table =
      search && k > 0 ? search(points, k, options) : neighbors_for<Scalar>(points, k, options);
  meter.advance();
  std::vector<dimension_estimate> out;
  for (const any_estimator& e : list) {
    out.push_back(one_of_several(e, estimator_cloud<Scalar>{points, table, options}));
    meter.advance();
  }
  return out;
}

template <class Scalar>
std::vector<dimension_estimate> estimate_dimensions(const tensor_view<const Scalar, 2>& points,
                                                    const std::vector<any_estimator>& list,
                                                    const dimension_options& options,
                                                    const neighbor_search<Scalar>& search) {
  check_estimators(list);
  check_points(points, options);
  const index_t rows = points.extent(0);
  std::vector<index_t> kept;
  if (options.duplicates == duplicate_policy::merge)
    kept = distinct_rows(points, options.precision, options.tolerance);
  const bool whole = kept.empty() || static_cast<index_t>(kept.size()) == rows;
  std::vector<dimension_estimate> out =
      whole ? dimensions_of_distinct(points, list, options, search)
            : dimensions_of_distinct<Scalar>(gather_rows(points, kept), list,
                                             gather_options(options, kept), search);
  const cloud_fault fault = fault_of_rows(points);
  const bool lattice = on_lattice(points);
  for (dimension_estimate& e : out) {
    if (!whole) {
      spread_local(kept, rows, e.local);
      e.merged = rows - static_cast<index_t>(kept.size());
    }
    if (2 * e.merged > rows) e.fault = cloud_fault::mostly_duplicates;
    add_fault_of_rows(fault, e);
    if (lattice) add_remark(std::string(lattice_remark), e);
  }
  return out;
}

}  // namespace detail

/// The dimension of a cloud by several estimators, in their order. Rows that coincide are found
/// once, and neighbours are looked for once, with the largest k that any asks for; each estimate is
/// the same bits as that of `estimate_dimension` alone.
///
/// Where one of them has no estimate its dimension is NaN and its remark or its fault says why (too
/// few rows for its k, an option that it cannot honour); the others are not lost.
/// `options.degenerate` is not looked at.
///
/// \param points     `[N, d]`, N >= 3
/// \param estimators at least one: `{estimators::mom{.k = 20}, estimators::two_nn{}}`, or
///                   `all_estimators()`
/// \throws shape_error for fewer than 3 rows or labels of another length; value_error for NaN, no
///         estimators, or parameters or options out of range, whichever estimator they are of;
///         cancelled
///
/// Progress has a step for the search and one for each estimator. Time of one search and of all
/// estimators; memory `[N, k]` beside that of the one that takes most.
/// \code
/// const auto found = atlas::estimate_dimensions(points, atlas::all_estimators(), {});
/// for (const auto& r : found) std::cout << r.dimension << "\n";
/// \endcode
template <real_tensor<2> Points>
[[nodiscard]] std::vector<dimension_estimate> estimate_dimensions(
    const Points& points, const std::vector<any_estimator>& estimators,
    const dimension_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::estimate_dimensions<scalar_of<Points, 2>>(held, estimators, options, {});
}

/// The same with neighbours from a search of the caller's, such as `ring_neighbors` of many
/// processes.
/// \param search called once with the distinct rows `[M, d]`, k and the options of these rows
///               (`exclude`, `periods`, `threads`, `on_progress`) where any estimator asks for
///               neighbours; returns what `nearest_neighbors` does
template <real_tensor<2> Points>
[[nodiscard]] std::vector<dimension_estimate> estimate_dimensions(
    const Points& points, const std::vector<any_estimator>& estimators,
    const dimension_options& options,
    const std::function<neighbor_table(const tensor_view<const scalar_of<Points, 2>, 2>&, index_t,
                                       const dimension_options&)>& search) {
  const auto held = as_view<2>(points);
  return detail::estimate_dimensions<scalar_of<Points, 2>>(held, estimators, options, search);
}

namespace detail {

template <class Estimator>
dimension_estimate of_neighbors(const neighbor_table& table, const Estimator& e,
                                const dimension_options& options) {
  if constexpr (Estimator::needs_points)
    return no_estimate(e, "needs the points, of which there are neighbours alone");
  else
    return estimate_from_neighbors(table, e, options);
}

}  // namespace detail

/// The same from neighbours that the caller has, as `estimate_from_neighbors` says. Estimators that
/// need points, or more neighbours than the table has, have NaN and say so.
/// \throws value_error as `estimate_dimensions`; shape_error for a table of fewer than 3 rows
template <class = lazy>
[[nodiscard]] std::vector<dimension_estimate> estimate_dimensions_from_neighbors(
    const neighbor_table& table, const std::vector<any_estimator>& estimators,
    dimension_options options = {}) {
  detail::check_estimators(estimators);
  detail::check_dimension_options(options);
  if (table.distances.extent(0) < 3)
    throw shape_error("table", "at least 3 rows", shape_text(table.distances.extents()));
  options.degenerate = degenerate_policy::report;
  std::vector<dimension_estimate> out;
  for (const any_estimator& any : estimators)
    out.push_back(detail::estimate_or_why(any, [&] {
      return std::visit([&](const auto& e) { return detail::of_neighbors(table, e, options); },
                        any);
    }));
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION std::vector<dimension_estimate> dimensions_of_distinct<float>(
    const tensor_view<const float, 2>&, const std::vector<any_estimator>&, dimension_options,
    const neighbor_search<float>&);
ATLAS_OF_DIMENSION std::vector<dimension_estimate> dimensions_of_distinct<double>(
    const tensor_view<const double, 2>&, const std::vector<any_estimator>&, dimension_options,
    const neighbor_search<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
