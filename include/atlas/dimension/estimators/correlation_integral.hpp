// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The correlation dimension: Grassberger, Procaccia, "Measuring the strangeness of strange
/// attractors", Physica D 9, 189 (1983), equations 1.2 and 1.3.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/pair_counts.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// The number of pairs of rows closer than r grows as r^d. The dimension is the slope of its
/// logarithm between two radii: the medians over rows of the distances to the k1-th and to the
/// k2-th neighbour. It is of the whole cloud; rows have no values of their own.
///
/// Pairs count where their distance is below the radius, by the same distances that the radii are
/// taken from. A median over an odd number of rows is itself such a distance, and a program that
/// computes distances in two ways lets rounding decide on that pair: scikit-dimension's values
/// differ for that reason by up to 4e-4.
///
/// The error is that of the pairs (`pair_counts.hpp`). That the radii are themselves of the cloud
/// adds nothing to first order: a radius that is larger by a factor moves both the logarithm of the
/// pairs and that of the radii, in the ratio that is the dimension.
///
/// O(N^2 d) time beyond the search for neighbours, O(N) memory.
struct correlation_integral {
  index_t k1 = 10;  ///< neighbour whose median distance is the smaller radius, at least 1
  index_t k2 = 20;  ///< and the larger one, more than k1

  static constexpr std::string_view name = "correlation_integral";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return k2; }
  /// As rows become many both radii shrink, and the slope becomes the dimension.
  [[nodiscard]] interval_claim claim() const { return interval_claim::dimension; }
  void check_parameters() const {
    check_between(k1, 1, index_t{1} << 40, "k1");
    check_between(k2, k1 + 1, index_t{1} << 40, "k2");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k1", self.k1);
    visit("k2", self.k2);
  }
};

}  // namespace estimators

/// Options and results of the correlation integral at given radii.
struct correlation_curve {
  std::vector<double> radii;                ///< `[m]`, as given
  std::vector<double> integral;             ///< `[m]`, share of the pairs of rows that are closer
  std::vector<dimension_estimate> between;  ///< `[m - 1]`, the slope from each radius to the next
  /// `[m - 1]`, slopes of least squares over the first 2, 3, .. m radii, as DADApy has them
  std::vector<dimension_estimate> up_to;
  index_t merged = 0;  ///< rows that are left out because they coincide with one that is not
};

namespace detail {

inline double median_distance(const neighbor_table& table, const std::vector<index_t>& rows,
                              index_t k) {
  std::vector<double> distances;
  distances.reserve(rows.size());
  for (const index_t row : rows) distances.push_back(table.distances(row, k - 1));
  std::sort(distances.begin(), distances.end());
  return quantile_of_sorted(distances, 0.5);
}

/// The largest double below a radius: to be closer than the radius is to be at most that far.
inline double just_below(double radius) {
  return std::nextafter(radius, 0.0);
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::correlation_integral& e,
                           const estimator_cloud<Scalar>& cloud) {
  raw_estimate out;
  for (index_t i = 0; i < cloud.rows(); ++i)
    if (has_neighbors(cloud.table, i, e.k2, out)) out.rows.push_back(i);
  if (out.rows.size() < 2) return out;
  const double inner = median_distance(cloud.table, out.rows, e.k1);
  const double outer = median_distance(cloud.table, out.rows, e.k2);
  out.why = "The numbers of pairs within the two radii, or the radii, do not differ.";
  if (!(inner < outer)) return out;
  const pair_counts counts =
      count_within(cloud.points, {just_below(inner), just_below(outer)}, out.rows, cloud.options);
  const double logarithm = std::log(counts.sum(1) / counts.sum(0));
  if (!(logarithm > 0 && std::isfinite(logarithm))) return out;
  out.why.clear();
  out.dimension = logarithm / std::log(outer / inner);
  out.scores = pair_scores(counts, {-1, 1}) / logarithm;
  return out;
}

/// \throws shape_error for fewer than 2, value_error unless they are positive and increase
inline void check_radii(const std::vector<double>& radii) {
  if (radii.size() < 2) throw shape_error("radii", "at least 2", std::to_string(radii.size()));
  for (std::size_t a = 0; a < radii.size(); ++a)
    if (!(radii[a] > (a > 0 ? radii[a - 1] : 0.0)) || !std::isfinite(radii[a]))
      throw value_error("radii", "positive numbers, each more than the one before",
                        number_text(radii[a]) + " at [" + std::to_string(a) + "]");
}

/// Ordered pairs of rows that may be neighbours.
inline double allowed_pairs(const exclusion& exclude, index_t rows, int threads) {
  const auto n = static_cast<double>(rows);
  if (!exclude.active()) return n * (n - 1);
  std::vector<index_t> of_row(static_cast<std::size_t>(rows));
  parallel_for(rows, threads, [&](index_t i) {
    index_t count = 0;
    for (index_t j = 0; j < rows; ++j) count += j != i && !exclude.rejects(i, j) ? 1 : 0;
    of_row[static_cast<std::size_t>(i)] = count;
  });
  double sum = 0;
  for (const index_t count : of_row) sum += static_cast<double>(count);
  return sum;
}

/// Weights of a slope of least squares over radii [first, last), 0 for the others.
inline std::vector<double> slope_weights(const std::vector<double>& radii, std::size_t first,
                                         std::size_t last) {
  double mean = 0, square = 0;
  for (std::size_t a = first; a < last; ++a)
    mean += std::log(radii[a]) / static_cast<double>(last - first);
  for (std::size_t a = first; a < last; ++a)
    square += (std::log(radii[a]) - mean) * (std::log(radii[a]) - mean);
  std::vector<double> out(radii.size(), 0.0);
  for (std::size_t a = first; a < last; ++a) out[a] = (std::log(radii[a]) - mean) / square;
  return out;
}

/// A weighted sum of the logarithms of the numbers of pairs, with its error.
template <class = lazy>
dimension_estimate slope_of_pairs(const pair_counts& counts, const std::vector<double>& weights,
                                  const std::vector<index_t>& rows,
                                  const dimension_options& options) {
  dimension_estimate out;
  out.claim = interval_claim::own_mean;
  out.points_used = static_cast<index_t>(rows.size());
  out.dimension = 0;
  for (std::size_t a = 0; a < weights.size(); ++a)
    if (weights[a] != 0) out.dimension += weights[a] * std::log(counts.sum(a));
  if (!(out.dimension > 0 && std::isfinite(out.dimension))) {
    out.dimension = std::nan("");
    out.fault = cloud_fault::too_few_ratios;
    return out;
  }
  if (!options.errors) return out;
  raw_estimate raw;
  raw.rows = rows;
  const auto first = std::find_if(weights.begin(), weights.end(), [](double w) { return w != 0; });
  const auto from = first - weights.begin();
  const pair_counts used{{counts.within.begin() + from, counts.within.end()}};
  raw.scores = pair_scores(used, {first, weights.end()}) / out.dimension;
  const auto n = static_cast<index_t>(rows.size());
  add_error_of_scores(raw, n, {}, options, out);
  return out;
}

template <class Scalar>
correlation_curve curve_of_distinct(const tensor_view<const Scalar, 2>& points,
                                    const std::vector<double>& radii,
                                    const dimension_options& options) {
  correlation_curve out;
  out.radii = radii;
  std::vector<index_t> rows(static_cast<std::size_t>(points.extent(0)));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<index_t>(i);
  std::vector<double> below;
  for (const double radius : radii) below.push_back(just_below(radius));
  const pair_counts counts = count_within(points, below, rows, options);
  const double pairs = allowed_pairs(options.exclude, points.extent(0), options.threads);
  for (std::size_t a = 0; a < radii.size(); ++a) out.integral.push_back(counts.sum(a) / pairs);
  for (std::size_t a = 0; a + 1 < radii.size(); ++a) {
    out.between.push_back(slope_of_pairs(counts, slope_weights(radii, a, a + 2), rows, options));
    out.up_to.push_back(slope_of_pairs(counts, slope_weights(radii, 0, a + 2), rows, options));
  }
  return out;
}

template <class Scalar>
correlation_curve correlation_integral_of(const tensor_view<const Scalar, 2>& points,
                                          const std::vector<double>& radii,
                                          const dimension_options& options) {
  check_radii(radii);
  correlation_curve out;
  index_t merged = 0;
  const dimension_estimate last = of_distinct_rows<Scalar>(
      points, options,
      [&](const tensor_view<const Scalar, 2>& distinct, const dimension_options& of_rows) {
        if (of_rows.duplicates == duplicate_policy::error) {
          std::vector<index_t> rows(static_cast<std::size_t>(distinct.extent(0)));
          for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<index_t>(i);
          const pair_counts same = count_within(distinct, {0.0}, rows, of_rows);
          if (same.sum(0) > 0)
            throw value_error("points", "no duplicates",
                              number_text(same.sum(0) / 2) + " pairs of rows at distance 0");
        }
        out = curve_of_distinct(distinct, radii, of_rows);
        return dimension_estimate{};
      });
  merged = last.merged;
  out.merged = merged;
  return out;
}

}  // namespace detail

/// The correlation integral at given radii, and its slopes: `C(r)` is the share of ordered pairs of
/// rows with a distance below r, of those pairs that may be neighbours.
///
/// The standard error of a slope is that of the pairs that have rows, or contexts, in common
/// (`pair_counts.hpp`); its interval is of the mean of the slope at these radii, which is the
/// dimension only as far as the cloud is uniform and flat at them.
///
/// \param points  `[N, d]`, N >= 3
/// \param radii   at least 2, increasing
/// \param options as of `estimate_dimension`; of duplicates `merge` leaves one row of each place,
///                `drop` counts them as pairs at distance 0. A slope that is none (no pairs, or
///                none more at the larger radius) is NaN with a fault, whatever `degenerate` says
/// \throws shape_error for fewer than 3 rows or 2 radii, or labels of another length; value_error
///         for NaN, radii that are not positive or do not increase, an exclusion of distinct
///         contexts, or duplicates where these are an error; cancelled
///
/// O(N^2 d) time for all radii together, O(m N) memory; the same bits for every thread count.
template <real_tensor<2> Points>
[[nodiscard]] correlation_curve correlation_integral(const Points& points,
                                                     const std::vector<double>& radii,
                                                     const dimension_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::correlation_integral_of<scalar_of<Points, 2>>(held, radii, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::correlation_integral&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::correlation_integral&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
