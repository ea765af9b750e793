#pragma once
/// \file
/// Exact k nearest neighbours of every row of a cloud among its other rows.

#include <memory>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/block_search.hpp"
#include "atlas/neighbors/candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/tree_search.hpp"

namespace atlas {

struct neighbor_options {
  index k = 2;                         ///< neighbours per row, at most N - 1
  exclusion exclude = {};              ///< rows that may not be neighbours
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

namespace detail {

/// From this many rows on it may pay to build a tree.
inline constexpr index tree_rows = 4096;

/// Cycles that a row takes in the exhaustive search, about, as measured: a multiply-add a pair and
/// coordinate, each pair being met once, in vectors; of bytes, whatever the scalar, where they are
/// fast.
template <class Scalar>
double exhaustive_cycles(index n, index d) {
  constexpr double share =
      fast_bytes ? 0.2 / vector_of<float>::lanes : 0.55 / vector_of<Scalar>::lanes;
  return share * static_cast<double>(n * d);
}

/// The tree that a cloud is best searched in, if any: where a sample says that it may pay and the
/// count of a few of its leaves that it does.
template <class Scalar>
std::unique_ptr<tree_search<Scalar>> tree_for(const tensor_view<const Scalar, 2>& points,
                                              const centring& c, const neighbor_options& options) {
  constexpr double most_within_reach = 0.25;
  const index n = points.extent(0), d = points.extent(1);
  if (n < tree_rows || c.reach > 1) return nullptr;
  const std::vector<double> sample = sample_rows(points, c);
  leading_axes axes = find_leading_axes(sample, d);
  if (share_within_reach(sample, d, axes) > most_within_reach) return nullptr;
  auto tree = std::make_unique<tree_search<Scalar>>(points, c, std::move(axes), options.k,
                                                    options.exclude, options.threads);
  const double most = exhaustive_cycles<Scalar>(n, d);
  if (!(tree->measure(most) < most)) return nullptr;
  return tree;
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
  const centring c = find_centring(points, options.threads);
  if (const auto tree = tree_for(points, c, options)) return tree->run(options.on_progress);
  return block_search<Scalar>(points, c, options.k, options.exclude, options.threads)
      .run(options.on_progress);
}

}  // namespace detail

/// Exact k nearest neighbours (Euclidean) of every row among the other rows.
///
/// Distances are computed from differences of coordinates in double, never from
/// `|x|^2 + |y|^2 - 2xy`, so they are right to rounding whatever the offset of the cloud; rows that
/// differ never have distance 0.
///
/// \param points `[N, d]`, N >= 2
/// \return `[N, k]` distances and row numbers; the same bits for every thread count and storage
///         order
/// \throws shape_error for fewer than 2 rows or labels of another length; value_error for NaN,
///         infinities or k outside [1, N - 1]; cancelled
///
/// O(N^2 d) time, less where the cloud varies along few directions (a tree of boxes along them,
/// where counting shows that it takes less); O(N k) memory beyond the points, with a tree also up
/// to 24 floats a row and a copy of points that are not stored row by row. Safe to call from
/// several threads at once.
template <tensor_like<2> Points>
neighbor_table nearest_neighbors(const Points& points, const neighbor_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto view = as_view<2>(points);
  return detail::nearest_neighbors<scalar>(view, options);
}

}  // namespace atlas
