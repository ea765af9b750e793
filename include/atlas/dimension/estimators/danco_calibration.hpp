// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What DANCo measures of uniform balls, as a function of their dimension, by simulation.

#include <Eigen/Core>
#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimators/danco_divergence.hpp"
#include "atlas/dimension/estimators/danco_statistics.hpp"
#include "atlas/neighbors/nearest_neighbors_among.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// What is simulated: clouds of as many rows as the one that is measured, of which some are looked
/// at.
struct ball_options {
  index_t k = 10;
  danco_angles angles = danco_angles::directed;
  index_t rows = 0;    ///< of the cloud
  index_t looked = 0;  ///< rows of each draw whose neighbours are looked for
  index_t draws = 1;
  std::uint64_t seed = 0;
  int threads = 0;
  progress_callback on_progress = {};
};

/// Of one ball. Rows that are looked at have `rows - 1` others as theirs: each has the distribution
/// of any row of a whole cloud, so that means over them have no bias, for the time of `looked`
/// rows.
template <class = lazy>
danco_means means_of_ball(const ball_options& o, index_t dimension, index_t draw) {
  random_stream random(
      o.seed, (static_cast<std::uint64_t>(dimension) << 32) + static_cast<std::uint64_t>(draw));
  const owned_tensor<float, 2> all = simulate_ball<float>(o.looked + o.rows - 1, dimension, random);
  const tensor_view<const float, 2> points = all;
  const auto part = [&](index_t from, index_t count) {
    return tensor_view<const float, 2>(points.data() + from * points.stride(0), {count, dimension},
                                       {points.stride(0), points.stride(1)});
  };
  neighbor_table table = nearest_neighbors_among<float>(
      part(0, o.looked), part(o.looked, o.rows - 1),
      {.k = o.k + 1, .threads = o.threads, .on_progress = o.on_progress});
  const auto indices = table.indices.mutable_view();
  for (index_t i = 0; i < o.looked; ++i)
    for (index_t j = 0; j <= o.k; ++j) indices(i, j) += o.looked;
  const dimension_options options{.threads = o.threads};
  raw_estimate counts;
  return means_of_rows(
      measure_rows(estimator_cloud<float>{points, table, options}, o.k, o.angles, counts), o.k);
}

/// Means of balls, each simulated once, when it is asked for.
class ball_means {
 public:
  explicit ball_means(ball_options options) : options_(std::move(options)) {}

  template <class = lazy>
  const danco_means& of(index_t dimension) {
    const auto [place, isnew] = known_.try_emplace(dimension);
    danco_means& mean = place->second;
    if (!isnew) return mean;
    const double share = 1 / static_cast<double>(options_.draws);
    for (index_t draw = 0; draw < options_.draws; ++draw) {
      const danco_means one = means_of_ball(options_, dimension, draw);
      mean.dimension += share * one.dimension;
      mean.angle += share * one.angle;
      mean.concentration += share * one.concentration;
    }
    return mean;
  }

  const ball_options& options() const { return options_; }

 private:
  ball_options options_;
  std::map<index_t, danco_means> known_;
};

/// Parabolas through, or nearest to, what was simulated at a few dimensions `step` apart.
class ball_curves {
 public:
  /// \param dimensions 3 or more, ascending
  template <class = lazy>
  ball_curves(ball_means& balls, const std::vector<index_t>& dimensions, index_t step)
      : low_(static_cast<double>(dimensions.front())),
        high_(static_cast<double>(dimensions.back())),
        middle_(0.5 * (low_ + high_)),
        step_(static_cast<double>(step)) {
    const auto count = static_cast<index_t>(dimensions.size());
    Eigen::MatrixXd powers(count, 3), means(count, 3);
    for (index_t i = 0; i < count; ++i) {
      const index_t d = dimensions[static_cast<std::size_t>(i)];
      powers.row(i) = powers_of(static_cast<double>(d));
      const danco_means& m = balls.of(d);
      means.row(i) << m.dimension, m.angle, m.concentration;
    }
    coefficients_ = powers.householderQr().solve(means);
    spread_ = (powers.transpose() * powers).inverse();
  }

  double low() const { return low_; }
  double high() const { return high_; }
  danco_means at(double d) const {
    const Eigen::RowVector3d m = powers_of(d) * coefficients_;
    return {m[0], m[1], m[2]};
  }
  /// The variance of the curves there, as a multiple of that of the means of one dimension.
  double noise_at(double d) const {
    const Eigen::RowVector3d powers = powers_of(d);
    return (powers * spread_).dot(powers);
  }

 private:
  Eigen::RowVector3d powers_of(double d) const {
    const double x = (d - middle_) / step_;
    return {1, x, x * x};
  }

  double low_, high_, middle_, step_;
  Eigen::Matrix3d coefficients_, spread_;
};

/// The lowest point of the parabola through three values, `step` apart, as seen from the middle
/// one; at most a step away.
inline double lowest_of_parabola(double before, double here, double after, double step) {
  const double bend = before - 2 * here + after;
  return bend > 0 ? std::clamp(0.5 * step * (before - after) / bend, -step, step) : 0;
}

/// The dimension at which the curves are nearest to what was measured: by golden section to a
/// thousandth of their range, and from there by parabolas, which rounding moves by far less.
template <class = lazy>
double nearest_dimension(const danco_means& cloud, const ball_curves& curves, index_t k) {
  const double ratio = 0.5 * (std::sqrt(5.0) - 1), range = curves.high() - curves.low();
  const auto away = [&](double d) { return danco_divergence(cloud, curves.at(d), k); };
  double low = curves.low(), high = curves.high();
  double a = high - ratio * range, b = low + ratio * range;
  double at_a = away(a), at_b = away(b);
  while (high - low > 1e-3 * range) {
    if (at_a < at_b) {
      high = b;
      b = a;
      at_b = at_a;
      at_a = away(a = high - ratio * (high - low));
    } else {
      low = a;
      a = b;
      at_a = at_b;
      at_b = away(b = low + ratio * (high - low));
    }
  }
  double d = 0.5 * (low + high);
  const double step = 1e-3 * range;
  for (int round = 0; round < 2; ++round)
    d = std::clamp(d + lowest_of_parabola(away(d - step), away(d), away(d + step), step),
                   curves.low(), curves.high());
  return d;
}

/// A dimension of which balls have about the distances that were measured: by the secant on
/// logarithms, from what was measured on.
/// \param most of the dimensions that are tried
template <class = lazy>
index_t dimension_by_distances(ball_means& balls, double measured, index_t most) {
  const auto rounded = [&](double d) {
    return std::clamp<index_t>(std::llround((std::min)(d, 1e9)), 1, most);
  };
  index_t at = rounded(measured);
  double power = 1.2;  // of the dimension against what is measured of it, to begin with
  for (int round = 0; round < 6; ++round) {
    const double here = balls.of(at).dimension;
    const index_t next = rounded(static_cast<double>(at) * std::pow(measured / here, power));
    if (next == at) break;
    const double change = std::log(balls.of(next).dimension / here);
    if (change != 0)
      power = std::clamp(std::log(static_cast<double>(next) / static_cast<double>(at)) / change,
                         0.5, 3.0);
    at = next;
  }
  return at;
}

/// How far apart balls are simulated: so that the curves are nearly parabolas between.
inline index_t step_of_dimensions(index_t d) {
  return (std::max)(index_t{1}, d / 10);
}

/// Three dimensions of which the middle one is nearest to what was measured, from one that is near
/// on, and of steps above 1 two more, so that the noise of the balls cancels. At the ends of what
/// is allowed the nearest may be an end.
template <class = lazy>
std::vector<index_t> bracketing_dimensions(ball_means& balls, const danco_means& cloud,
                                           index_t from, index_t step, index_t most) {
  const index_t k = balls.options().k;
  const auto away = [&](index_t d) { return danco_divergence(cloud, balls.of(d), k); };
  index_t middle = std::clamp<index_t>(from, 1 + step, (std::max)(1 + step, most - step));
  for (;;) {
    const double here = away(middle);
    if (middle - 2 * step >= 1 && away(middle - step) < here)
      middle -= step;
    else if (middle + 2 * step <= most && away(middle + step) < here)
      middle += step;
    else
      break;
  }
  std::vector<index_t> out = {middle - step, middle, middle + step};
  if (step > 1 && middle - 2 * step >= 1) out.insert(out.begin(), middle - 2 * step);
  if (step > 1 && middle + 2 * step <= most) out.push_back(middle + 2 * step);
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
