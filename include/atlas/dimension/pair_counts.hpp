// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many rows lie within radii of each row, and the error of what is computed from their sums.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/neighbors/neighbor_counts.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Of rows, the numbers of others within each of several radii.
struct pair_counts {
  std::vector<std::vector<double>> within;  ///< by radius, ascending, and by row

  double sum(std::size_t radius) const {
    double out = 0;
    for (const double count : within[radius]) out += count;
    return out;
  }
};

/// \throws value_error for an exclusion that lets each context be a neighbour but once, which
///         has no meaning for all rows within a radius
inline void refuse_distinct_contexts(const dimension_options& options) {
  if (options.exclude.distinct)
    throw value_error("exclude.distinct", "false, since all rows within a radius are counted",
                      "true");
}

/// Of the given rows, how many others are within each radius (Euclidean; at most that far).
/// \param radii ascending
/// \param rows ascending
///
/// O(N^2 d) time for all radii together, O(N) memory a radius.
template <class Scalar>
pair_counts count_within(const tensor_view<const Scalar, 2>& points,
                         const std::vector<double>& radii, const std::vector<index_t>& rows,
                         const dimension_options& options) {
  refuse_distinct_contexts(options);
  const owned_tensor<index_t, 2> all = neighbor_counts(points, radii,
                                                       {.exclude = options.exclude,
                                                        .periods = options.periods,
                                                        .threads = options.threads,
                                                        .on_progress = options.on_progress});
  pair_counts out;
  for (index_t a = 0; a < all.extent(0); ++a) {
    std::vector<double>& counts = out.within.emplace_back();
    counts.reserve(rows.size());
    for (const index_t row : rows) counts.push_back(static_cast<double>(all(a, row)));
  }
  return out;
}

/// What each row adds to `L = sum_a w_a ln C_a`, C_a being the number of ordered pairs of rows
/// within radius a and the weights adding up to 0.
///
/// An ordered pair of rows whose distance is first within radius s adds `h = sum_{a >= s} w_a /
/// C_a` and a row the sum `s_i` of that over its pairs. Pairs are dependent where they have a row
/// in common, so the variance of L is the sum of products of pairs that do, which is `4 sum s_i^2`
/// less `2 sum h^2` for each pair's product with itself, which the first counts for both of its
/// rows (of dyads: Aronow, Samii, Assenova, Political Analysis 23, 564, 2015). It is no less than
/// `2 sum h^2`, that of independent pairs. The scores are `2 s_i`, made smaller by one factor so
/// that their squares add up to that variance; where contexts are the units the factor is closer to
/// 1 than it could be, and the error errs on the large side.
///
/// \param weights one a radius
template <class = lazy>
Eigen::VectorXd pair_scores(const pair_counts& counts, const std::vector<double>& weights) {
  const std::size_t radii = weights.size(), rows = counts.within.front().size();
  Eigen::VectorXd out = Eigen::VectorXd::Zero(static_cast<index_t>(rows));
  double squares = 0, share = 0;
  for (std::size_t a = radii; a-- > 0;) {
    const double pairs = counts.sum(a), below = a > 0 ? counts.sum(a - 1) : 0;
    share += weights[a] / pairs;
    squares += share * share * (pairs - below);
    for (std::size_t i = 0; i < rows; ++i)
      out[static_cast<index_t>(i)] += weights[a] * counts.within[a][i] / pairs;
  }
  const double twice = 4 * out.squaredNorm();
  const double variance = (std::max)(twice - 2 * squares, 2 * squares);
  out *= twice > 0 ? 2 * std::sqrt(variance / twice) : 0.0;
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
