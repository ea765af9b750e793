// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many neighbours every row of a cloud has within radii.

#include <cstddef>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/exhaustive/radius_counts.hpp"
#include "atlas/neighbors/neighbors_within.hpp"

namespace atlas::inline ATLAS_ABI {

struct neighbor_count_options {
  exclusion exclude = {};            ///< rows that may not be neighbours; not of distinct contexts
  std::vector<double> periods = {};  ///< `[d]`, as of neighbor_options
  int threads = 0;                   ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

namespace detail {

/// \throws shape_error for none, value_error unless they are finite, 0 or more, and ascend
inline void check_count_radii(const std::vector<double>& radii) {
  if (radii.empty()) throw shape_error("radii", "at least 1", "0");
  for (std::size_t a = 0; a < radii.size(); ++a) {
    check_radius(radii[a], "radii");
    if (a > 0 && !(radii[a] >= radii[a - 1]))
      throw value_error("radii", "ascending numbers",
                        number_text(radii[a]) + " at [" + std::to_string(a) + "]");
  }
}

template <class Scalar>
owned_tensor<index_t, 2> neighbor_counts(const tensor_view<const Scalar, 2>& points,
                                         const std::vector<double>& radii,
                                         const neighbor_count_options& o) {
  check_count_radii(radii);
  return search_radius(points, o.exclude, o.periods, o.threads,
                       [&]<class Comparison>(const auto& pairs, const Comparison& comparison) {
                         radius_counts<Scalar, Comparison> all(pairs, comparison, radii, o.threads);
                         return run_search(all, o.threads, o.on_progress);
                       });
}

}  // namespace detail

/// Of every row how many other rows are at most as far as each radius (Euclidean, as
/// `nearest_neighbors` computes it).
///
/// \param points `[N, d]`
/// \param radii  at least one; finite, 0 or more, ascending
/// \return `[radii, N]`; the same for every thread count and storage order
/// \throws as neighbors_within, without a limit
///
/// O(N^2 d) time for all radii together, O(N) memory a radius. Safe to call from several threads at
/// once.
template <real_tensor<2> Points>
[[nodiscard]] owned_tensor<index_t, 2> neighbor_counts(const Points& points,
                                                       const std::vector<double>& radii,
                                                       const neighbor_count_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto view = as_view<2>(points);
  return detail::neighbor_counts<scalar>(view, radii, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NEIGHBORS owned_tensor<index_t, 2> neighbor_counts<float>(
    const tensor_view<const float, 2>&, const std::vector<double>&, const neighbor_count_options&);
ATLAS_OF_NEIGHBORS owned_tensor<index_t, 2> neighbor_counts<double>(
    const tensor_view<const double, 2>&, const std::vector<double>&, const neighbor_count_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
