// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Error, interval and goodness of fit of a `two_nn` estimate, from what each ratio adds to it.

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <limits>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/goodness_of_fit.hpp"
#include "atlas/dimension/linked_scores.hpp"
#include "atlas/dimension/ratios.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "atlas/dimension/two_nn_scores.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The fewest contexts whose scatter says something of the error.
inline constexpr index_t few_contexts = 6;

template <class = lazy>
Eigen::VectorXd estimator_scores(const observed_logs& logs, double dimension,
                                 const two_nn_options& options) {
  switch (options.estimator) {
    case two_nn_estimator::regression:
      return regression_scores(logs, dimension);
    case two_nn_estimator::truncated:
      return truncated_scores(logs);
    case two_nn_estimator::bayesian:
      return censored_scores(logs, options.prior.rate);
    case two_nn_estimator::censored:
      break;
  }
  return censored_scores(logs, 0);
}

/// The ratios' rows as units, with the scores of the estimate and of the fit.
template <class = lazy>
scored_rows score_ratios(const log_ratios& ratios, const observed_logs& logs,
                         const row_units& units, double dimension, const two_nn_options& options) {
  double total = 0;
  for (std::size_t i = 0; i < logs.x.size(); ++i) total += logs.held(i);
  std::vector<index_t> sets;
  sets.reserve(ratios.rows.size());
  for (const index_t row : ratios.rows) sets.push_back(units.of(row));
  scored_rows out{
      units.count, {std::move(sets), 3}, Eigen::MatrixXd(static_cast<index_t>(logs.x.size()), 3)};
  out.scores.col(0) = estimator_scores(logs, dimension, options);
  out.scores.rightCols(2) = fit_scores(logs.x, logs.cut, static_cast<double>(logs.kept) / total);
  return out;
}

/// Fills in error, interval and fit where it is known which rows the ratios are of.
template <class = lazy>
void add_error_of_rows(const ratio_source& source, const observed_logs& logs,
                       const two_nn_options& options, two_nn_result& out) {
  const row_units units =
      units_of(options.context.empty() ? options.exclude.context : options.context, source.points);
  const scored_rows scored = score_ratios(source.ratios, logs, units, out.dimension, options);
  const score_sums sums = sum_scores(scored);
  const score_covariance of_estimate =
      covariance_of_sums(sums, out.points_used, units.contexts, 0, 1);
  if (units.contexts) {
    out.contexts = sums.units;
    out.few_contexts = sums.units < few_contexts;
  }
  const log_error error{std::sqrt(of_estimate.matrix(0, 0)), of_estimate.degrees};
  out.standard_error = out.dimension * error.error;
  out.interval = interval_of(out.dimension, error, options.confidence);
  out.fit = compare_two_sums(scored.scores.rightCols(2).colwise().sum().transpose(),
                             covariance_of_sums(sums, out.points_used, units.contexts, 1, 2));
}

/// The same for independent ratios; the interval is the estimator's own.
template <class = lazy>
void add_error_of_ratios(const observed_logs& logs, const two_nn_options& options,
                         two_nn_result& out) {
  const Eigen::MatrixXd scores = centred_scores(estimator_scores(logs, out.dimension, options));
  out.standard_error = out.dimension * scores.norm();
  double total = 0;
  for (std::size_t i = 0; i < logs.x.size(); ++i) total += logs.held(i);
  const Eigen::MatrixXd fit = fit_scores(logs.x, logs.cut, static_cast<double>(logs.kept) / total);
  const Eigen::MatrixXd centred = centred_scores(fit);
  out.fit =
      compare_two_sums(fit.colwise().sum().transpose(),
                       {centred.transpose() * centred, std::numeric_limits<double>::infinity()});
}

}  // namespace atlas::inline ATLAS_ABI::detail
