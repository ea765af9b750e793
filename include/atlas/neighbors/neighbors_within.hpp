// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// All neighbours of every row of a cloud within a radius.

#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/exhaustive/query_search.hpp"
#include "atlas/neighbors/exhaustive/radius_search.hpp"
#include "atlas/neighbors/periods.hpp"
#include "atlas/neighbors/radius_table.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/row_pairs.hpp"

namespace atlas::inline ATLAS_ABI {

struct within_options {
  exclusion exclude = {};            ///< rows that may not be neighbours; not of distinct contexts
  std::vector<double> periods = {};  ///< `[d]`, as of neighbor_options
  /// Neighbours of all rows together, 16 bytes each, beyond which the call is refused.
  index_t limit = 100'000'000;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

namespace detail {

/// Calls `search(pairs, comparison)` with the comparison that suits the cloud.
/// \throws as neighbors_within, but for the radius and the limit
template <class Scalar, class Search>
auto search_radius(const tensor_view<const Scalar, 2>& points, const exclusion& exclude,
                   const std::vector<double>& periods, int threads, Search&& search) {
  static_assert(std::is_floating_point_v<Scalar>, "points are floating-point numbers");
  check_not_empty(points, "points");
  check_exclusion(exclude, points.extent(0));
  if (exclude.distinct)
    throw value_error("exclude.distinct", "false, since all rows within the radius are neighbours",
                      "true");
  check_finite(points, "points");
  const std::vector<double> lengths = box_lengths(periods, points.extent(1));
  check_in_box(points, lengths, "points");
  const auto pairs = row_pairs<Scalar>::within(points, exclude);
  const centring c = find_centring(points, threads);
  if (lengths.empty() && fits_tiles<Scalar>(c))
    return search(pairs, tile_comparison<Scalar>(pairs, c));
  return search(pairs, direct_comparison<Scalar>(pairs, lengths));
}

/// \throws value_error for a radius that is negative or not finite
inline void check_radius(double radius, const char* name) {
  if (!(radius >= 0) || !std::isfinite(radius))
    throw value_error(name, "a finite number, 0 or more", number_text(radius));
}

template <class Scalar>
radius_table neighbors_within(const tensor_view<const Scalar, 2>& points, double radius,
                              const within_options& o) {
  check_radius(radius, "radius");
  check_between(o.limit, 1, (std::numeric_limits<index_t>::max)(), "limit");
  return search_radius(points, o.exclude, o.periods, o.threads,
                       [&]<class Comparison>(const auto& pairs, const Comparison& comparison) {
                         radius_search<Scalar, Comparison> all(pairs, comparison, radius, o.limit,
                                                               o.threads);
                         return run_search(all, o.threads, o.on_progress);
                       });
}

}  // namespace detail

/// Of every row all other rows whose distance (Euclidean, as `nearest_neighbors` computes it) is at
/// most the radius.
///
/// \param points `[N, d]`
/// \param radius finite, 0 or more; 0 finds duplicates
/// \return rows by increasing distance, equal distances by increasing row number; the same bits for
///         every thread count and storage order
/// \throws shape_error for an empty cloud, and labels or periods of another length; value_error for
///         NaN, infinities, a radius that is negative or not finite, more neighbours than the
///         limit, negative periods, coordinates outside the box, distances beyond the largest
///         double, and an exclusion that contradicts itself or asks for distinct contexts;
///         cancelled
///
/// O(N^2 d) time, blocked, in tiles of products whose results stay in registers (each pair by its
/// exact distance in periodic boxes), and O(m log m) for the m neighbours of a block; O(N) memory
/// and 40 bytes a neighbour at most, of which 16 are the result. Safe to call from several threads
/// at once.
template <real_tensor<2> Points>
[[nodiscard]] radius_table neighbors_within(const Points& points, double radius,
                                            const within_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto view = as_view<2>(points);
  return detail::neighbors_within<scalar>(view, radius, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NEIGHBORS radius_table neighbors_within<float>(const tensor_view<const float, 2>&, double,
                                                        const within_options&);
ATLAS_OF_NEIGHBORS radius_table neighbors_within<double>(const tensor_view<const double, 2>&,
                                                         double, const within_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
