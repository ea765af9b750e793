// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Exact k nearest neighbours of the rows of one cloud among the rows of another.

#include <type_traits>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/exclusion_between.hpp"
#include "atlas/neighbors/exhaustive/query_search.hpp"
#include "atlas/neighbors/neighbor_table.hpp"
#include "atlas/neighbors/periods.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/neighbors/row_pairs.hpp"

namespace atlas::inline ATLAS_ABI {

struct among_options {
  index_t k = 1;                       ///< neighbours per query, at most R
  exclusion_between exclude = {};      ///< reference rows that may not be neighbours of a query
  std::vector<double> periods = {};    ///< `[d]`, as of neighbor_options
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

namespace detail {

template <class Scalar>
neighbor_table search_among(const row_pairs<Scalar>& pairs, const among_options& options) {
  const std::vector<double> lengths = box_lengths(options.periods, pairs.queries.extent(1));
  check_in_box(pairs.queries, lengths, "queries");
  check_in_box(pairs.reference, lengths, "reference");
  const centring c = find_common_centring(pairs.queries, pairs.reference, options.threads);
  if (!lengths.empty() || !fits_tiles<Scalar>(c))
    return search_directly(pairs, options.k, lengths, options.threads, options.on_progress);
  const tile_comparison<Scalar> comparison(pairs, c);
  query_search<Scalar, tile_comparison<Scalar>> all(pairs, comparison, options.k, options.threads);
  neighbor_table table = run_search(all, options.threads, options.on_progress);
  if (sizeof(Scalar) == sizeof(double))
    recompute_close_rows(pairs, least_squarable, options.threads, options.on_progress, table);
  return table;
}

template <class Scalar>
neighbor_table nearest_neighbors_among(const tensor_view<const Scalar, 2>& queries,
                                       const tensor_view<const Scalar, 2>& reference,
                                       const among_options& options) {
  static_assert(std::is_floating_point_v<Scalar>, "rows are floating-point numbers");
  check_not_empty(queries, "queries");
  check_not_empty(reference, "reference");
  check_extent(reference.extent(1), queries.extent(1), "reference",
               "as many coordinates as the queries have,");
  check_between(options.k, 1, reference.extent(0), "k");
  const exclusion exclude = joined(options.exclude, queries.extent(0), reference.extent(0));
  check_finite(queries, "queries");
  check_finite(reference, "reference");
  return search_among<Scalar>({queries, reference, exclude, queries.extent(0)}, options);
}

}  // namespace detail

/// Exact k nearest reference rows (Euclidean) of every query. A query that is also a reference row
/// is its own nearest neighbour, at distance 0, unless the exclusion leaves it out.
///
/// Distances are computed from differences of coordinates in double, as of `nearest_neighbors`,
/// over the whole range of the scalar.
///
/// Where the exclusion asks for distinct contexts these are the k nearest contexts of the reference
/// other than the query's, each by its nearest row.
///
/// \param queries   `[Q, d]`
/// \param reference `[R, d]`, of the same scalar
/// \return `[Q, k]` distances and rows of the reference; where the exclusion leaves fewer than k,
///         +inf and -1. The same bits for every thread count and storage order
/// \throws shape_error for empty clouds, different numbers of coordinates, and labels or periods of
///         another length; value_error for NaN, infinities, k outside [1, R], negative periods,
///         coordinates outside the box, distances beyond the largest double, and an exclusion whose
///         two sides are not made alike or that contradicts itself; cancelled
///
/// O(Q R d) time, blocked, in tiles of products whose results stay in registers (each pair by its
/// exact distance in periodic boxes); O(Q k) memory beyond the rows. Safe to call from several
/// threads at once.
template <real_tensor<2> Queries, real_tensor<2> Reference>
[[nodiscard]] neighbor_table nearest_neighbors_among(const Queries& queries,
                                                     const Reference& reference,
                                                     const among_options& options = {}) {
  using scalar = scalar_of<Queries, 2>;
  static_assert(std::is_same_v<scalar, scalar_of<Reference, 2>>,
                "queries and reference rows are of the same scalar");
  const auto asked = as_view<2>(queries);
  const auto searched = as_view<2>(reference);
  return detail::nearest_neighbors_among<scalar>(asked, searched, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NEIGHBORS neighbor_table nearest_neighbors_among<float>(const tensor_view<const float, 2>&,
                                                                 const tensor_view<const float, 2>&,
                                                                 const among_options&);
ATLAS_OF_NEIGHBORS neighbor_table nearest_neighbors_among<double>(
    const tensor_view<const double, 2>&, const tensor_view<const double, 2>&, const among_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
