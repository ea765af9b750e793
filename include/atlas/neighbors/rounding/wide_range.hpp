// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds of double whose squared distances a double cannot hold are scaled by a power of two
/// before the search. Rows whose nearest neighbours are too close for that are compared again one
/// by one, by distances that are not squared.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/row_pairs.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Distances below this have squares that lose digits or are 0. Of larger ones the squares of small
/// differences may underflow too, but are below the rounding of the sum.
inline constexpr double least_squarable = 0x1p-480;

/// Whether squared distances of the size of the cloud are far from both ends of the range of
/// doubles. Those of clouds of float always are.
inline bool is_squarable(const centring& c) {
  const double reach = c.reach / c.scale;
  return reach == 0 || (reach >= 0x1p-200 && reach <= 0x1p480);
}

/// A copy of a cloud times a power of two, its largest coordinate between 1/2 and 1.
struct squarable_cloud {
  owned_tensor<double, 2> points;
  int exponent = 0;  ///< of the power
};

template <class Real>
squarable_cloud make_squarable(const tensor_view<const Real, 2>& points) {
  squarable_cloud out{owned_tensor<double, 2>(points.extents()),
                      exponent_to_one(largest_magnitude(points))};
  const double scale = std::ldexp(1.0, out.exponent);
  for_each_element(points, out.points.mutable_view(),
                   [&](const Real& from, Real& to) { to = from * scale; });
  return out;
}

/// Length of a vector of d differences `gap(k)`, whose squares may over- or underflow. The same
/// bits as the root of `sum_of_squares` where they do not, so that all searches agree on a
/// distance.
template <class Gap>
double close_length(index_t d, Gap&& gap) {
  double largest = 0;
  for (index_t k = 0; k < d; ++k) largest = (std::max)(largest, std::abs(gap(k)));
  const int exponent = exponent_to_one(largest);
  const double scale = std::ldexp(1.0, exponent);
  return std::ldexp(std::sqrt(sum_of_squares(d, [&](index_t k) { return gap(k) * scale; })),
                    -exponent);
}

/// Distance of two rows, of any size that a double can hold.
template <class Scalar>
double close_distance(const tensor_view<const Scalar, 1>& a,
                      const tensor_view<const Scalar, 1>& b) {
  return close_length(a.extent(0), [&](index_t k) {
    return static_cast<double>(a[k]) - static_cast<double>(b[k]);
  });
}

/// The same of two rows in memory.
template <class A, class B>
double close_row_distance(const A* a, const B* b, index_t d) {
  return close_length(
      d, [&](index_t k) { return static_cast<double>(a[k]) - static_cast<double>(b[k]); });
}

/// Whether a squared distance is below the square of `least_squarable`, so that it may have lost
/// digits.
inline bool is_too_small(double square) {
  return square < least_squarable * least_squarable;
}

/// Distance of two rows, by its square where that is not too small.
template <class A, class B>
double distance_of_rows(const A* a, const B* b, index_t d) {
  const double square = squared_distance(a, b, d);
  return is_too_small(square) ? close_row_distance(a, b, d) : std::sqrt(square);
}

/// Whether a query has a neighbour nearer than `least` that is no duplicate.
template <class Scalar>
bool too_close(const row_pairs<Scalar>& pairs, const neighbor_table& table, double least,
               index_t query) {
  for (index_t s = 0; s < table.distances.extent(1); ++s) {
    const index_t row = table.indices(query, s);
    if (row < 0 || table.distances(query, s) >= least) return false;
    if (close_distance<Scalar>(pairs.queries[query], pairs.reference[row]) > 0) return true;
  }
  return false;
}

/// The neighbours of one query by `close_distance`. O(R d)
/// \param best of one row
template <class Scalar>
void find_close(const row_pairs<Scalar>& pairs, index_t query, best_candidates& best,
                neighbor_table& table) {
  best.clear(0);  // takes distances as well as squares
  for (index_t row = 0; row < pairs.reference.extent(0); ++row)
    if (pairs.allows(query, row))
      best.offer(0, row, close_distance<Scalar>(pairs.queries[query], pairs.reference[row]));
  best.copy_to(query, table);
}

/// Computes the neighbours of queries again whose distances are too small to be told by squares:
/// those that have one nearer than `least`.
template <class Scalar>
void recompute_close_rows(const row_pairs<Scalar>& pairs, double least, int threads,
                          const progress_callback& on_progress, neighbor_table& table) {
  std::vector<index_t> queries;
  for (index_t i = 0; i < pairs.queries.extent(0); ++i)
    if (too_close(pairs, table, least, i)) queries.push_back(i);
  const auto count = static_cast<index_t>(queries.size());
  if (count == 0) return;
  progress_meter meter(on_progress, "close rows", count);
  parallel_for(
      count, threads,
      [&] { return best_candidates(1, table.distances.extent(1), pairs.distinct()); },
      [&](index_t q, best_candidates& best) {
        find_close(pairs, queries[static_cast<std::size_t>(q)], best, table);
        meter.advance();
      });
}

/// Divides the distances of a table by `2^exponent`, the power by which its cloud was scaled.
/// \throws value_error where one is more than a double can hold
template <class = lazy>
void scale_back(neighbor_table& table, int exponent) {
  double* const distance = table.distances.mutable_view().data();
  for (index_t i = 0; i < table.distances.size(); ++i) {
    const bool found = table.indices.data()[i] >= 0;
    distance[i] = std::ldexp(distance[i], -exponent);
    if (found && distance[i] > (std::numeric_limits<double>::max)())
      throw value_error("points", "rows whose distance a double can hold",
                        "rows that are further apart");
  }
  sort_equal_distances(table);
}

}  // namespace atlas::inline ATLAS_ABI::detail
