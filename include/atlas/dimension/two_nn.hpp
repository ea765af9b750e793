// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Intrinsic dimension from the distances to the two nearest neighbours: Facco, d'Errico,
/// Rodriguez, Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
/// information", Sci. Rep. 7, 12140 (2017).

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/ratios.hpp"
#include "atlas/dimension/two_nn_of_ratios.hpp"
#include "atlas/dimension/two_nn_options.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Ratios of the rows of a cloud, by number.
template <class Scalar>
ratio_source ratios_of_rows(const tensor_view<const Scalar, 2>& points,
                            const two_nn_options& options, index_t merged = 0) {
  return {log_ratios_of(two_neighbors(points, {.k = 2,
                                               .exclude = options.exclude,
                                               .threads = options.threads,
                                               .on_progress = options.on_progress})),
          points.extent(0), merged};
}

/// `two_nn` of some rows of a cloud, each with its labels, others being left out as coincident.
template <class Scalar>
two_nn_result two_nn_of_distinct(const tensor_view<const Scalar, 2>& points,
                                 const std::vector<index_t>& rows, const two_nn_options& options,
                                 bool errors) {
  const auto left = static_cast<index_t>(rows.size());
  two_nn_options of_rows = options;
  of_rows.exclude = gather_exclusion(options.exclude, rows);
  of_rows.context = gather_labels(options.context, rows);
  const index_t merged = points.extent(0) - left;
  const ratio_source source =
      left < 3 ? ratio_source{{}, left, merged}
               : ratios_of_rows<Scalar>(gather_rows(points, rows), of_rows, merged);
  two_nn_result out = two_nn_of_ratios(source, of_rows, errors);
  out.options.exclude = options.exclude;
  out.options.context = options.context;
  return out;
}

template <class Scalar>
void check_cloud(const tensor_view<const Scalar, 2>& points, const two_nn_options& options) {
  check_two_nn_options(options);
  check_not_empty(points, "points");
  if (points.extent(0) < 3)
    throw shape_error("points", "at least 3 rows for two neighbours each",
                      std::to_string(points.extent(0)));
  check_exclusion(options.exclude, points.extent(0));
  if (!options.context.empty())
    check_extent(options.context.extent(0), points.extent(0), "context", "one label per row,");
  check_finite(points, "points");
}

/// `two_nn` whose fault is of the distances alone and, unless asked for, without errors: of draws
/// and parts of clouds that carry one.
template <class Scalar>
two_nn_result two_nn_of_distances(const tensor_view<const Scalar, 2>& points,
                                  const two_nn_options& options, bool errors = false) {
  check_cloud(points, options);
  if (options.duplicates == duplicate_policy::merge) {
    const std::vector<index_t> rows = distinct_rows(points, options.precision, options.tolerance);
    if (static_cast<index_t>(rows.size()) < points.extent(0))
      return two_nn_of_distinct(points, rows, options, errors);
  }
  return two_nn_of_ratios(ratios_of_rows(points, options), options, errors);
}

template <class Scalar>
two_nn_result two_nn(const tensor_view<const Scalar, 2>& points, const two_nn_options& options) {
  two_nn_result out = two_nn_of_distances(points, options, true);
  if (out.fault == cloud_fault::none) out.fault = fault_of_rows(points);
  return out;
}

}  // namespace detail

/// Intrinsic dimension of a cloud.
///
/// The ratio mu = r2/r1 of a row's second to first neighbour distance is Pareto with exponent d
/// where the density is uniform over the second neighbour's distance. `two_nn_null` says what the
/// same estimator gives on a Gaussian cloud with the same covariance: without that a low dimension
/// means little, and with rows of one text `exclude` decides
/// (docs/methods/dimension.md#how-rows-are-chosen-decides).
///
/// The interval is of the estimator's own mean. Ratios of rows that share neighbours are dependent,
/// so that it adds the products of scores over all pairs of rows that are, or have as one of their
/// two neighbours, a row in common; with contexts over all that have a context in common in the
/// same way, and it is Student's t of contexts less one. Of 1,000 clouds each it covers in 93 to
/// 97 % (`tests/dimension/two_nn_error_test.cpp`).
///
/// \param points `[N, d]`, N >= 3
/// \throws shape_error for fewer than 3 rows or labels of another length; value_error for NaN, for
///         all points equal or ratios that are all 1 (unless `options.degenerate` says to report
///         them), or for options out of range; cancelled
///
/// O(N^2 d) time, O(N) memory; the same bits for every thread count and storage order.
/// \code
/// const auto r = atlas::two_nn(points, {.exclude = atlas::distinct_contexts(labels)});
/// std::cout << r.dimension << " [" << r.interval.lower << ", " << r.interval.upper << "]\n";
/// \endcode
template <real_tensor<2> Points>
[[nodiscard]] two_nn_result two_nn(const Points& points, const two_nn_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  return detail::two_nn<scalar>(held, options);
}

/// The same from neighbours that the caller has, so that several estimators share one search. It is
/// too late to merge rows that coincide: those at distance 0 are dropped. Where there may be any,
/// search among `distinct_rows`.
/// \param table   of `nearest_neighbors` with k >= 2; only the first two neighbours count
/// \param options as of `two_nn`; of exclude the contexts alone matter here, where `context` is
/// empty
///
/// \throws shape_error for k < 2, fewer than 3 rows or labels of another length; otherwise as
///         `two_nn`
///
/// O(N log N) time, more where few contexts or rows are the neighbours of nearly all.
template <class = lazy>
[[nodiscard]] two_nn_result two_nn_from_neighbors(const neighbor_table& table,
                                                  const two_nn_options& options = {}) {
  detail::check_two_nn_options(options);
  return detail::two_nn_of_ratios({detail::log_ratios_of(table), table.distances.extent(0), 0},
                                  options);
}

/// The same from ratios that the caller has. The interval, exact for the censored and the Bayesian
/// estimator and to first order for the others, and p of the fit are those of independent ratios,
/// which those of one cloud are not: rows share neighbours. `contexts` is 0 whatever the options
/// say.
/// \param ratios `[N]`, r2/r1 >= 1
/// \throws value_error for a ratio that is NaN, infinite or below 1
template <number_tensor<1> Ratios>
[[nodiscard]] two_nn_result two_nn_from_ratios(const Ratios& ratios,
                                               const two_nn_options& options = {}) {
  const auto view = as_view<1>(ratios);
  detail::check_two_nn_options(options);
  check_not_empty(view, "ratios");
  check_finite(view, "ratios");
  detail::log_ratios logs;
  for (index_t i = 0; i < view.extent(0); ++i) {
    const auto ratio = static_cast<double>(view[i]);
    if (ratio < 1) throw value_error("ratios", "r2/r1 >= 1", detail::number_text(ratio));
    logs.values.push_back(std::log(ratio));
  }
  return detail::two_nn_of_ratios({std::move(logs), view.extent(0), 0}, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION two_nn_result two_nn_of_distances<float>(const tensor_view<const float, 2>&,
                                                            const two_nn_options&, bool);
ATLAS_OF_DIMENSION two_nn_result two_nn_of_distances<double>(const tensor_view<const double, 2>&,
                                                             const two_nn_options&, bool);
ATLAS_OF_DIMENSION two_nn_result two_nn<float>(const tensor_view<const float, 2>&,
                                               const two_nn_options&);
ATLAS_OF_DIMENSION two_nn_result two_nn<double>(const tensor_view<const double, 2>&,
                                                const two_nn_options&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_DIMENSION two_nn_result two_nn_from_neighbors<void>(const neighbor_table&,
                                                             const two_nn_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
