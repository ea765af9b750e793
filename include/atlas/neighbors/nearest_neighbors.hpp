// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Exact k nearest neighbours of every row of a cloud among its other rows.
///
/// Words of the headers of this folder:
/// - *candidate*: a pair of rows that is not ruled out, and gets its exact distance;
/// - *limit* of a row: the distance of its k-th best neighbour so far, or a bound of it. Pairs
///   beyond it are ruled out. It only becomes smaller;
/// - *shortlist*: bounds of distances from rows that are rounded to bytes or to their own type,
///   which are fast to compute and rule out nearly all pairs (rounding/shortlist.hpp);
/// - *sum* of a pair: what a tile computes, minus half of a bound of its squared distance;
/// - *floor* of a row: minus half of its squared limit. A pair is a candidate where its sum is
///   above the lower of both floors (rounding/register_tile.hpp);
/// - *group*: rows whose rounded coordinates lie side by side, as many as a side of a tile has;
/// - *tile*: the sums of a left group and a right group, which stay in registers;
/// - *block*: rows that fit in the cache, compared with one other block at a time (exhaustive/);
/// - *axes*: orthonormal directions along which a cloud varies most;
/// - *leaf*, *box*, *node*: 64 rows that lie close together, the interval that they span along
///   each axis, and 16 leaves or nodes (tree/);
/// - *cell*, *shell*, *family*: rows around a centroid, those of them at about the same distance
///   from it, and cells around a common centroid (cells/);
/// - *reach* of a cell, shell or family: the largest distance of its rows from its centroid; of a
///   cloud: the largest magnitude of a centred coordinate;
/// - *engine*, *task*: a way to search, and a part of it that a thread does (search_driver.hpp).

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/exhaustive/query_search.hpp"
#include "atlas/neighbors/periods.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/neighbors/row_pairs.hpp"
#include "atlas/neighbors/search_choice.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Neighbours by the search that suits the cloud, of any scale: clouds of double whose squared
/// distances would over- or underflow are scaled by a power of two first.
template <class Scalar>
neighbor_table search(const tensor_view<const Scalar, 2>& points, const neighbor_options& options) {
  const auto recompute = [&](double least, neighbor_table& table) {
    recompute_close_rows(row_pairs<Scalar>::within(points, options.exclude), least, options.threads,
                         options.on_progress, table);
  };
  const centring c = find_centring(points, options.threads);
  if constexpr (std::is_same_v<Scalar, double>)
    if (!is_squarable(c)) {
      const squarable_cloud cloud = make_squarable(points);
      const centring scaled = find_centring<double>(cloud.points, options.threads);
      neighbor_table table = search_choice<double>(cloud.points, scaled, options).run();
      scale_back(table, cloud.exponent);
      recompute(std::ldexp(least_squarable, -cloud.exponent), table);
      return table;
    }
  neighbor_table table = search_choice<Scalar>(points, c, options).run();
  if (sizeof(Scalar) == sizeof(double)) recompute(least_squarable, table);
  return table;
}

/// A table of `rows` rows and `k` places, filled from one of fewer places: the others hold distance
/// +inf and row -1.
inline neighbor_table filled_up(const neighbor_table& table, index_t rows, index_t k) {
  neighbor_table out{owned_tensor<double, 2>({rows, k}), owned_tensor<index_t, 2>({rows, k})};
  const auto distances = out.distances.mutable_view();
  const auto indices = out.indices.mutable_view();
  for (index_t i = 0; i < rows; ++i)
    for (index_t s = 0; s < k; ++s) {
      const bool held = s < table.indices.extent(1);
      distances(i, s) = held ? table.distances(i, s) : std::numeric_limits<double>::infinity();
      indices(i, s) = held ? table.indices(i, s) : -1;
    }
  return out;
}

/// Neighbours of distinct contexts. Asks the search for no more than there are other contexts: a
/// row with fewer than k neighbours has no limit, so that no pair of it would be ruled out.
template <class Scalar>
neighbor_table search_distinct(const tensor_view<const Scalar, 2>& points,
                               neighbor_options options) {
  const index_t k = options.k;
  const auto& context = options.exclude.context;
  std::set<index_t> contexts;  // k + 1 of them are enough
  for (index_t i = 0; i < points.extent(0) && static_cast<index_t>(contexts.size()) <= k; ++i)
    contexts.insert(context[i]);
  options.k = (std::min)(k, static_cast<index_t>(contexts.size()) - 1);
  if (options.k == k) return search(points, options);
  return filled_up(options.k > 0 ? search(points, options) : neighbor_table{}, points.extent(0), k);
}

template <class Scalar>
neighbor_table nearest_neighbors(const tensor_view<const Scalar, 2>& points,
                                 const neighbor_options& options) {
  static_assert(std::is_floating_point_v<Scalar>, "points are floating-point numbers");
  check_not_empty(points, "points");
  if (points.extent(0) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  check_between(options.k, 1, points.extent(0) - 1, "k");
  check_exclusion(options.exclude, points.extent(0));
  check_finite(points, "points");
  const std::vector<double> lengths = box_lengths(options.periods, points.extent(1));
  check_in_box(points, lengths, "points");
  if (!lengths.empty())
    return search_directly(row_pairs<Scalar>::within(points, options.exclude), options.k, lengths,
                           options.threads, options.on_progress);
  return options.exclude.distinct ? search_distinct(points, options) : search(points, options);
}

}  // namespace detail

/// Exact k nearest neighbours (Euclidean) of every row among the other rows.
///
/// Distances are computed from differences of coordinates in double, never from
/// `|x|^2 + |y|^2 - 2xy`, so they are right to rounding whatever the offset of the cloud; rows that
/// differ never have distance 0. That holds over the whole range of the scalar: nothing is squared
/// that would over- or underflow (a cloud of double that it would happen to is scaled by a power of
/// two, in a copy; rows nearer to each other than 2^-480 are compared one by one).
///
/// Where the exclusion asks for distinct contexts these are the k nearest other contexts, each by
/// its nearest row that is not excluded.
///
/// With periods distances are to the nearest image of a row in the box, computed to rounding, too.
///
/// \param points `[N, d]`, N >= 2
/// \return `[N, k]` distances and row numbers; the same bits for every thread count and storage
///         order
/// \throws shape_error for fewer than 2 rows, labels or periods of another length; value_error for
///         NaN, infinities, k outside [1, N - 1], distances beyond the largest double, negative
///         periods, coordinates outside the box, or an exclusion that contradicts itself (a window
///         without positions, distinct contexts without contexts or within a window); cancelled
///
/// O(N^2 d) time, less where the cloud is of low dimension (a tree of boxes along few directions,
/// or cells around centroids, where counting shows that they take less) and not in a periodic box,
/// which is searched pair by pair; O(N k) memory beyond the points, with a tree or cells also up to
/// 24 floats a row, or a row rounded to bytes (without the processor's instructions for them to
/// floats) twice, and a copy of points that are not stored row by row. Safe to call from several
/// threads at once.
template <real_tensor<2> Points>
[[nodiscard]] neighbor_table nearest_neighbors(const Points& points,
                                               const neighbor_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto view = as_view<2>(points);
  return detail::nearest_neighbors<scalar>(view, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NEIGHBORS neighbor_table nearest_neighbors<float>(const tensor_view<const float, 2>&,
                                                           const neighbor_options&);
ATLAS_OF_NEIGHBORS neighbor_table nearest_neighbors<double>(const tensor_view<const double, 2>&,
                                                            const neighbor_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
