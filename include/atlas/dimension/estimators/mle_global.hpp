// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Maximum likelihood of the smallest distances of a whole cloud: the likelihood of Levina, Bickel
/// (NIPS 2004), of pairs of rows in place of one row's neighbours; Hill's estimator (Ann. Stat. 3,
/// 1163, 1975) of the correlation integral's exponent.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// Of the n smallest distances R between pairs of rows, `(n - 1) / sum ln(R_n / R)`: where rows are
/// uniform the number of pairs within R grows as R to the power of the dimension.
///
/// It is what scikit-dimension's MLE does where `neighborhood_based` is false, but that pairs are
/// told apart by their rows and not by their distances being different numbers, and that distances
/// of 0 (coincident rows) are left out where they make its answer 0. Pairs that are not among the k
/// neighbours of either row would be missed: more distances are asked for than it is certain that
/// none is missing of, and the call is refused.
///
/// Of a fixed number of distances the answer does not converge, however many rows there are; of a
/// share of the rows it does. There are no local values. O(N k) time, and O(n log n); at
/// most O(N k) memory after the search.
struct mle_global {
  index_t k = 20;  ///< neighbours of each row that are looked at
  /// The number n, at least 3. 0: a quarter of the rows, but at least 20 and no more than are
  /// certain.
  index_t distances = 0;
  bool unbiased = false;  ///< n - 2 in place of n - 1: right in the mean for every n

  static constexpr std::string_view name = "mle_global";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return k; }
  [[nodiscard]] interval_claim claim() const {
    return distances == 0 ? interval_claim::dimension : interval_claim::own_mean;
  }
  void check_parameters() const {
    check_between(k, 1, index_t{1} << 40, "k");
    if (distances != 0) check_between(distances, 3, index_t{1} << 40, "distances");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("distances", self.distances);
    visit("unbiased", self.unbiased);
  }
};

}  // namespace estimators

namespace detail {

/// Two rows, and how far they are from each other.
struct row_distance {
  double distance = 0;
  index_t row = 0, other = 0;

  friend bool operator<(const row_distance& a, const row_distance& b) {
    return std::tie(a.distance, a.row, a.other) < std::tie(b.distance, b.row, b.other);
  }
};

/// Below this distance no pair is missing from a table: a missing one is beyond the k-th neighbours
/// of both its rows, so that it is at least the second smallest of their distances. Rows that have
/// fewer than k neighbours have all that there are.
template <class = lazy>
double certain_distance(const neighbor_table& table, index_t k) {
  double least = std::numeric_limits<double>::infinity(), second = least;
  for (index_t i = 0; i < table.distances.extent(0); ++i) {
    const double last = table.distances(i, k - 1);
    if (last < second) second = (std::max)(last, least);
    least = (std::min)(last, least);
  }
  return second;
}

/// Whether row j has row i among its first k neighbours.
inline bool holds_neighbor(const neighbor_table& table, index_t j, index_t i, index_t k) {
  for (index_t m = 0; m < k; ++m)
    if (table.indices(j, m) == i) return true;
  return false;
}

/// All pairs at distances above 0 and below `bound`, each once. The first of its rows is that whose
/// k-th neighbour is nearer, in whatever order the rows are.
template <class = lazy>
std::vector<row_distance> pairs_below(const neighbor_table& table, index_t k, double bound) {
  std::vector<row_distance> out;
  for (index_t i = 0; i < table.distances.extent(0); ++i)
    for (index_t m = 0; m < k && table.indices(i, m) >= 0 && table.distances(i, m) < bound; ++m) {
      const index_t j = table.indices(i, m);
      if (!(table.distances(i, m) > 0) || (j < i && holds_neighbor(table, j, i, k))) continue;
      const double of_i = table.distances(i, k - 1), of_j = table.distances(j, k - 1);
      const bool first = of_i < of_j || (of_i == of_j && i < j);
      out.push_back({table.distances(i, m), first ? i : j, first ? j : i});
    }
  return out;
}

/// A bound that at least `wanted` pairs are below, and not many more, where so many are below
/// `certain`; otherwise that. A pair is in the table once or twice.
template <class = lazy>
double bound_of_pairs(const neighbor_table& table, index_t k, index_t wanted, double certain) {
  std::vector<double> distances;
  for (index_t i = 0; i < table.distances.extent(0); ++i)
    for (index_t m = 0; m < k && table.distances(i, m) < certain; ++m)
      if (table.distances(i, m) > 0) distances.push_back(table.distances(i, m));
  if (static_cast<index_t>(distances.size()) < 2 * wanted) return certain;
  const auto last = distances.begin() + 2 * wanted - 1;
  std::nth_element(distances.begin(), last, distances.end());
  return (std::min)(certain, std::nextafter(*last, std::numeric_limits<double>::infinity()));
}

/// The smallest of them, ascending.
/// \throws value_error where more are asked for than there are
template <class = lazy>
std::vector<row_distance> smallest_pairs(const estimators::mle_global& e,
                                         const neighbor_rows& cloud) {
  const index_t by_default = (std::max)(index_t{20}, cloud.rows() / 4);
  index_t wanted = e.distances > 0 ? e.distances : by_default;
  const double certain = certain_distance(cloud.table, e.k);
  auto pairs = pairs_below(cloud.table, e.k, bound_of_pairs(cloud.table, e.k, wanted, certain));
  const auto found = static_cast<index_t>(pairs.size());
  if (e.distances > found)
    throw value_error("distances",
                      "at most as many as " + std::to_string(e.k) +
                          " neighbours of each row hold, " + std::to_string(found),
                      std::to_string(e.distances));
  wanted = (std::min)(wanted, found);
  if (wanted < found) std::nth_element(pairs.begin(), pairs.begin() + wanted, pairs.end());
  pairs.resize(static_cast<std::size_t>(wanted));
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

/// Whether more than half of sorted distances equal the one before.
inline bool mostly_tied(const std::vector<row_distance>& pairs) {
  std::size_t tied = 0;
  for (std::size_t p = 1; p < pairs.size(); ++p)
    if (pairs[p].distance == pairs[p - 1].distance) ++tied;
  return 2 * tied > pairs.size();
}

/// Rows that have none of the pairs' scores are not among `out.rows`; the others are linked with as
/// many neighbours as any of them has within the largest distance.
template <class = lazy>
void add_pair_scores(const std::vector<row_distance>& pairs, const neighbor_rows& cloud, index_t k,
                     raw_estimate& out) {
  const auto n = static_cast<double>(pairs.size());
  const double last = pairs.back().distance;
  std::vector<double> sums(static_cast<std::size_t>(cloud.rows()), std::nan(""));
  for (const row_distance& p : pairs) {
    double& sum = sums[static_cast<std::size_t>(p.row)];
    if (std::isnan(sum)) sum = 0;
    sum += (1 - out.dimension * std::log(last / p.distance)) / n;
  }
  std::vector<double> scores;
  for (index_t i = 0; i < cloud.rows(); ++i) {
    const double sum = sums[static_cast<std::size_t>(i)];
    if (std::isnan(sum)) continue;
    out.rows.push_back(i);
    scores.push_back(sum);
    const double* r = &cloud.table.distances(i, 0);
    out.linked = (std::max)(out.linked, std::upper_bound(r, r + k, last) - r);
  }
  out.scores =
      Eigen::Map<const Eigen::VectorXd>(scores.data(), static_cast<index_t>(scores.size()));
}

template <class = lazy>
raw_estimate raw_dimension(const estimators::mle_global& e, const neighbor_rows& cloud) {
  if (cloud.options.exclude.distinct)
    throw value_error("exclude.distinct", "false, since all neighbours that are near count",
                      "true");
  raw_estimate out;
  for (index_t i = 0; i < cloud.rows(); ++i) {
    if (cloud.table.indices(i, 0) < 0) ++out.isolated;
    if (cloud.table.distances(i, 0) == 0) ++out.duplicates;
  }
  const std::vector<row_distance> pairs = smallest_pairs(e, cloud);
  if (pairs.size() < 3)
    out.why =
        "Fewer than 3 pairs of rows are known to be the nearest: look at more neighbours (k).";
  if (pairs.size() < 3 || mostly_tied(pairs)) return out;
  double sum = 0;
  for (const row_distance& p : pairs) sum += std::log(pairs.back().distance / p.distance);
  out.dimension = (static_cast<double>(pairs.size()) - (e.unbiased ? 2 : 1)) / sum;
  if (std::isfinite(out.dimension)) add_pair_scores(pairs, cloud, e.k, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::mle_global&,
                                                     const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
