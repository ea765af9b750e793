// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What an estimator of dimension gives on clouds without structure.

#include <array>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/surrogate.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// What `measure(points, options, surrogates)` makes of the distinct rows of a cloud: options are
/// those of draws, and labels those of the rows. Rows have the labels of the measurement, where the
/// surrogates have none of their own.
/// \throws as `estimate_dimension`; value_error for a periodic box
template <class Scalar, class Measure>
auto null_of_distinct(const tensor_view<const Scalar, 2>& points, dimension_options options,
                      surrogate_options surrogates, Measure&& measure) {
  check_points(points, options);
  check_draws(surrogates.draws, "draws");
  if (!options.periods.empty())
    throw value_error("periods", "none, since surrogates are of clouds without a box",
                      std::to_string(options.periods.size()) + " lengths");
  if (surrogates.labels.empty() && options.exclude.context.empty())
    surrogates.labels = {options.context, options.exclude.position};
  surrogates = with_estimator(std::move(surrogates), options);
  check_row_labels(surrogates.labels, points.extent(0));
  const bool merges = options.duplicates == duplicate_policy::merge;
  options.errors = false;
  options.duplicates = duplicate_policy::drop;  // draws have none
  options.degenerate = degenerate_policy::report;
  if (!merges) return measure(points, options, surrogates);
  const std::vector<index_t> rows = distinct_rows(points, options.precision, options.tolerance);
  if (static_cast<index_t>(rows.size()) == points.extent(0))
    return measure(points, options, surrogates);
  surrogates.labels = {gather_labels(surrogates.labels.context, rows),
                       gather_labels(surrogates.labels.position, rows)};
  const owned_tensor<Scalar, 2> distinct = gather_rows(points, rows);
  return measure(tensor_view<const Scalar, 2>(distinct), gather_options(options, rows), surrogates);
}

template <class Estimator, class Scalar>
surrogate_null dimension_estimate_null(const tensor_view<const Scalar, 2>& points,
                                       const Estimator& e, const dimension_estimate& observed,
                                       const dimension_options& options,
                                       const surrogate_options& surrogates) {
  e.check_parameters();
  return null_of_distinct<Scalar>(
      points, options, surrogates,
      [&](const tensor_view<const Scalar, 2>& rows, const dimension_options& of_rows,
          const surrogate_options& of_draws) {
        if (observed.fault != cloud_fault::none)
          return no_null(observed.fault, observed.dimension,
                         kind_for(of_draws.kind, of_draws.labels, rows.extent(0)));
        return nulls_over_surrogates(
            rows, std::array{observed.dimension}, of_draws,
            [&](const owned_tensor<Scalar, 2>& cloud, const step_options& step) {
              return std::array{
                  estimate_dimension<Estimator, Scalar>(cloud, e, step.of(of_rows)).dimension};
            })[0];
      });
}

}  // namespace detail

/// The null of `estimate_dimension`: the same estimator, options and number of distinct rows on
/// surrogates, which have the cloud's mean and covariance and, where rows have labels, its
/// correlation along passages, and nothing else. A low dimension is evidence of structure only
/// below it. A cloud at fault has none.
///
/// \param points     `[N, d]`
/// \param estimator  that gave `observed`
/// \param observed   what `estimate_dimension` gave on the points with these options
/// \param options    of that call
/// \param surrogates where it has no labels, rows have those of the measurement
/// \throws as `estimate_dimension` and `surrogate_null_of`; value_error for a periodic box
///
/// Time of draws calls of the estimator without errors; the same bits for every thread count.
/// \code
/// const atlas::estimators::mom estimator{.k = 20};
/// const auto r = atlas::estimate_dimension(points, estimator);
/// const auto null = atlas::dimension_null(points, estimator, r);
/// std::cout << r.dimension << " against " << null.mean << ", p = " << null.p << "\n";
/// \endcode
template <real_tensor<2> Points, dimension_estimator_type Estimator>
[[nodiscard]] surrogate_null dimension_null(const Points& points, const Estimator& estimator,
                                            const dimension_estimate& observed,
                                            const dimension_options& options = {},
                                            const surrogate_options& surrogates = {}) {
  const auto held = as_view<2>(points);
  return detail::dimension_estimate_null<Estimator, scalar_of<Points, 2>>(held, estimator, observed,
                                                                          options, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI
