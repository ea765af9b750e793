// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Generalised dimensions by counting boxes: Hentschel, Procaccia, "The infinite number of
/// generalized dimensions of fractals and strange attractors", Physica D 8, 435 (1983), equation
/// 3.12; for few rows Grassberger, "Finite sample corrections to entropy and dimension estimates",
/// Phys. Lett. A 128, 369 (1988).

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimate_error.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/box_counts.hpp"
#include "atlas/dimension/pair_counts.hpp"
#include "atlas/stats/special_functions.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// Boxes of sides of 1/2, 1/4, .. of the extent of the cloud (`cloud_frame`). The dimension
/// of an order is how fast a measure of the occupied boxes grows with the logarithm of one over the
/// side, by least squares:
/// - 0: the logarithm of their number (Kolmogorov's capacity);
/// - 1: Shannon's entropy of the shares of rows, `ln N - sum n psi(n) / N`;
/// - 2: minus the logarithm of the share of pairs of rows that have a box in common,
///   `sum n (n - 1) / (N (N - 1))`.
/// n is the number of rows of a box; the corrections for few rows are Grassberger's for the first
/// order and exact for the second. The number of boxes has none: those that a row would be in but
/// none is are missing, and the more the smaller the boxes are.
///
/// Sides count whose occupied boxes are at least `least` and at most the share `most` of the rows:
/// of larger boxes nearly all are at the border, of smaller ones nearly all hold one row. That
/// takes about `2^(2d) / most` rows for two sides, and three make an estimate that can be trusted:
/// this is an estimator of few dimensions. Boxes lie along the axes, so a rotated cloud gives
/// another value.
///
/// The error is that of the rows in their boxes and, but for order 0, whose scores are on the large
/// side (`box_scores`), of the extent of the cloud. Where all boxes hold many rows the number of
/// boxes does not tell its own error: it is 0, and the remark says so.
///
/// O(N (d + log N)) time and O(N) memory a side that counts: boxes are told apart by two 64-bit
/// hashes of their places, so that two of them are taken for one with a probability of about N^2
/// 2^-128.
struct box_counting {
  index_t order = 0;  ///< 0, 1 or 2
  index_t least = 4;  ///< occupied boxes of a side that counts, at least 1
  double most = 0.2;  ///< and at most, as a share of the rows, in (0, 1)

  static constexpr std::string_view name = "box_counting";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return 0; }
  /// The first sides are never so small that the border and the empty boxes do not matter.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    check_between(order, 0, 2, "order");
    check_between(least, 1, index_t{1} << 40, "least");
    check_open_unit(most, "most");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("order", self.order);
    visit("least", self.least);
    visit("most", self.most);
  }
};

}  // namespace estimators

namespace detail {

/// What grows with the logarithm of one over the side as the dimension does; +inf where no two rows
/// have a box in common and order is 2.
inline double measure_of_boxes(const box_counts& c, index_t order) {
  if (order == 0) return std::log(c.boxes);
  const auto total = static_cast<double>(c.rows.size());
  double sum = 0;
  for (const double n : c.rows) sum += order == 1 ? digamma(n) : n - 1;
  return order == 1 ? std::log(total) - sum / total : -std::log(sum / (total * (total - 1)));
}

/// Weights of measures of sides, each half of the one before, in their slope of least squares.
inline std::vector<double> octave_weights(std::size_t sides) {
  const double middle = 0.5 * static_cast<double>(sides - 1);
  std::vector<double> out;
  double square = 0;
  for (std::size_t s = 0; s < sides; ++s) {
    out.push_back((static_cast<double>(s) - middle) * std::log(2.0));
    square += out.back() * out.back();
  }
  for (double& w : out) w /= square;
  return out;
}

/// What each row adds to the slope. Order 0: the boxes that would be empty without its unit
/// (the jackknife: no less than the variance, by Efron and Stein, Ann. Stat. 9, 586, 1981); order
/// 1: minus the logarithm of its box's share; order 2: its pairs.
template <class = lazy>
Eigen::VectorXd box_scores(const std::vector<box_counts>& sides, const std::vector<double>& weights,
                           index_t order) {
  if (order == 2) {  // by ascending side, what pairs have in common
    pair_counts pairs;
    std::vector<double> of_pairs;
    for (std::size_t s = sides.size(); s-- > 0;) {
      pairs.within.push_back(sides[s].rows);
      for (double& n : pairs.within.back()) n -= 1;
      of_pairs.push_back(-weights[s]);
    }
    return pair_scores(pairs, of_pairs);
  }
  const std::size_t n = sides.front().rows.size();
  Eigen::VectorXd out = Eigen::VectorXd::Zero(static_cast<index_t>(n));
  for (std::size_t s = 0; s < sides.size(); ++s)
    for (std::size_t i = 0; i < n; ++i)
      out[static_cast<index_t>(i)] +=
          weights[s] * (order == 0 ? sides[s].alone[i] / sides[s].boxes
                                   : -std::log(sides[s].rows[i]) / static_cast<double>(n));
  return out;
}

/// Options that boxes cannot honour.
inline void refuse_for_boxes(const dimension_options& options) {
  if (std::any_of(options.periods.begin(), options.periods.end(), [](double p) { return p > 0; }))
    throw value_error("periods", "none, since boxes do not close around a period", "some");
  if (options.exclude.active())
    throw value_error("exclude",
                      "none, since boxes count all rows together (context says what the units are)",
                      "an exclusion");
}

/// The sides that count: the extent halved `first`, `first + 1`, .. times.
struct counted_sides {
  int first = 1;
  std::vector<box_counts> counts;
};

template <class Scalar>
counted_sides sides_of_boxes(const estimators::box_counting& e,
                             const estimator_cloud<Scalar>& cloud, const cloud_frame& frame) {
  const row_units units = units_of_rows(cloud.options, cloud.rows());
  counted_sides out;
  for (int halvings = 1; halvings <= most_halvings; ++halvings) {
    box_counts counts = count_boxes(cloud.points, frame, halvings, units, cloud.options.threads);
    if (counts.boxes > e.most * static_cast<double>(cloud.rows())) break;
    if (!(counts.boxes >= static_cast<double>(e.least))) continue;
    if (out.counts.empty()) out.first = halvings;
    out.counts.push_back(std::move(counts));
  }
  return out;
}

inline double slope_of_boxes(const std::vector<box_counts>& sides, index_t order) {
  const std::vector<double> weights = octave_weights(sides.size());
  double out = 0;
  for (std::size_t s = 0; s < sides.size(); ++s)
    out += weights[s] * measure_of_boxes(sides[s], order);
  return out;
}

/// The logarithm of the slope of the sides that count, by boxes that are larger by a factor.
template <class Scalar>
double log_slope_of_larger(const estimators::box_counting& e, const estimator_cloud<Scalar>& cloud,
                           cloud_frame frame, const counted_sides& sides, double factor) {
  frame.extent *= factor;
  const row_units units = units_of_rows(cloud.options, cloud.rows());
  std::vector<box_counts> counts;
  for (std::size_t s = 0; s < sides.counts.size(); ++s)
    counts.push_back(count_boxes(cloud.points, frame, sides.first + static_cast<int>(s), units,
                                 cloud.options.threads));
  return std::log(slope_of_boxes(counts, e.order));
}

/// The extent is of the rows, too: what each adds to its logarithm, times what the slope changes by
/// with it, from boxes that are larger and smaller by about its standard error. Not for order 0,
/// whose scores are large enough for both.
template <class Scalar>
void add_scores_of_frame(const estimators::box_counting& e, const estimator_cloud<Scalar>& cloud,
                         const cloud_frame& frame, const counted_sides& sides, raw_estimate& out) {
  if (!cloud.options.errors || e.order == 0) return;
  const auto n = static_cast<double>(cloud.rows());
  const double step = 1 / std::sqrt(n);
  const double change = (log_slope_of_larger(e, cloud, frame, sides, 1 + step) -
                         log_slope_of_larger(e, cloud, frame, sides, 1 - step)) /
                        (2 * step);
  if (!std::isfinite(change)) return;
  const double mean = frame.origin[static_cast<std::size_t>(frame.widest)];
  for (index_t i = 0; i < cloud.rows(); ++i) {
    const double deviation = static_cast<double>(cloud.points(i, frame.widest)) - mean;
    out.scores[i] += change * (std::abs(deviation) / (frame.extent / extent_of_deviation) - 1) / n;
  }
}

/// \throws value_error, unless that is to be reported
template <class = lazy>
void report_few_sides(const estimators::box_counting& e, std::size_t sides,
                      const dimension_options& options, raw_estimate& out) {
  const double most = std::floor(e.most * static_cast<double>(out.rows.size()));
  const std::string found = std::to_string(sides) + " of " + std::to_string(e.least) + " to " +
                            number_text(most) + " occupied boxes";
  if (options.degenerate == degenerate_policy::error)
    throw value_error("points", "rows enough for 2 sides of boxes in so many dimensions", found);
  out.why = "A slope takes 2 sides of boxes, and there are " + found + ".";
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::box_counting& e,
                           const estimator_cloud<Scalar>& cloud) {
  refuse_for_boxes(cloud.options);
  raw_estimate out;
  for (index_t i = 0; i < cloud.rows(); ++i) out.rows.push_back(i);
  const cloud_frame frame = frame_of(cloud.points);
  if (!(frame.extent > 0)) return out;
  if (!std::isfinite(frame.extent))
    throw value_error("points", "an extent that a double can hold", number_text(frame.extent));
  const counted_sides sides = sides_of_boxes(e, cloud, frame);
  const std::size_t count = sides.counts.size();
  if (count < 2) {
    report_few_sides(e, count, cloud.options, out);
    return out;
  }
  const double slope = slope_of_boxes(sides.counts, e.order);
  out.remark = "Of " + std::to_string(count) + " sides of boxes" +
               (count < 3 ? ", which is too few to see whether the slope is one." : ".");
  if (!(slope > 0 && std::isfinite(slope))) {
    out.why = "Their measure does not grow as the sides become smaller.";
    return out;
  }
  out.dimension = slope;
  out.scores = box_scores(sides.counts, octave_weights(count), e.order) / slope;
  if (!(out.scores.squaredNorm() > 0))
    out.remark += " No box depends on one row alone, so that the error is 0: smaller ones would.";
  add_scores_of_frame(e, cloud, frame, sides, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::box_counting&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::box_counting&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
