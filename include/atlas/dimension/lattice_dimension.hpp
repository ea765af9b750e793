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
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/binomial.hpp"
#include "atlas/dimension/lattice_counts.hpp"
#include "atlas/dimension/lattice_likelihood.hpp"
#include "atlas/dimension/lattice_scales.hpp"
#include "atlas/dimension/lattice_volume.hpp"
#include "atlas/dimension/pair_counts.hpp"
#include "atlas/neighbors/periods.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

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
/// independent and each as two, so that with radii for all rows its error is too small by a root of
/// 2 at least; the slope of V in d is exact here at all radii, where the peer's is an expansion
/// from 35 on.
///
/// Rows that are equal are rows at distance 0 and count as others do: a lattice has few places.
///
/// \param points  `[N, d]`, whole numbers of any type, N >= 3; other types than float and double
///                are copied
/// \param scales  radii: `{.outer = 6, .inner = 3}`, `{.k = 30}` or `{.shells = 4}`
/// \param options as of `estimate_dimension`; periods are whole numbers, and of duplicates, which
///                are counted in the result, `merge` and `drop` do nothing
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
