// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What each row adds to the logarithm of an estimate of dimension, and the error that follows.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/linked_scores.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/label_groups.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The observed part of `ln(r2/r1)`: all rows in their order, and the largest that is observed.
struct observed_logs {
  std::span<const double> x;
  std::size_t kept = 0;
  double cut = 0;

  double seen(std::size_t i) const { return x[i] <= cut ? 1 : 0; }
  double held(std::size_t i) const { return (std::min)(x[i], cut); }
};

template <class Score>
Eigen::VectorXd scores_of(const observed_logs& logs, Score&& score) {
  Eigen::VectorXd out(static_cast<index_t>(logs.x.size()));
  for (std::size_t i = 0; i < logs.x.size(); ++i) out[static_cast<index_t>(i)] = score(i);
  return out;
}

/// Of `(a + k) / (b + T)` with the total time on test T, and k observed: for exponential x the cut
/// being an order statistic counts `[x <= cut] / d` against each row's time.
/// \param prior_rate b
template <class = lazy>
Eigen::VectorXd censored_scores(const observed_logs& logs, double prior_rate) {
  double total = 0;
  for (std::size_t i = 0; i < logs.x.size(); ++i) total += logs.held(i);
  const double time = total / static_cast<double>(logs.kept);
  return scores_of(logs, [&](std::size_t i) {
    return (logs.seen(i) * time - logs.held(i)) / (prior_rate + total);
  });
}

/// Of `k / sum_{i<=k} x_(i)`: a trimmed sum moves with x up to the cut and stays there beyond.
template <class = lazy>
Eigen::VectorXd truncated_scores(const observed_logs& logs) {
  double sum = 0;
  for (std::size_t i = 0; i < logs.x.size(); ++i) sum += logs.held(i);
  sum -= static_cast<double>(logs.x.size() - logs.kept) * logs.cut;
  return scores_of(logs, [&](std::size_t i) { return -logs.held(i) / sum; });
}

/// Of least squares on the order statistics: x_(i) moves the estimate by `w_i = y_i / sum x y - 2
/// x_(i) / sum x^2`, and a row of rank r moves x_(i), i >= r, by `-1 / (d (N - i + 1))` (Bahadur).
template <class = lazy>
Eigen::VectorXd regression_scores(const observed_logs& logs, double dimension) {
  const std::size_t n = logs.x.size();
  const std::size_t kept = logs.kept == n ? n - 1 : logs.kept;
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return logs.x[a] < logs.x[b]; });
  const auto count = static_cast<double>(n);
  const auto ordinate = [&](std::size_t i) {
    return -std::log1p(-static_cast<double>(i + 1) / count);
  };
  double xy = 0, xx = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const double x = logs.x[order[i]];
    xy += x * ordinate(i);
    xx += x * x;
  }
  Eigen::VectorXd out = Eigen::VectorXd::Zero(static_cast<index_t>(n));
  double sum = 0;
  for (std::size_t i = kept; i-- > 0;) {
    const double weight = ordinate(i) / xy - 2 * logs.x[order[i]] / xx;
    sum -= weight / (dimension * (count - static_cast<double>(i)));
    out[static_cast<index_t>(order[i])] = sum;
  }
  return out;
}

/// The units that rows count in: themselves, or their contexts.
struct row_units {
  std::vector<index_t> unit;  ///< of each row of the cloud; empty where each is its own
  index_t count = 0;
  bool contexts = false;

  index_t of(index_t row) const { return contexts ? unit[static_cast<std::size_t>(row)] : row; }
};

/// Contexts that all have one row are rows.
/// \param context labels of the rows, or empty
/// \throws shape_error for labels of another length
template <class = lazy>
row_units units_of(const owned_tensor<index_t, 1>& context, index_t rows) {
  if (context.empty()) return {{}, rows, false};
  check_extent(context.extent(0), rows, "context", "one label per row,");
  label_groups labels = number_labels(context, "context");
  if (labels.groups == rows) return {{}, rows, false};
  return {std::move(labels.group), labels.groups, true};
}

/// The standard error of the logarithm of an estimate.
struct log_error {
  double error = 0;  ///< NaN where all rows are of one unit
  double degrees = 0;
};

/// The interval of an estimate on the scale of its logarithm, where it is symmetric: both ends miss
/// alike.
template <class = lazy>
interval interval_of(double estimate, const log_error& e, double confidence) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (!(std::isfinite(e.error) && e.degrees > 0)) return {none, none};
  const double reach = std::exp(two_sided_t_quantile(confidence, e.degrees) * e.error);
  return {estimate / reach, estimate * reach};
}

}  // namespace atlas::inline ATLAS_ABI::detail
