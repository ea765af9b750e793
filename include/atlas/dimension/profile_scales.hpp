// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Estimates of a dimension at several scales: their errors, and whether they move.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/goodness_of_fit.hpp"
#include "atlas/dimension/linked_scores.hpp"
#include "atlas/dimension/order_ratios.hpp"
#include "atlas/dimension/two_nn_scores.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI {

/// The estimate at one scale.
struct profile_step {
  index_t points = 0;   ///< rows of a part
  index_t parts = 1;    ///< that the rows were divided into; the estimate is of all their ratios
  index_t order = 1;    ///< n of `r_2n / r_n`
  double distance = 0;  ///< median distance to the 2n-th neighbour: the scale
  double dimension = 0;
  double standard_error = 0;
  atlas::interval interval;
};

/// Whether estimates move from scale to scale.
struct profile_trend {
  double slope = 0;  ///< of the natural logarithm of the dimension, for each doubling of the
                     ///< scale's rows or order; least squares
  double standard_error =
      0;  ///< of the slope, all that the scales have in common taken into account
  double p =
      0;  ///< of no slope and (with three scales or more) no bend; NaN for fewer than 2 scales
};

namespace detail {

/// One scale: what each row of the cloud adds to the logarithm of its estimate, and the rows that
/// this was made of.
struct profile_scale {
  profile_step step;
  Eigen::VectorXd scores;                        ///< `[N]`, 0 for rows without a ratio
  std::vector<std::vector<index_t>> neighbours;  ///< `[N]`
};

inline double median_distance(std::vector<double> distances) {
  if (distances.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle;
}

/// The estimate of a scale's order from the table of all rows, whichever part each is searched in.
template <class = lazy>
void fill_scale(const neighbor_table& table, double discard_fraction, profile_scale& scale) {
  const index_t last = 2 * scale.step.order - 1;
  const scored_dimension all = dimension_of_order(table, scale.step.order, discard_fraction);
  scale.step.dimension = all.dimension;
  if (all.rows.empty()) return;
  const Eigen::VectorXd scores = centred_scores(all.scores);
  std::vector<double> distances;
  for (std::size_t r = 0; r < all.rows.size(); ++r) {
    const index_t row = all.rows[r];
    scale.scores[row] = scores[static_cast<index_t>(r)];
    for (index_t k = 0; k <= last; ++k)
      scale.neighbours[static_cast<std::size_t>(row)].push_back(table.indices(row, k));
    distances.push_back(table.distances(row, last));
  }
  scale.step.distance = median_distance(std::move(distances));
}

/// Covariance of some statistics of the scales. Rows are linked where they, or their neighbours at
/// any of the scales, are one row, and where they are of one context: of many neighbours nearly all
/// contexts would meet. Degrees of freedom are those of a sum over so many linked pairs, `n^2 /
/// links`: scores that hang together over about the links' own range (those of farther neighbours
/// do) are a spectrum at frequency 0 under a window of that width, and their variance cancels.
/// \param weights `[scales, q]`, of each scale's logarithm in each statistic
template <class = lazy>
score_covariance covariance_of_scales(const std::vector<profile_scale>& scales,
                                      const Eigen::MatrixXd& weights, const row_units& units) {
  const index_t n = scales.front().scores.size();
  const index_t contexts = units.contexts ? units.count : 0;  // numbered before the rows
  scored_rows all{contexts + n, {}, Eigen::MatrixXd::Zero(n, weights.cols())};
  std::vector<std::vector<index_t>> sets(static_cast<std::size_t>(n));
  std::size_t width = 1;
  for (index_t i = 0; i < n; ++i) {
    auto& set = sets[static_cast<std::size_t>(i)];
    set.push_back(contexts + i);
    for (std::size_t s = 0; s < scales.size(); ++s) {
      const auto k = static_cast<index_t>(s);
      all.scores.row(i) += scales[s].scores[i] * weights.row(k);
      if ((weights.row(k).array() != 0).any())
        for (const index_t row : scales[s].neighbours[static_cast<std::size_t>(i)])
          set.push_back(contexts + row);
    }
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    const index_t own = units.contexts ? units.of(i) : contexts + i;
    std::erase(set, own);
    set.insert(set.begin(), own);
    width = (std::max)(width, set.size());
  }
  std::vector<index_t> members;
  for (index_t i = 0; i < n; ++i) {
    const auto& set = sets[static_cast<std::size_t>(i)];
    members.insert(members.end(), set.begin(), set.end());
    members.insert(members.end(), width - set.size(), contexts + i);
  }
  all.members = {std::move(members), static_cast<index_t>(width)};
  const score_sums sums = sum_scores(std::move(all));
  score_covariance out = covariance_of_sums(sums, n, units.contexts, 0, weights.cols());
  const double rows = static_cast<double>(n);
  if (sums.linked.size() > 0) out.degrees = (std::min)(out.degrees, rows * rows / sums.links);
  return out;
}

template <class = lazy>
void add_errors(std::vector<profile_scale>& scales, const row_units& units, double confidence) {
  for (std::size_t s = 0; s < scales.size(); ++s) {
    Eigen::MatrixXd one = Eigen::MatrixXd::Zero(static_cast<index_t>(scales.size()), 1);
    one(static_cast<index_t>(s), 0) = 1;
    const score_covariance c = covariance_of_scales(scales, one, units);
    const log_error error{std::sqrt(c.matrix(0, 0)), c.degrees};
    profile_step& step = scales[s].step;
    step.standard_error = step.dimension * error.error;
    step.interval = interval_of(step.dimension, error, confidence);
  }
}

template <class = lazy>
std::vector<profile_step> steps_of(const std::vector<profile_scale>& scales) {
  std::vector<profile_step> out;
  for (const profile_scale& scale : scales) out.push_back(scale.step);
  return out;
}

/// Slope and bend of logarithms at equal distances, as weights of each: orthogonal polynomials.
template <class = lazy>
Eigen::MatrixXd trend_weights(index_t scales) {
  const Eigen::VectorXd x =
      Eigen::VectorXd::LinSpaced(scales, 0, static_cast<double>(scales - 1)).array() -
      0.5 * static_cast<double>(scales - 1);
  Eigen::MatrixXd out(scales, scales > 2 ? 2 : 1);
  out.col(0) = x / x.squaredNorm();
  if (scales > 2) out.col(1) = x.cwiseAbs2().array() - x.cwiseAbs2().mean();
  return out;
}

/// \param direction 1 where scales grow, -1 where they shrink
template <class = lazy>
profile_trend trend_over(const std::vector<profile_scale>& scales, const row_units& units,
                         double direction) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const auto count = static_cast<index_t>(scales.size());
  if (count < 2) return {none, none, none};
  Eigen::VectorXd logs(count);
  for (index_t s = 0; s < count; ++s)
    logs[s] = std::log(scales[static_cast<std::size_t>(s)].step.dimension);
  const Eigen::MatrixXd weights = trend_weights(count);
  const Eigen::VectorXd values = weights.transpose() * logs;
  const score_covariance c = covariance_of_scales(scales, weights, units);
  const double error = std::sqrt(c.matrix(0, 0));
  profile_trend out{direction * values[0], error, none};
  if (count > 2)
    out.p = compare_two_sums(values, c).p;
  else if (error > 0 && c.degrees > 0)
    out.p = two_sided_t_p(values[0] / error, c.degrees);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
