// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Surrogates: what structureless data that share as much with a cloud as is asked for would give.

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/dimension/surrogates/source.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "atlas/stats/null_score.hpp"

namespace atlas::inline ATLAS_ABI {

/// Where a statistic lies among those of its surrogates.
struct surrogate_null : drawn_null {
  surrogate_kind kind = surrogate_kind::independent;  ///< of the surrogates, never `automatic`
  /// Why there is no null, if there is none: no draws, and NaN throughout but for `observed`.
  cloud_fault fault = cloud_fault::none;
};

namespace detail {

/// In place of the null of a cloud that cannot carry one.
template <class = lazy>
surrogate_null no_null(cloud_fault fault, double observed, surrogate_kind kind) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  return {{observed, none, none, none, none, none, {}}, kind, fault};
}

/// The threads and the callbacks of a null, whose surrogates are measured with `estimator` options;
/// rows without labels have those of its exclusion.
template <class Estimator>
surrogate_options with_estimator(surrogate_options surrogates, const Estimator& estimator) {
  if (surrogates.threads == 0) surrogates.threads = estimator.threads;
  surrogates.on_progress = both_callbacks(surrogates.on_progress, estimator.on_progress);
  if (surrogates.labels.empty())
    surrogates.labels = {estimator.exclude.context, estimator.exclude.position};
  return surrogates;
}

/// The same for `two_nn`, which may know contexts that it does not exclude.
template <class = lazy>
surrogate_options with_two_nn(surrogate_options surrogates, const two_nn_options& options) {
  if (surrogates.labels.empty() && options.exclude.context.empty())
    surrogates.labels = {options.context, options.exclude.position};
  return with_estimator(std::move(surrogates), options);
}

/// How what is called inside one of several tasks runs.
struct step_options {
  int threads = 1;
  progress_callback on_progress = {};

  /// The options of a call of that kind.
  template <class Options>
  Options of(Options options) const {
    options.threads = threads;
    options.on_progress = on_progress;
    return options;
  }
};

/// The nulls of K statistics from `draw(number, step)`, which gives all of them for one
/// structureless draw; in parallel over draws.
template <std::size_t K, class Draw>
std::array<surrogate_null, K> nulls_over_draws(const std::array<double, K>& observed,
                                               const surrogate_options& options,
                                               surrogate_kind kind, Draw&& draw) {
  check_draws(options.draws, "draws");
  std::vector<std::array<double, K>> values(static_cast<std::size_t>(options.draws));
  progress_meter meter(options.on_progress, "surrogates", options.draws);
  const step_options step{threads_inside(options.draws, options.threads), meter.within_a_step()};
  parallel_for(options.draws, options.threads, [&](index_t i) {
    values[static_cast<std::size_t>(i)] = draw(static_cast<std::uint64_t>(i), step);
    meter.advance();
  });
  std::array<surrogate_null, K> nulls;
  for (std::size_t k = 0; k < K; ++k) {
    std::vector<double> of_one;
    for (const auto& v : values) of_one.push_back(v[k]);
    nulls[k] = {compare_with_draws(observed[k], std::move(of_one)), kind, cloud_fault::none};
  }
  return nulls;
}

/// A cloud's surrogates of a seed, by number.
template <class Scalar>
std::function<owned_tensor<Scalar, 2>(std::uint64_t)> surrogates_by_number(
    const tensor_view<const Scalar, 2>& points, surrogate_kind kind, const row_labels& labels,
    std::uint64_t seed) {
  const auto source = std::make_shared<cloud_surrogates<Scalar>>(points, kind, labels);
  return [source, seed](std::uint64_t number) { return source->draw(seed, number); };
}

/// The same with `estimate(cloud, step)` of the surrogates of a cloud, if it can carry a null.
/// \throws shape_error for an empty cloud or labels of another length; value_error for NaN
template <std::size_t K, class Scalar, class Estimate>
std::array<surrogate_null, K> nulls_over_surrogates(const tensor_view<const Scalar, 2>& points,
                                                    const std::array<double, K>& observed,
                                                    const surrogate_options& options,
                                                    Estimate&& estimate) {
  check_not_empty(points, "points");
  check_finite(points, "points");
  check_draws(options.draws, "draws");
  const surrogate_kind kind = kind_for(options.kind, options.labels, points.extent(0));
  if (const cloud_fault fault = fault_of_rows(points); fault != cloud_fault::none) {
    std::array<surrogate_null, K> nulls;
    for (std::size_t k = 0; k < K; ++k) nulls[k] = no_null(fault, observed[k], kind);
    return nulls;
  }
  const auto drawn = surrogates_by_number(points, kind, options.labels,
                                          seed_of_stream(options.seed, options.stream));
  return nulls_over_draws(observed, options, kind,
                          [&](std::uint64_t number, const step_options& step) {
                            return estimate(drawn(number), step);
                          });
}

}  // namespace detail

/// The null of any statistic of a cloud: the same statistic on clouds that have the cloud's size,
/// mean and covariance, what `options.kind` says, and nothing else.
///
/// A statistic that depends on which rows are of one text (neighbours in other contexts, say) holds
/// the labels itself: row i of a surrogate has the context and position of row i of the points.
///
/// \param points    `[N, d]`
/// \param statistic from a `tensor_view<const Scalar, 2>` to a number; called on several threads at
///                  once (`options.threads`), so that what it calls should have one each
/// \throws shape_error for an empty cloud or labels of another length; value_error for NaN, for
///         fewer than `least_draws` draws, positions that repeat within a context, serial
///         surrogates without labels, and whatever the statistic throws
///
/// O(N d^2 + draws (N d (d + rows of a context) + statistic)) time, O(N d) memory per thread; the
/// same bits for every thread count.
/// \code
/// const auto null = atlas::surrogate_null_of(
///     points, [](const auto& cloud) { return atlas::chord_test(cloud, {.threads = 1}).mean; },
///     {.labels = {context, position}});
/// std::cout << null.observed << " against " << null.mean << ", p = " << null.p << "\n";
/// \endcode
template <real_tensor<2> Points, class Statistic>
[[nodiscard]] surrogate_null surrogate_null_of(const Points& points, Statistic&& statistic,
                                               const surrogate_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  check_not_empty(view, "points");
  check_finite(view, "points");
  const auto value_of = [&](const tensor_view<const scalar, 2>& cloud) {
    return std::array{static_cast<double>(statistic(cloud))};
  };
  return detail::nulls_over_surrogates(
      view, value_of(view), options,
      [&](const owned_tensor<scalar, 2>& cloud, const detail::step_options&) {
        return value_of(cloud);
      })[0];
}

namespace detail {

/// `two_nn_null` of rows that do not coincide.
template <class Scalar>
surrogate_null dimension_null(const tensor_view<const Scalar, 2>& points, double observed,
                              two_nn_options options, const surrogate_options& surrogates) {
  // Draws have no rows to merge, and need not look for any.
  if (options.duplicates == duplicate_policy::merge) options.duplicates = duplicate_policy::drop;
  const auto dimension = [&](const owned_tensor<Scalar, 2>& cloud, const step_options& step) {
    return std::array{two_nn_of_distances<Scalar>(cloud, step.of(options)).dimension};
  };
  return nulls_over_surrogates(points, std::array{observed}, surrogates, dimension)[0];
}

/// The same of a cloud whose coincident rows were merged: surrogates are of the rows that are left.
template <class Scalar>
surrogate_null merged_dimension_null(const tensor_view<const Scalar, 2>& points,
                                     const two_nn_result& observed, surrogate_options surrogates) {
  two_nn_options options = observed.options;
  const auto rows = distinct_rows(points, options.precision, options.tolerance);
  check_row_labels(surrogates.labels, points.extent(0));
  options.exclude = gather_exclusion(options.exclude, rows);
  options.context = gather_labels(options.context, rows);
  surrogates.labels = {gather_labels(surrogates.labels.context, rows),
                       gather_labels(surrogates.labels.position, rows)};
  return dimension_null<Scalar>(gather_rows(points, rows), observed.dimension, std::move(options),
                                surrogates);
}

template <class Scalar>
surrogate_null two_nn_null(const tensor_view<const Scalar, 2>& points,
                           const two_nn_result& observed, const surrogate_options& surrogates) {
  const surrogate_options options = with_two_nn(surrogates, observed.options);
  if (observed.fault != cloud_fault::none) {
    check_draws(options.draws, "draws");
    return no_null(observed.fault, observed.dimension,
                   kind_for(options.kind, options.labels, points.extent(0)));
  }
  if (observed.merged > 0) return merged_dimension_null<Scalar>(points, observed, options);
  return dimension_null<Scalar>(points, observed.dimension, observed.options, options);
}

}  // namespace detail

/// The null of `two_nn`: the same estimator, number of distinct rows and exclusion on surrogates. A
/// low dimension is evidence of structure only below it. A cloud at fault (`fault_of_cloud`,
/// `observed.fault`) has none.
///
/// \param points     `[N, d]`
/// \param observed   what `two_nn` gave on them; its options are used
/// \param surrogates where it has no labels, rows have those of the measurement: the contexts and
///                   positions of its exclusion, or the contexts of its interval
/// \throws as `two_nn` and `surrogate_null_of`
///
/// O(draws (N^2 d)) time, O(N d) memory per thread.
template <real_tensor<2> Points>
[[nodiscard]] surrogate_null two_nn_null(const Points& points, const two_nn_result& observed,
                                         const surrogate_options& surrogates = {}) {
  const auto held = as_view<2>(points);
  return detail::two_nn_null<scalar_of<Points, 2>>(held, observed, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION std::function<owned_tensor<float, 2>(std::uint64_t)> surrogates_by_number<float>(
    const tensor_view<const float, 2>&, surrogate_kind, const row_labels&, std::uint64_t);
ATLAS_OF_DIMENSION std::function<owned_tensor<double, 2>(std::uint64_t)>
surrogates_by_number<double>(const tensor_view<const double, 2>&, surrogate_kind, const row_labels&,
                             std::uint64_t);
ATLAS_OF_DIMENSION surrogate_null two_nn_null<float>(const tensor_view<const float, 2>&,
                                                     const two_nn_result&,
                                                     const surrogate_options&);
ATLAS_OF_DIMENSION surrogate_null two_nn_null<double>(const tensor_view<const double, 2>&,
                                                      const two_nn_result&,
                                                      const surrogate_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
