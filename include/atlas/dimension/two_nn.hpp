#pragma once
/// \file
/// Intrinsic dimension from the distances to the two nearest neighbours: Facco, d'Errico,
/// Rodriguez, Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
/// information", Sci. Rep. 7, 12140 (2017).

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/ratios.hpp"
#include "atlas/dimension/two_nn_estimators.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas {

enum class two_nn_estimator {
  censored,    ///< maximum likelihood with the discarded ratios as censored: unbiased; the default
  regression,  ///< least squares through the origin, Facco's own
  truncated,   ///< forgets that it discarded: 1.34 times too high at the usual cut; kept to
               ///< reproduce published numbers
  bayesian,    ///< posterior mean under a Gamma prior
};

enum class duplicate_policy {
  drop,   ///< rows whose nearest neighbour is at distance 0 give no ratio; they are counted
  error,  ///< such rows are a value_error
};

/// What to do with a cloud of fewer than two ratios that are not 1.
enum class degenerate_policy {
  error,   ///< it is a value_error
  report,  ///< its dimension is NaN, and its fault says why
};

/// Gamma prior on the dimension.
struct gamma_prior {
  double shape = 1e-3;
  double rate = 1e-3;
};

struct two_nn_options {
  two_nn_estimator estimator = two_nn_estimator::censored;
  double discard_fraction = 0.1;  ///< share of the largest ratios that is not observed, in [0, 1)
  double confidence = 0.95;       ///< of the interval
  duplicate_policy duplicates = duplicate_policy::drop;
  degenerate_policy degenerate = degenerate_policy::error;
  exclusion exclude = {};              ///< rows that may not be neighbours
  gamma_prior prior = {};              ///< of the Bayesian estimator
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct two_nn_result {
  double dimension = 0;
  /// Exact (censored, Bayesian) or to first order (regression, truncated); sampling error alone,
  /// for independent ratios.
  atlas::interval interval;
  index_t points_used = 0;  ///< rows that gave a ratio, the censored ones included
  index_t points_kept = 0;  ///< ratios observed, the rest of points_used being censored
  index_t duplicates = 0;   ///< rows whose nearest neighbour is at distance 0
  index_t isolated = 0;     ///< rows to which the exclusion left fewer than two neighbours
  two_nn_estimator estimator = two_nn_estimator::censored;
  /// Why the dimension is no estimate, if it is none: as `fault_of_cloud`, or more than half of the
  /// rows with a duplicate. From a table or ratios the latter alone.
  cloud_fault fault = cloud_fault::none;
  two_nn_options options = {};  ///< that made it, but for callbacks
};

namespace detail {

/// What a result keeps of the options that made it.
inline two_nn_options kept_options(two_nn_options options) {
  options.on_progress = {};
  return options;
}

inline void check_two_nn_options(const two_nn_options& options) {
  check_share(options.discard_fraction, 0, 1, "discard_fraction");
  check_open_unit(options.confidence, "confidence");
  if (!(options.prior.shape >= 0 && options.prior.rate >= 0))
    throw value_error("prior", "a shape and rate of 0 or more",
                      number_text(options.prior.shape) + " and " + number_text(options.prior.rate));
}

template <class = void>
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
inline cloud_fault fault_of_ratios(const log_ratios& ratios) {
  const auto ratios_found = static_cast<index_t>(ratios.values.size());
  return ratios.duplicates > ratios_found ? cloud_fault::mostly_duplicates : cloud_fault::none;
}

/// Where there is no estimate: the error, or what is reported in its place.
inline two_nn_result no_estimate(const log_ratios& ratios, std::size_t kept,
                                 const two_nn_options& options, const value_error& refusal) {
  if (options.degenerate == degenerate_policy::error) throw refusal;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const cloud_fault fault = fault_of_ratios(ratios);
  return {none,
          {none, none},
          static_cast<index_t>(ratios.values.size()),
          static_cast<index_t>(kept),
          ratios.duplicates,
          ratios.isolated,
          options.estimator,
          fault == cloud_fault::none ? cloud_fault::too_few_ratios : fault,
          kept_options(options)};
}

template <class = void>
two_nn_result two_nn_of_log_ratios(log_ratios ratios, const two_nn_options& options) {
  const std::size_t n = ratios.values.size();
  if (ratios.duplicates > 0 && options.duplicates == duplicate_policy::error)
    throw value_error("points", "no duplicates",
                      std::to_string(ratios.duplicates) + " rows with a neighbour at distance 0");
  const std::size_t kept = kept_count(n, options.discard_fraction);
  if (kept < 2)
    return no_estimate(
        ratios, kept, options,
        value_error("points", "at least 2 observed neighbour ratios",
                    std::to_string(kept) + " (" + std::to_string(ratios.duplicates) +
                        " duplicate and " + std::to_string(ratios.isolated) + " isolated rows)"));
  if (options.estimator == two_nn_estimator::regression)
    std::sort(ratios.values.begin(), ratios.values.end());
  else
    bring_smallest_forward(ratios.values, kept);
  if (!(ratios.values[kept - 1] > 0))
    return no_estimate(ratios, kept, options,
                       value_error("points", "neighbours at different distances",
                                   "equal first and second distances (a lattice?)"));
  const exponent_estimate e = estimate_exponent(ratios.values, kept, options);
  return {
      e.dimension,          e.bounds,        static_cast<index_t>(n), static_cast<index_t>(kept),
      ratios.duplicates,    ratios.isolated, options.estimator,       fault_of_ratios(ratios),
      kept_options(options)};
}

/// `two_nn` whose fault is of the distances alone: of draws and parts of clouds that carry one.
template <class Scalar>
two_nn_result two_nn_of_distances(const tensor_view<const Scalar, 2>& points,
                                  const two_nn_options& options) {
  check_two_nn_options(options);
  return two_nn_of_log_ratios(neighbor_log_ratios(points, {.k = 2,
                                                           .exclude = options.exclude,
                                                           .threads = options.threads,
                                                           .on_progress = options.on_progress}),
                              options);
}

template <class Scalar>
two_nn_result two_nn(const tensor_view<const Scalar, 2>& points, const two_nn_options& options) {
  two_nn_result out = two_nn_of_distances(points, options);
  if (out.fault == cloud_fault::none) out.fault = fault_of_rows(points);
  return out;
}

}  // namespace detail

/// Intrinsic dimension of a cloud.
///
/// The ratio mu = r2/r1 of a row's second to first neighbour distance is Pareto with exponent d
/// where the density is uniform over the second neighbour's distance. `two_nn_null` says what the
/// same estimator gives on a Gaussian cloud with the same covariance: without that a low dimension
/// means little, and with rows of one text `exclude` decides (methods, section 3).
///
/// \param points `[N, d]`, N >= 3
/// \throws shape_error for fewer than 3 rows; value_error for NaN, for all points equal or ratios
///         that are all 1 (unless `options.degenerate` says to report them), or for options out of
///         range; cancelled
///
/// O(N^2 d) time, O(N) memory; the same bits for every thread count and storage order.
/// \code
/// const auto r = atlas::two_nn(points, {.exclude = atlas::same_context(labels)});
/// std::cout << r.dimension << " [" << r.interval.lower << ", " << r.interval.upper << "]\n";
/// \endcode
template <tensor_like<2> Points>
two_nn_result two_nn(const Points& points, const two_nn_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  return detail::two_nn<scalar>(held, options);
}

/// The same from neighbours that the caller has, so that several estimators share one search.
/// \param table   of `nearest_neighbors` with k >= 2; only the first two neighbours count
/// \param options as of `two_nn`; exclude, threads and on_progress do not matter here
/// \throws shape_error for k < 2 or fewer than 3 rows; otherwise as `two_nn`
///
/// O(N log N) time.
template <class = void>
two_nn_result two_nn_from_neighbors(const neighbor_table& table,
                                    const two_nn_options& options = {}) {
  detail::check_two_nn_options(options);
  return detail::two_nn_of_log_ratios(detail::log_ratios_of(table), options);
}

/// The same from ratios that the caller has.
/// \param ratios `[N]`, r2/r1 >= 1
/// \throws value_error for a ratio that is NaN, infinite or below 1
template <tensor_like<1> Ratios>
two_nn_result two_nn_from_ratios(const Ratios& ratios, const two_nn_options& options = {}) {
  const auto view = as_view<1>(ratios);
  detail::check_two_nn_options(options);
  detail::check_not_empty(view, "ratios");
  detail::check_finite(view, "ratios");
  detail::log_ratios logs;
  for (index_t i = 0; i < view.extent(0); ++i) {
    const auto ratio = static_cast<double>(view[i]);
    if (ratio < 1) throw value_error("ratios", "r2/r1 >= 1", detail::number_text(ratio));
    logs.values.push_back(std::log(ratio));
  }
  return detail::two_nn_of_log_ratios(std::move(logs), options);
}

}  // namespace atlas
