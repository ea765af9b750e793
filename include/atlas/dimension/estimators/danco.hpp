// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Dimension from angles and norms: Ceruti, Bassis, Rozza, Lombardi, Casiraghi, Campadelli, "DANCo:
/// An intrinsic dimensionality estimator exploiting angle and norm concentration", Pattern
/// Recognition 47, 2569 (2014).

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/danco_calibration.hpp"

namespace atlas::inline ATLAS_ABI {

/// Which dimensions DANCo answers with.
enum class danco_answer {
  fractal,  ///< any number of 1 or more
  integer,  ///< whole ones, as the paper has it
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, danco_answer>, 2> names_of(
    danco_answer) {
  return {{{"fractal", danco_answer::fractal}, {"integer", danco_answer::integer}}};
}

namespace estimators {

/// The dimension of the uniform ball that is most like the cloud: in how the nearest of k + 1
/// neighbours is away against the last, and in the angles between k neighbours, by the sum of the
/// divergences of both laws. Balls of as many rows as the cloud has are simulated, so that what a
/// finite number of rows and an edge do to the one they do to the other: estimates stay right in
/// tens of dimensions, where those by distances alone are too low.
///
/// Balls are simulated at a few dimensions about the one that the distances ask for, with
/// `options.seed`; between these means go along parabolas, for fractal dimensions and whole ones.
/// Of each ball the neighbours of `calibration_rows` rows are looked for, among as many others as
/// the cloud has: fewer rows are as right and less sharp. What the balls vary by is part of the
/// error, so that the interval is of the mean over clouds and seeds.
///
/// Directions of angles are taken from both coordinates; two packages take the arctangent of their
/// quotient, which jumps from pi/2 to -pi/2 where neighbours are seen under more than a right angle
/// on average, so that their mean is one of signs. `angles` = folded does as they do.
///
/// Time of about eight balls, O(draws calibration_rows N d) each, beside O(N k^2 d); memory of one
/// ball of N + calibration_rows rows as float. Nothing is kept from call to call. Periodic
/// coordinates: as of `tle`.
struct danco {
  index_t k = 10;             ///< neighbours that angles are between, at least 3
  index_t max_dimension = 0;  ///< 0: the number of columns
  danco_answer answer = danco_answer::fractal;
  danco_angles angles = danco_angles::directed;
  index_t calibration_rows = 2000;  ///< of each ball, of which there are `draws`; 0: all N
  index_t draws = 2;                ///< balls of each dimension

  static constexpr std::string_view name = "danco";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return k + 1; }
  /// Balls have an edge and noise of their own.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    check_between(k, 3, index_t{1} << 20, "k");
    check_between(max_dimension, 0, index_t{1} << 20, "max_dimension");
    check_between(calibration_rows, 0, index_t{1} << 30, "calibration_rows");
    check_between(draws, 1, index_t{1} << 20, "draws");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("max_dimension", self.max_dimension);
    visit("answer", self.answer);
    visit("angles", self.angles);
    visit("calibration_rows", self.calibration_rows);
    visit("draws", self.draws);
  }
};

}  // namespace estimators

namespace detail {

template <class = lazy>
ball_options balls_for(const estimators::danco& e, index_t rows, const dimension_options& options) {
  return {.k = e.k,
          .angles = e.angles,
          .rows = rows,
          .looked = e.calibration_rows == 0 ? rows : (std::min)(rows, e.calibration_rows),
          .draws = e.draws,
          .seed = seed_of_stream(options.seed, 1),  // not that of halves
          .threads = options.threads,
          .on_progress = options.on_progress};
}

/// What each row adds to the logarithm of the dimension: by the means it is a part of, with the
/// dimension as a function of these.
template <class Dimension>
Eigen::VectorXd scores_of_means(const danco_rows& rows, const danco_means& means, index_t k,
                                Dimension&& dimension) {
  const auto n = static_cast<double>(rows.rows.size());
  const auto slope = [&](double danco_means::*part) {
    const double step = 1e-3 * (std::max)(std::abs(means.*part), 0.1);
    danco_means up = means, down = means;
    up.*part += step;
    down.*part -= step;
    return (std::log(dimension(up)) - std::log(dimension(down))) / (2 * step);
  };
  const double by_ratios = slope(&danco_means::dimension), by_angle = slope(&danco_means::angle),
               by_concentration = slope(&danco_means::concentration);
  const auto neighbors = static_cast<double>(k);
  const double curvature = -slope_of_ratios(rows.log_ratios, means.dimension, neighbors).second;
  Eigen::VectorXd out(rows.log_ratios.size());
  for (index_t i = 0; i < out.size(); ++i)
    out[i] = by_ratios * slope_of_ratio(rows.log_ratios[i], means.dimension, neighbors).first /
                 curvature +
             (by_angle * rows.angles[i] + by_concentration * rows.concentrations[i]) / n;
  return out;
}

/// How many times the error of the cloud's means that of both them and the balls' is. Rows of balls
/// like the cloud vary as its own do.
/// \param share the variance of what is taken from the balls, over that of one dimension's means
inline double with_balls(const ball_options& balls, double share) {
  const auto simulated = static_cast<double>(balls.looked) * static_cast<double>(balls.draws);
  return std::sqrt(1 + share * static_cast<double>(balls.rows) / simulated);
}

/// The whole number at which the curves are nearest.
template <class = lazy>
double nearest_whole(const danco_means& means, const ball_curves& curves, index_t k, index_t most) {
  double best = 1, nearest = std::numeric_limits<double>::infinity();
  for (double d = curves.low(); d <= curves.high() && d <= static_cast<double>(most); ++d)
    if (const double away = danco_divergence(means, curves.at(d), k); away < nearest) {
      nearest = away;
      best = d;
    }
  return best;
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::danco& e, const estimator_cloud<Scalar>& cloud) {
  raw_estimate out;
  out.linked = e.k + 1;
  danco_rows rows = measure_rows(cloud, e.k, e.angles, out);
  if (rows.rows.empty()) return out;
  const danco_means means = means_of_rows(rows, e.k);
  const index_t most = e.max_dimension > 0 ? e.max_dimension : cloud.points.extent(1);
  ball_means balls(balls_for(e, cloud.rows(), cloud.options));
  const index_t beyond = most + 3 * step_of_dimensions(most);
  const index_t first = dimension_by_distances(balls, means.dimension, most);
  const index_t step = step_of_dimensions(first);
  const ball_curves curves(balls, bracketing_dimensions(balls, means, first, step, beyond), step);
  const auto dimension = [&](const danco_means& m) { return nearest_dimension(m, curves, e.k); };
  const double nearest = dimension(means);
  out.dimension = e.answer == danco_answer::integer
                      ? nearest_whole(means, curves, e.k, most)
                      : std::clamp(nearest, 1.0, static_cast<double>(most));
  if (nearest >= static_cast<double>(most))
    out.remark = "The dimension is the largest that was allowed, " + std::to_string(most) +
                 ": an error of 0 says no more than that of halves it is so, too.";
  else if (e.answer == danco_answer::integer)
    out.remark = "The error is that of the dimension before it was made whole.";
  // At an end of what was simulated the dimension does not move with the means.
  if (nearest > curves.low() + 1e-3 && nearest < curves.high() - 1e-3)
    out.scores = scores_of_means(rows, means, e.k, dimension) *
                 with_balls(balls.options(), curves.noise_at(nearest));
  if (!(out.scores.squaredNorm() > 0)) out.scores.resize(0);
  out.rows = std::move(rows.rows);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::danco&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::danco&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
