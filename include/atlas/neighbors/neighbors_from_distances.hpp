// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Nearest neighbours from a matrix of distances that the caller has, of whatever metric.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas::inline ATLAS_ABI {

/// How many neighbours `neighbors_from_distances` looks for, and which rows may be.
struct from_distances_options {
  index_t k = 2;           ///< neighbours per row, at most N - 1
  exclusion exclude = {};  ///< rows that may not be neighbours, or not together
  int threads = 0;         ///< 0: all of the machine
};

namespace detail {

/// The distance from row i to row j and back, as a message shows it.
template <class Scalar>
std::string distance_text(const tensor_view<const Scalar, 2>& distances, index_t i, index_t j) {
  return number_text(static_cast<double>(distances(i, j))) + " at [" + std::to_string(i) + ", " +
         std::to_string(j) + "]";
}

/// \throws value_error for a negative distance; one of a row to itself that is above rounding; two
///         rows whose distances from each other differ by more
template <class Scalar>
void check_distances(const tensor_view<const Scalar, 2>& distances, int threads) {
  const index_t n = distances.extent(0);
  Scalar largest = 0;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) {
      if (distances(i, j) < 0)
        throw value_error("distances", "0 or more", distance_text(distances, i, j));
      largest = (std::max)(largest, distances(i, j));
    }
  // What a distance of 0 may be that is the root of a rounded difference of squares.
  const auto rounding = 8 * std::sqrt(std::numeric_limits<Scalar>::epsilon()) * largest;
  parallel_for(n, threads, [&](index_t i) {
    if (distances(i, i) > rounding)
      throw value_error("distances", "0 from each row to itself", distance_text(distances, i, i));
    for (index_t j = 0; j < i; ++j)
      if (std::abs(distances(i, j) - distances(j, i)) > rounding)
        throw value_error(
            "distances", "as far from one row to another as back",
            distance_text(distances, i, j) + " and " + distance_text(distances, j, i));
  });
}

/// A row's nearest, with their numbers.
using ranked_rows = std::vector<std::pair<double, index_t>>;

/// Leaves of each context the nearest row; of sorted ones.
inline void keep_distinct(const index_t* context, std::size_t k, ranked_rows& sorted) {
  std::vector<index_t> seen;
  ranked_rows kept;
  for (const auto& row : sorted) {
    const index_t label = context[row.second];
    if (kept.size() == k) break;
    if (std::find(seen.begin(), seen.end(), label) != seen.end()) continue;
    seen.push_back(label);
    kept.push_back(row);
  }
  sorted = std::move(kept);
}

/// The k nearest that row i may have, ascending; fewer where there are not so many.
template <class Scalar>
void rank_row(const tensor_view<const Scalar, 2>& distances, index_t i,
              const from_distances_options& options, ranked_rows& out) {
  out.clear();
  const bool active = options.exclude.active();
  for (index_t j = 0; j < distances.extent(1); ++j)
    if (j != i && !(active && options.exclude.rejects(i, j)))
      out.emplace_back(static_cast<double>(distances(i, j)), j);
  const auto k = static_cast<std::size_t>(options.k);
  const index_t* context = distinct_labels(options.exclude);
  const std::size_t sorted = context != nullptr ? out.size() : (std::min)(k, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sorted), out.end());
  if (context != nullptr) keep_distinct(context, k, out);
  if (out.size() > k) out.resize(k);
}

template <class Scalar>
neighbor_table neighbors_from_distances(const tensor_view<const Scalar, 2>& distances,
                                        const from_distances_options& options) {
  check_not_empty(distances, "distances");
  const index_t n = distances.extent(0);
  if (n < 2 || distances.extent(1) != n)
    throw shape_error("distances", "[N, N] of at least 2 rows", shape_text(distances.extents()));
  check_between(options.k, 1, n - 1, "k");
  check_exclusion(options.exclude, n);
  check_finite(distances, "distances");
  check_distances(distances, options.threads);
  neighbor_table out{owned_tensor<double, 2>({n, options.k}),
                     owned_tensor<index_t, 2>({n, options.k})};
  const auto distant = out.distances.mutable_view();
  const auto rows = out.indices.mutable_view();
  parallel_for(
      n, options.threads, [] { return ranked_rows(); },
      [&](index_t i, ranked_rows& ranked) {
        rank_row(distances, i, options, ranked);
        ranked.resize(static_cast<std::size_t>(options.k),
                      {std::numeric_limits<double>::infinity(), -1});
        for (index_t m = 0; m < options.k; ++m)
          std::tie(distant(i, m), rows(i, m)) = ranked[static_cast<std::size_t>(m)];
      });
  return out;
}

}  // namespace detail

/// The k nearest neighbours of every row from the distances of all rows, of any metric: what
/// `estimate_from_neighbors` and `two_nn_from_neighbors` take. Where the rows themselves are at
/// hand and the metric is Euclidean, `nearest_neighbors` needs no matrix.
///
/// Distances that are 0 or symmetric but for the rounding of `|x|^2 + |y|^2 - 2xy` (8 times the
/// root of the scalar's precision, of the largest distance) pass for such; of two that differ each
/// row has its own.
///
/// \param distances `[N, N]`, symmetric, N >= 2; one's own is 0
/// \return `[N, k]` as of `nearest_neighbors`: equal distances by row number; where the exclusion
///         leaves fewer, distance +inf and row -1. The same bits for every thread count.
/// \throws shape_error for a matrix that is not square or has fewer than 2 rows, or labels of
///         another length; value_error for NaN, infinities, negative distances, one's own that is
///         not 0, distances that are not symmetric, k outside [1, N - 1], or an exclusion that
///         contradicts itself
///
/// O(N^2 log k) time, with distinct contexts O(N^2 log N); O(N k) memory and, for each thread, 16 N
/// bytes.
/// \code
/// const auto table = atlas::neighbors_from_distances(distances, {.k = 20});
/// const auto r = atlas::estimate_from_neighbors(table, atlas::estimators::mle{.k = 20});
/// \endcode
template <real_tensor<2> Distances>
[[nodiscard]] neighbor_table neighbors_from_distances(const Distances& distances,
                                                      const from_distances_options& options = {}) {
  using scalar = scalar_of<Distances, 2>;
  const auto view = as_view<2>(distances);
  return detail::neighbors_from_distances<scalar>(view, options);
}

}  // namespace atlas::inline ATLAS_ABI
