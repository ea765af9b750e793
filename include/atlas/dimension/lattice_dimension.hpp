// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension of clouds of whole numbers (I3D): Macocco, Glielmo, Grilli, Laio, "Intrinsic
/// dimension estimation for discrete metrics", Phys. Rev. Lett. 130, 067401 (2023).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/binomial.hpp"
#include "atlas/dimension/lattice_volume.hpp"
#include "atlas/dimension/pair_counts.hpp"
#include "atlas/neighbors/periods.hpp"

namespace atlas::inline ATLAS_ABI {

/// The distances that a lattice's dimension is told by. Exactly one of outer, k and shells says
/// what the outer radius of each row is.
struct lattice_scales {
  index_t outer = 0;  ///< of all rows
  index_t inner = 0;  ///< of all rows, below outer; where k or shells are given, see ratio
  index_t k = 0;      ///< at least 2: the largest distance that is below that of the k-th neighbour
  index_t shells = 0;  ///< the shells-th smallest distance, above 0, at which there are rows
  /// Of the inner radius to the outer one where k or shells are given, in (0, 1): rounded to a
  /// whole number (halves to the even one), and one less where that is the outer one.
  double ratio = 0.5;
  /// `bayes`, for outer and inner alone: the mean of the dimension, the prior of the share of inner
  /// rows being uniform.
  binomial_method method = binomial_method::mle;
};

namespace detail {

/// A row's radii, and how many others are within them.
struct lattice_counts {
  index_t outer = -1, inner = -1;  ///< radii; -1 where the row has none
  double within_outer = 0, within_inner = 0;
};

inline void check_scales(const lattice_scales& s) {
  const int given = (s.outer != 0) + (s.k != 0) + (s.shells != 0);
  if (given != 1)
    throw value_error("scales", "exactly one of outer, k and shells", std::to_string(given));
  if (s.k == 0 && s.shells == 0) {
    check_between(s.outer, 1, index_t{1} << 24, "outer");
    check_between(s.inner, 0, s.outer - 1, "inner");
    return;
  }
  if (s.k != 0) check_between(s.k, 2, index_t{1} << 40, "k");
  if (s.shells != 0) check_between(s.shells, 1, index_t{1} << 40, "shells");
  if (s.inner != 0)
    throw value_error("inner", "0 where ratio gives the inner radius", std::to_string(s.inner));
  check_open_unit(s.ratio, "ratio");
  if (s.method == binomial_method::bayes)
    throw value_error("method", "mle where rows have radii of their own", "bayes");
}

/// \throws value_error for coordinates, or lengths of a box, that are not whole numbers below 2^50
template <class Scalar>
void check_whole(const tensor_view<const Scalar, 2>& points, const std::vector<double>& lengths) {
  constexpr double most = 0x1p50;  // sums of differences of 2 to the 2 of these are exact
  for (index_t i = 0; i < points.extent(0); ++i)
    for (index_t c = 0; c < points.extent(1); ++c) {
      const auto x = static_cast<double>(points(i, c));
      if (std::trunc(x) != x || !(std::abs(x) <= most))
        throw value_error(
            "points", "whole numbers (estimate_dimension takes continuous clouds)",
            number_text(x) + " at [" + std::to_string(i) + ", " + std::to_string(c) + "]");
    }
  for (const double length : lengths)
    if (std::isfinite(length) && std::trunc(length) != length)
      throw value_error("periods", "whole numbers", number_text(length));
}

/// Sum of the absolute differences of a row's coordinates to those of row b, or of those of their
/// nearest images.
template <class Scalar>
double lattice_distance(const std::vector<double>& row, const tensor_view<const Scalar, 2>& points,
                        index_t b, const std::vector<double>& lengths) {
  const Scalar* other = points.data() + b * points.stride(0);
  const index_t step = points.stride(1);
  double sum = 0;
  if (lengths.empty())
    for (std::size_t c = 0; c < row.size(); ++c)
      sum += std::abs(row[c] - static_cast<double>(other[static_cast<index_t>(c) * step]));
  else
    for (std::size_t c = 0; c < row.size(); ++c)
      sum +=
          image_gap(row[c], static_cast<double>(other[static_cast<index_t>(c) * step]), lengths[c]);
  return sum;
}

/// The rows of a lattice and how to compare them.
template <class Scalar>
struct lattice_rows {
  const tensor_view<const Scalar, 2>& points;
  const std::vector<double>& lengths;
  const exclusion& exclude;

  bool allows(index_t i, index_t j) const { return i != j && !exclude.rejects(i, j); }

  std::vector<double> row(index_t i) const {
    std::vector<double> out;
    for (index_t c = 0; c < points.extent(1); ++c) out.push_back(static_cast<double>(points(i, c)));
    return out;
  }

  lattice_counts at_radii(index_t i, index_t outer, index_t inner) const {
    lattice_counts out{outer, inner, 0, 0};
    const std::vector<double> own = row(i);
    for (index_t j = 0; j < points.extent(0); ++j) {
      const double distance = lattice_distance(own, points, j, lengths);
      if (!(distance <= static_cast<double>(outer)) || !allows(i, j)) continue;
      ++out.within_outer;
      if (distance <= static_cast<double>(inner)) ++out.within_inner;
    }
    return out;
  }

  /// Sorted distances to the rows that may be neighbours.
  void distances_of(index_t i, std::vector<double>& out) const {
    out.clear();
    const std::vector<double> own = row(i);
    for (index_t j = 0; j < points.extent(0); ++j)
      if (allows(i, j)) out.push_back(lattice_distance(own, points, j, lengths));
    std::sort(out.begin(), out.end());
  }
};

/// The outer radius by sorted distances; 0 where there is none above 0.
inline double outer_radius(const std::vector<double>& sorted, const lattice_scales& s) {
  if (s.k > 0) {
    if (static_cast<index_t>(sorted.size()) < s.k) return 0;
    const auto first =
        std::lower_bound(sorted.begin(), sorted.end(), sorted[static_cast<std::size_t>(s.k) - 1]);
    return first == sorted.begin() ? 0 : *(first - 1);
  }
  auto place = std::upper_bound(sorted.begin(), sorted.end(), 0.0);
  for (index_t shell = 1; shell < s.shells && place != sorted.end(); ++shell)
    place = std::upper_bound(place, sorted.end(), *place);
  return place == sorted.end() ? 0 : *place;
}

inline lattice_counts counts_of_sorted(const std::vector<double>& sorted, const lattice_scales& s) {
  const double outer = outer_radius(sorted, s);
  if (!(outer > 0)) return {};
  double inner = std::nearbyint(s.ratio * outer);
  if (inner == outer) --inner;
  const auto within = [&](double radius) {
    return static_cast<double>(std::upper_bound(sorted.begin(), sorted.end(), radius) -
                               sorted.begin());
  };
  return {static_cast<index_t>(outer), static_cast<index_t>(inner), within(outer), within(inner)};
}

template <class Scalar>
std::vector<lattice_counts> count_lattice(const lattice_rows<Scalar>& rows, const lattice_scales& s,
                                          int threads) {
  std::vector<lattice_counts> out(static_cast<std::size_t>(rows.points.extent(0)));
  parallel_for(
      rows.points.extent(0), threads, [] { return std::vector<double>(); },
      [&](index_t i, std::vector<double>& sorted) {
        lattice_counts& own = out[static_cast<std::size_t>(i)];
        if (s.outer > 0) {
          own = rows.at_radii(i, s.outer, s.inner);
        } else {
          rows.distances_of(i, sorted);
          own = counts_of_sorted(sorted, s);
        }
      });
  return out;
}

/// The likelihood of a dimension given the numbers of rows within radii, summed over the rows of
/// the same radii: of K rows each is one of the n inner ones with probability `p = V(inner) /
/// V(outer)`.
class lattice_likelihood {
 public:
  explicit lattice_likelihood(const std::vector<lattice_counts>& rows) {
    for (const lattice_counts& row : rows) {
      if (row.outer < 0) continue;
      lattice_counts& sum = groups_[{row.outer, row.inner}];
      sum.outer = row.outer;
      sum.inner = row.inner;
      sum.within_outer += row.within_outer;
      sum.within_inner += row.within_inner;
      largest_ = (std::max)(largest_, row.outer);
    }
  }

  double outer_rows() const {
    double sum = 0;
    for (const auto& [radii, group] : groups_) sum += group.within_outer;
    return sum;
  }
  double inner_rows() const {
    double sum = 0;
    for (const auto& [radii, group] : groups_) sum += group.within_inner;
    return sum;
  }

  lattice_volumes volumes(double d) const { return volumes_up_to(largest_, d); }

  /// Of one row, or group, the derivative of the logarithm of its likelihood by d.
  static double slope(const lattice_counts& c, const lattice_volumes& v) {
    const double log_p = at(v.logarithm, c.inner) - at(v.logarithm, c.outer);
    const double change = at(v.slope, c.inner) - at(v.slope, c.outer);  // of it, with d
    return (c.within_inner - c.within_outer * std::exp(log_p)) * change / -std::expm1(log_p);
  }

  double slope(double d) const {
    const lattice_volumes v = volumes(d);
    double sum = 0;
    for (const auto& [radii, group] : groups_) sum += slope(group, v);
    return sum;
  }

  /// Minus the expected second derivative.
  double information(double d) const {
    const lattice_volumes v = volumes(d);
    double sum = 0;
    for (const auto& [radii, c] : groups_) {
      const double log_p = at(v.logarithm, c.inner) - at(v.logarithm, c.outer);
      const double change = at(v.slope, c.inner) - at(v.slope, c.outer);
      sum += c.within_outer * std::exp(log_p) * change * change / -std::expm1(log_p);
    }
    return sum;
  }

  /// Of the dimension where p has a uniform prior, and there is one group; up to a constant.
  double log_posterior(double d) const {
    const lattice_volumes v = volumes(d);
    const lattice_counts& c = groups_.begin()->second;
    const double log_p = at(v.logarithm, c.inner) - at(v.logarithm, c.outer);
    const double change = at(v.slope, c.inner) - at(v.slope, c.outer);
    return (c.within_inner + 1) * log_p +
           (c.within_outer - c.within_inner) * std::log(-std::expm1(log_p)) + std::log(-change);
  }

 private:
  static double at(const std::vector<double>& values, index_t radius) {
    return values[static_cast<std::size_t>(radius)];
  }

  std::map<std::pair<index_t, index_t>, lattice_counts> groups_;
  index_t largest_ = 0;
};

/// The most likely dimension; NaN of no inner rows, or no others.
template <class = lazy>
double most_likely_lattice(const lattice_likelihood& likelihood) {
  if (!(likelihood.inner_rows() > 0 && likelihood.inner_rows() < likelihood.outer_rows()))
    return std::nan("");
  double low = 1, high = 1;
  while (low > 1e-6 && !(likelihood.slope(low) > 0)) low *= 0.5;
  while (high < 1e6 && !(likelihood.slope(high) < 0)) high *= 2;
  if (!(likelihood.slope(low) > 0 && likelihood.slope(high) < 0)) return std::nan("");
  for (int step = 0; step < 100 && high - low > 1e-13 * high; ++step) {
    const double middle = 0.5 * (low + high);
    (likelihood.slope(middle) > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Mean of the posterior by the trapezoidal rule over twelve standard deviations to both sides.
template <class = lazy>
double mean_lattice(const lattice_likelihood& likelihood, double most_likely) {
  constexpr int steps = 1200;
  const double reach = 12 / std::sqrt(likelihood.information(most_likely));
  const double low = (std::max)(most_likely - reach, 1e-3 * most_likely);
  const double step = (most_likely + reach - low) / steps;
  const double peak = likelihood.log_posterior(most_likely);
  double total = 0, sum = 0;
  for (int s = 0; s <= steps; ++s) {
    const double d = low + static_cast<double>(s) * step;
    const double density = std::exp(likelihood.log_posterior(d) - peak);
    total += density;
    sum += density * d;
  }
  return sum / total;
}

/// What `dimension_of_distinct` needs of an estimator (estimator_input.hpp).
struct lattice_estimator {
  lattice_scales scales;

  static constexpr std::string_view name = "lattice";
  static constexpr bool needs_points = true;

  index_t neighbors() const { return 0; }
  /// Radii of a row's own depend on the distances that the estimate is made of.
  interval_claim claim() const {
    return scales.outer > 0 ? interval_claim::dimension : interval_claim::own_mean;
  }
  void check_parameters() const { check_scales(scales); }
};

/// Scores where all rows have the same radii. Otherwise rows that have neighbours in common are
/// dependent in ways that pairs do not show, and the error is that of halves.
template <class = lazy>
Eigen::VectorXd lattice_scores(const std::vector<lattice_counts>& rows, const lattice_scales& s,
                               const lattice_likelihood& likelihood, double d) {
  pair_counts counts{{{}, {}}};
  for (const lattice_counts& row : rows) {
    counts.within[0].push_back(row.within_inner);
    counts.within[1].push_back(row.within_outer);
  }
  const lattice_volumes v = likelihood.volumes(d);
  const double change =
      v.slope[static_cast<std::size_t>(s.inner)] - v.slope[static_cast<std::size_t>(s.outer)];
  return pair_scores(counts, {1, -1}) / (d * change);
}

template <class Scalar>
raw_estimate raw_dimension(const lattice_estimator& e, const estimator_cloud<Scalar>& cloud) {
  refuse_distinct_contexts(cloud.options);
  const std::vector<double> lengths = box_lengths(cloud.options.periods, cloud.points.extent(1));
  check_in_box(cloud.points, lengths, "points");
  check_whole(cloud.points, lengths);
  const lattice_rows<Scalar> rows{cloud.points, lengths, cloud.options.exclude};
  const std::vector<lattice_counts> counts = count_lattice(rows, e.scales, cloud.options.threads);
  raw_estimate out;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i].outer >= 0) out.rows.push_back(static_cast<index_t>(i));
  out.isolated = cloud.rows() - static_cast<index_t>(out.rows.size());
  const lattice_likelihood likelihood(counts);
  const double most_likely = most_likely_lattice(likelihood);
  if (std::isnan(most_likely)) return out;
  out.dimension = e.scales.method == binomial_method::bayes ? mean_lattice(likelihood, most_likely)
                                                            : most_likely;
  if (e.scales.outer > 0) out.scores = lattice_scores(counts, e.scales, likelihood, most_likely);
  return out;
}

/// Rows that equal an earlier or later one.
template <class Scalar>
index_t equal_rows(const tensor_view<const Scalar, 2>& points) {
  std::vector<index_t> order(static_cast<std::size_t>(points.extent(0)));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<index_t>(i);
  const auto compare = [&](index_t a, index_t b) {
    for (index_t c = 0; c < points.extent(1); ++c)
      if (points(a, c) != points(b, c)) return points(a, c) < points(b, c) ? -1 : 1;
    return 0;
  };
  std::sort(order.begin(), order.end(), [&](index_t a, index_t b) { return compare(a, b) < 0; });
  index_t out = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool before = i > 0 && compare(order[i - 1], order[i]) == 0;
    const bool after = i + 1 < order.size() && compare(order[i], order[i + 1]) == 0;
    out += before || after ? 1 : 0;
  }
  return out;
}

template <class Scalar>
dimension_estimate lattice_dimension_of(const tensor_view<const Scalar, 2>& points,
                                        const lattice_scales& scales,
                                        const dimension_options& options) {
  const lattice_estimator e{scales};
  e.check_parameters();
  check_points(points, options);
  const index_t equal = equal_rows(points);
  if (equal > 0 && options.duplicates == duplicate_policy::error)
    throw value_error("points", "no duplicates",
                      std::to_string(equal) + " rows that equal another");
  const neighbor_table none;
  dimension_estimate out = dimension_of_distinct(e, estimator_cloud<Scalar>{points, none, options});
  out.neighbors = scales.k;
  out.duplicates = equal;
  return out;
}

}  // namespace detail

/// The dimension of a cloud of whole numbers, such as spins, counts or letters coded as bits, by
/// distances that are sums of absolute differences (of bits, Hamming's).
///
/// Within the outer radius of a row each other row is within the inner one with probability
/// `V(inner, d) / V(outer, d)` where rows are uniform on a lattice of d dimensions, V being the
/// number of its points within a radius (`lattice_volume`). d is the most likely one of all rows,
/// or with `bayes` its mean. It is a dimension at these radii: at larger ones the border of the
/// cloud makes it smaller; bits have no more than two values, so that their whole cloud is border,
/// and their dimension says how fast rows become many with the distance and not how many bits are
/// free.
///
/// With radii for all rows the error is that of pairs of rows, which are dependent where they have
/// a row, or a context, in common (`pair_counts.hpp`). With radii of the rows' own it is that of
/// halves of the rows, and the interval is one of the estimator's mean. The peer takes all pairs as
/// independent and each as two, so its error is too small by a root of 2 at least; the slope of V
/// in d is exact here at all radii, where the peer's is an expansion from 35 on.
///
/// Rows that are equal are rows at distance 0 and count as others do: a lattice has few places.
///
/// \param points  `[N, d]`, whole numbers of any type, N >= 3; other types than float and double
/// are
///                copied
/// \param scales  radii: `{.outer = 6, .inner = 3}`, `{.k = 30}` or `{.shells = 4}`
/// \param options as of `estimate_dimension`; periods are whole numbers, and of duplicates, which
/// are
///                counted in the result, `merge` and `drop` do nothing
/// \throws shape_error for fewer than 3 rows or labels of another length; value_error for
///         coordinates that are no whole numbers, scales or options out of range, an exclusion of
///         distinct contexts, or no estimate (no row within the inner radius of another, or all
///         that are within the outer one), unless `options.degenerate` says to report that;
///         cancelled
///
/// O(N^2 d) time, with radii of the rows' own O(N^2 (d + log N)), and as much again for each of
/// `options.resamples`; O(N) memory a thread; the same bits for every thread count.
/// \code
/// const auto r = atlas::lattice_dimension(spins, {.outer = 6, .inner = 3});
/// std::cout << r.dimension << " [" << r.interval.lower << ", " << r.interval.upper << "]\n";
/// \endcode
template <number_tensor<2> Points>
[[nodiscard]] dimension_estimate lattice_dimension(const Points& points,
                                                   const lattice_scales& scales,
                                                   const dimension_options& options = {}) {
  const auto held = as_view<2>(points);
  using scalar = scalar_of<Points, 2>;
  if constexpr (std::is_floating_point_v<scalar>) {
    return detail::lattice_dimension_of<scalar>(held, scales, options);
  } else {
    const tensor_view<const scalar, 2>& whole = held;
    owned_tensor<double, 2> copy(whole.extents());
    for (index_t i = 0; i < whole.extent(0); ++i)
      for (index_t c = 0; c < whole.extent(1); ++c)
        copy.mutable_view()(i, c) = static_cast<double>(whole(i, c));
    return detail::lattice_dimension_of<double>(copy, scales, options);
  }
}

}  // namespace atlas::inline ATLAS_ABI
