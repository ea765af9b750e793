// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension at which clouds of known dimension have the estimate that a cloud has.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/bias_inverse.hpp"
#include "atlas/dimension/corrected_estimate.hpp"
#include "atlas/dimension/correction_verdict.hpp"
#include "atlas/dimension/dimension_bias.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/reference_clouds.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

inline void check_correction(const correction_options& c) {
  check_bias_draws(c.draws, c.references);
  check_between(c.greatest, 2, index_t{1} << 20, "greatest");
  check_between(c.columns, 0, index_t{1} << 40, "columns");
  check_between(c.half_pairs, 0, index_t{1} << 30, "half_pairs");
  check_half_open(c.slack, 0, 1, "slack");
  if (!(c.widest > 1 && std::isfinite(c.widest)))
    throw value_error("widest", "a number above 1", number_text(c.widest));
}

/// Fewer rows than columns always have fewer axes, which says nothing.
template <class Scalar>
index_t straight_columns(const tensor_view<const Scalar, 2>& points) {
  const Eigen::VectorXd values = pca_rank<Scalar>(points, {}).eigenvalues;
  const index_t axes = (values.array() > 1e-12 * values.maxCoeff()).count();
  return axes < points.extent(0) - 1 ? axes : points.extent(1);
}

/// How far the logarithm of the estimate may be from that of a curve's mean, below and above: by
/// the interval of the estimate or the deviation of those of clouds, whichever is more, and by the
/// error of the curve.
struct log_reach {
  double below = 0, above = 0;
};

template <class = lazy>
log_reach log_reach_of(const dimension_estimate& raw, double deviation, index_t draws,
                       double confidence) {
  const double z = normal_quantile(0.5 + 0.5 * confidence), own = z * deviation;
  const double of_curve = own / std::sqrt(static_cast<double>(draws));
  const auto both = [&](double ratio) {
    const double of_rows = std::isfinite(ratio) && ratio > 0 ? std::abs(std::log(ratio)) : 0.0;
    return std::hypot((std::max)(of_rows, own), of_curve);
  };
  return {both(raw.interval.lower / raw.dimension), both(raw.interval.upper / raw.dimension)};
}

inline std::vector<bias_bracket> first_brackets(const correction_options& c, index_t columns,
                                                double dimension) {
  std::vector<bias_bracket> out;
  for (const reference_cloud r : c.references) {
    const index_t most = most_dimensions(r, columns);
    if (most < 1) continue;
    bias_bracket b{r, dimension_grid((std::min)(most, c.greatest)), most <= c.greatest};
    b.low = b.high = place_on_grid(b.grid, dimension);
    out.push_back(std::move(b));
  }
  return out;
}

/// Simulates until every curve has the estimate, and how far it reaches, between its ends.
template <class Estimator>
log_reach widen_brackets(bias_curves<Estimator>& curves, const dimension_estimate& raw,
                         double confidence, std::vector<bias_bracket>& brackets) {
  const double at = std::log(raw.dimension);
  for (;;) {
    simulate_brackets(curves, brackets);
    const log_reach reach =
        log_reach_of(raw, log_deviation(curves, brackets), curves.draws(), confidence);
    bool all = true;
    for (bias_bracket& b : brackets) {
      const bias_curve curve = curve_of(curves, b);
      const bool lower = b.low > 0 && curve.log_mean.front() > at - reach.below;
      const bool higher = b.high + 1 < b.grid.size() && curve.log_mean.back() < at + reach.above;
      b.low -= lower;
      b.high += higher;
      all = all && !lower && !higher;
    }
    if (all) return reach;
  }
}

inline reference_correction correction_by(const bias_curve& curve, reference_cloud reference,
                                          double dimension, double slack, const log_reach& reach) {
  reference_correction out{reference};
  const double at = std::log(dimension);
  out.possible =
      at - reach.below <= curve.log_mean.back() + std::log1p(slack) || std::isinf(curve.log_most);
  if (!out.possible) return out;
  const double middle = 0.5 * (curve.inverse(at, false) + curve.inverse(at, true));
  out.dimension = dimension_of_log(middle);
  out.interval = {dimension_of_log(curve.inverse(at - reach.below, false)),
                  dimension_of_log(curve.inverse(at + reach.above, true))};
  return out;
}

/// Estimates of both halves of a split; NaN where one has none.
template <class Estimator, class Scalar>
double mean_of_halves(const Estimator& e, const tensor_view<const Scalar, 2>& points,
                      const row_units& units, const dimension_options& options,
                      random_stream& random) {
  const std::vector<index_t> one = half_of_rows(units, points.extent(0), random, false);
  std::vector<index_t> other;
  for (index_t i = 0, next = 0; i < points.extent(0); ++i)
    if (next < static_cast<index_t>(one.size()) && one[static_cast<std::size_t>(next)] == i)
      ++next;
    else
      other.push_back(i);
  const double a = dimension_of_half(e, points, one, gather_options(options, one));
  const double b = dimension_of_half(e, points, other, gather_options(options, other));
  return 0.5 * (a + b);
}

template <class Estimator, class Scalar>
scale_trend trend_of(const Estimator& e, const tensor_view<const Scalar, 2>& points,
                     dimension_options options, double dimension, const correction_options& c) {
  scale_trend out;
  if (c.half_pairs == 0 || points.extent(0) < 6) return out;
  const row_units units = units_of_rows(options, points.extent(0));
  if (units.count < 4) return out;
  std::vector<double> halves(static_cast<std::size_t>(c.half_pairs));
  const int threads = options.threads;
  options.threads = threads_inside(c.half_pairs, threads);
  options.on_progress = {};
  parallel_for(c.half_pairs, threads, [&](index_t h) {
    random_stream random(c.seed, static_cast<std::uint64_t>(h));
    halves[static_cast<std::size_t>(h)] = mean_of_halves(e, points, units, options, random);
  });
  const reference_bias mean = bias_of_draws({}, halves);
  out.half = mean.mean;
  out.change = std::log(dimension / mean.mean);
  out.error = mean.error / mean.mean;
  out.falls = out.change > 3 * out.error;
  return out;
}

/// Of distinct rows. `raw` is the estimate of these.
template <class Estimator, class Scalar>
void correct_distinct(const tensor_view<const Scalar, 2>& points, bias_curves<Estimator>& curves,
                      const dimension_options& options, const correction_options& c,
                      corrected_estimate& out) {
  out.columns = c.columns > 0 ? c.columns : straight_columns(points);
  std::vector<bias_bracket> brackets = first_brackets(c, out.columns, out.raw.dimension);
  log_reach reach;
  if (!brackets.empty()) reach = widen_brackets(curves, out.raw, options.confidence, brackets);
  std::size_t next = 0;
  for (const reference_cloud r : c.references) {
    out.references.push_back({r});
    if (next == brackets.size() || brackets[next].reference != r) continue;
    out.references.back() =
        correction_by(curve_of(curves, brackets[next++]), r, out.raw.dimension, c.slack, reach);
  }
  join_references(out);
  judge_correction(c.widest, out);
  out.trend = trend_of(curves.estimator(), points, options, out.raw.dimension, c);
  out.simulated = curves.simulated();
}

/// Rows that coincide are left out first, as the estimator leaves them out.
template <class Scalar>
std::vector<index_t> rows_that_count(const tensor_view<const Scalar, 2>& points,
                                     const dimension_options& options) {
  if (options.duplicates == duplicate_policy::merge)
    return distinct_rows(points, options.precision, options.tolerance);
  std::vector<index_t> all(static_cast<std::size_t>(points.extent(0)));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<index_t>(i);
  return all;
}

/// The options that reference clouds are estimated with: those of the rows, but for periods, which
/// only the rows have.
inline dimension_options options_of_references(const dimension_options& options,
                                               const std::vector<index_t>& rows) {
  dimension_options out = gather_options(options, rows);
  out.periods.clear();
  return out;
}

template <class Estimator, class Scalar, class Curves>
corrected_estimate corrected_dimension(const tensor_view<const Scalar, 2>& points,
                                       const Estimator& e, const dimension_options& options,
                                       const correction_options& c, Curves&& curves_of) {
  check_correction(c);
  corrected_estimate out;
  out.raw = estimate_dimension<Estimator, Scalar>(points, e, options);
  if (std::isnan(out.raw.dimension)) {
    out.remark = "There is no estimate to correct.";
    return out;
  }
  const std::vector<index_t> rows = rows_that_count(points, options);
  decltype(auto) curves = curves_of(rows);
  const owned_tensor<Scalar, 2> distinct = gather_rows(points, rows);
  correct_distinct<Estimator, Scalar>(distinct, curves, gather_options(options, rows), c, out);
  return out;
}

}  // namespace detail

/// An estimate, and the dimension of which clouds of as many rows have such an estimate.
///
/// Estimators of neighbour distances fall below the dimension d when rows are few for it: above d
/// of about 10 with a thousand rows, and the more the greater d is. Here the mean of the same
/// estimator, on as many rows under the same options, is simulated on clouds of known dimension -
/// flat tori, cubes, normal ones, spheres - on a grid of dimensions a quarter apart that grows
/// until it brackets the estimate, and each curve is inverted: monotone, straight in logarithms.
/// `dimension` is the median over the kinds of cloud. `interval` is from the least to the greatest
/// that any of them says at either end of the estimate's interval (or of the scatter of simulated
/// estimates, where that is wider), with the error of the simulated means added in square.
///
/// A kind of cloud that does not fit into the columns that the rows span is left out, at each
/// dimension: a flat torus of dimension d takes 2 d. Where many columns are spanned, all kinds
/// stay, and a torus and a cube of twice its dimension can have the same estimate: rows then do not
/// tell the dimension, whatever the error of the estimate, and `undetermined` says so in `remark`.
/// The interval covers clouds that are like one of these kinds, or between them. It does not cover
/// all others: rows along curves, strong curvature, a spectrum that falls off, parts of different
/// dimension. That the rows tell the dimension means that the kinds agree, not that the cloud is
/// like one of them: leave a kind out of `references` only where the cloud is known not to be such
/// a one, as a torus where it has an edge. An estimator with a length among its parameters, or of
/// lattices, is not corrected rightly, for the clouds are of their own size and continuous.
///
/// \param points     `[N, d]`, N >= 3
/// \param estimator  its parameters: `atlas::estimators::mom{.k = 20}`
/// \param options    of the estimate; the clouds are searched with the same labels to exclude by
/// \param correction kinds of cloud, draws, and what counts as undetermined
/// \throws as `estimate_dimension`, for the rows and for simulated clouds; shape_error for no
///         references; value_error for a correction's option out of range; cancelled
///
/// The time of `references * draws * (3 to 10)` estimates of N rows and up to `2 * greatest`
/// columns, about 40 of the estimate's own in all, and of `half_pairs / 2` more for the trend.
/// Parallel over clouds, with the memory of one cloud a thread; the same bits for every thread
/// count. For many clouds of one size, keep `bias_curves`.
/// \code
/// const auto r = atlas::corrected_dimension(points, atlas::estimators::mom{.k = 20});
/// std::cout << r.raw.dimension << " -> " << r.dimension << " [" << r.interval.lower << ", "
///           << r.interval.upper << "] " << r.remark << '\n';
/// \endcode
template <real_tensor<2> Points, dimension_estimator_type Estimator>
[[nodiscard]] corrected_estimate corrected_dimension(const Points& points,
                                                     const Estimator& estimator,
                                                     const dimension_options& options = {},
                                                     const correction_options& correction = {}) {
  const auto held = as_view<2>(points);
  return detail::corrected_dimension<Estimator, scalar_of<Points, 2>>(
      held, estimator, options, correction, [&](const std::vector<index_t>& rows) {
        return bias_curves<Estimator>(estimator, static_cast<index_t>(rows.size()),
                                      detail::options_of_references(options, rows),
                                      correction.draws, correction.seed);
      });
}

/// The same with curves that are kept from call to call: a thousand clouds of one size cost little
/// more than one. The estimator, and draws, seed and options of the clouds, are those of `curves`:
/// labels to exclude by have to be the same.
/// \throws shape_error for another number of distinct rows than that of the curves
template <real_tensor<2> Points, dimension_estimator_type Estimator>
[[nodiscard]] corrected_estimate corrected_dimension(const Points& points,
                                                     bias_curves<Estimator>& curves,
                                                     const dimension_options& options = {},
                                                     const correction_options& correction = {}) {
  const auto held = as_view<2>(points);
  return detail::corrected_dimension<Estimator, scalar_of<Points, 2>>(
      held, curves.estimator(), options, correction,
      [&](const std::vector<index_t>& rows) -> bias_curves<Estimator>& {
        check_extent(static_cast<index_t>(rows.size()), curves.rows(), "points",
                     "as many distinct rows as the curves are of,");
        return curves;
      });
}

}  // namespace atlas::inline ATLAS_ABI
