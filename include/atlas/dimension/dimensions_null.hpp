// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What several estimators of dimension give on structureless clouds like the one measured.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/estimate_dimensions.hpp"
#include "atlas/dimension/estimate_null.hpp"
#include "atlas/dimension/surrogate.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// All estimators on each draw: `[draw][estimator]`.
template <class Scalar>
std::vector<std::vector<double>> dimensions_of_draws(const tensor_view<const Scalar, 2>& points,
                                                     const std::vector<any_estimator>& list,
                                                     const dimension_options& options,
                                                     const surrogate_options& surrogates,
                                                     surrogate_kind kind) {
  const auto drawn = surrogates_by_number(points, kind, surrogates.labels,
                                          seed_of_stream(surrogates.seed, surrogates.stream));
  std::vector<std::vector<double>> out(static_cast<std::size_t>(surrogates.draws));
  progress_meter meter(surrogates.on_progress, "surrogates", surrogates.draws);
  const step_options step{threads_inside(surrogates.draws, surrogates.threads),
                          meter.within_a_step()};
  parallel_for(surrogates.draws, surrogates.threads, [&](index_t i) {
    const owned_tensor<Scalar, 2> cloud = drawn(static_cast<std::uint64_t>(i));
    const tensor_view<const Scalar, 2> view = cloud;
    for (const dimension_estimate& e : dimensions_of_distinct<Scalar>(view, list, step.of(options)))
      out[static_cast<std::size_t>(i)].push_back(e.dimension);
    meter.advance();
  });
  return out;
}

template <class Scalar>
std::vector<surrogate_null> dimensions_null(const tensor_view<const Scalar, 2>& points,
                                            const std::vector<any_estimator>& list,
                                            const std::vector<dimension_estimate>& observed,
                                            const dimension_options& options,
                                            const surrogate_options& surrogates) {
  const surrogate_kind kind = kind_for(surrogates.kind, surrogates.labels, points.extent(0));
  std::vector<surrogate_null> out;
  if (const cloud_fault fault = fault_of_rows(points); fault != cloud_fault::none) {
    for (const dimension_estimate& e : observed) out.push_back(no_null(fault, e.dimension, kind));
    return out;
  }
  const auto draws = dimensions_of_draws(points, list, options, surrogates, kind);
  for (std::size_t e = 0; e < list.size(); ++e) {
    std::vector<double> of_one;
    for (const auto& draw : draws) of_one.push_back(draw[e]);
    out.push_back(
        {compare_with_draws(observed[e].dimension, std::move(of_one)), kind, observed[e].fault});
  }
  return out;
}

}  // namespace detail

/// The null of each of several estimates: the same estimator, number of distinct rows and exclusion
/// on surrogates, which are the same for all of them. NaN where the estimate, or that of a
/// surrogate, is none.
///
/// \param points     `[N, d]`
/// \param estimators, options those of the measurement
/// \param observed   what `estimate_dimensions` gave
/// \param surrogates where it has no labels, rows have the contexts and positions of the exclusion,
///                   or the contexts of the interval
/// \throws as `estimate_dimensions` and `surrogate_null_of`; value_error for a periodic box
///
/// Time of `draws` calls of `estimate_dimensions` without errors; memory of one a thread.
template <real_tensor<2> Points>
[[nodiscard]] std::vector<surrogate_null> estimate_dimensions_null(
    const Points& points, const std::vector<any_estimator>& estimators,
    const std::vector<dimension_estimate>& observed, const dimension_options& options = {},
    const surrogate_options& surrogates = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  detail::check_estimators(estimators);
  check_extent(static_cast<index_t>(observed.size()), static_cast<index_t>(estimators.size()),
               "observed", "one estimate per estimator,");
  return detail::null_of_distinct<scalar>(
      view, options, surrogates,
      [&](const tensor_view<const scalar, 2>& rows, const dimension_options& of_rows,
          const surrogate_options& of_draws) {
        return detail::dimensions_null<scalar>(rows, estimators, observed, of_rows, of_draws);
      });
}

}  // namespace atlas::inline ATLAS_ABI
