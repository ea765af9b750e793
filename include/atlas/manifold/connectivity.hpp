// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a cloud hangs together: the connected components of its graph of nearest neighbours.

#include <array>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/disjoint_sets.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace atlas::inline ATLAS_ABI {

struct connectivity_options {
  index_t k = 10;                      ///< neighbours that a row is joined to
  exclusion exclude = {};              ///< rows that may not be neighbours
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct connectivity_result {
  index_t components = 0;
  double largest_share = 0;        ///< of the rows, in the largest component
  std::vector<index_t> sizes;      ///< `[components]`, descending
  std::vector<index_t> component;  ///< `[N]`, each row's, numbered as in `sizes`
  index_t isolated = 0;            ///< rows to which the exclusion left no neighbour of their own
  connectivity_options options = {};  ///< that made it, but for callbacks
};

/// What surrogates give.
struct connectivity_nulls {
  surrogate_null components;
  surrogate_null largest_share;
};

namespace detail {

template <class Scalar>
connectivity_result connectivity(const tensor_view<const Scalar, 2>& points,
                                 const connectivity_options& options) {
  const neighbor_table table = nearest_neighbors(points, {.k = options.k,
                                                          .exclude = options.exclude,
                                                          .threads = options.threads,
                                                          .on_progress = options.on_progress});
  const index_t n = points.extent(0);
  disjoint_sets sets(n);
  connectivity_result out;
  out.options = options;
  out.options.on_progress = {};
  for (index_t i = 0; i < n; ++i) {
    if (table.indices(i, 0) < 0) ++out.isolated;
    for (index_t j = 0; j < options.k; ++j)
      if (const index_t neighbor = table.indices(i, j); neighbor >= 0) sets.join(i, neighbor);
  }
  out.component = sets.numbered();
  for (const index_t c : out.component) {
    if (c >= static_cast<index_t>(out.sizes.size()))
      out.sizes.resize(static_cast<std::size_t>(c) + 1);
    ++out.sizes[static_cast<std::size_t>(c)];
  }
  out.components = static_cast<index_t>(out.sizes.size());
  out.largest_share = static_cast<double>(out.sizes[0]) / static_cast<double>(n);
  return out;
}

}  // namespace detail

/// Components of the graph that joins two rows where either is among the k nearest neighbours of
/// the other. A cloud of one piece gives one component; k decides how small a gap still counts.
///
/// \param points `[N, d]`, N >= 2
/// \throws as `nearest_neighbors`
///
/// O(N^2 d) time, O(N k) memory; the same result for every thread count and storage order.
template <real_tensor<2> Points>
[[nodiscard]] connectivity_result connectivity(const Points& points,
                                               const connectivity_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::connectivity<scalar_of<Points, 2>>(held, options);
}

namespace detail {

template <class Scalar>
connectivity_nulls connectivity_null(const tensor_view<const Scalar, 2>& points,
                                     const connectivity_result& observed,
                                     const surrogate_options& surrogates) {
  const auto statistics = [](const connectivity_result& r) {
    return std::array{static_cast<double>(r.components), r.largest_share};
  };
  auto nulls = nulls_over_surrogates(
      points, statistics(observed), with_estimator(surrogates, observed.options),
      [&](const owned_tensor<Scalar, 2>& cloud, const step_options& step) {
        return statistics(connectivity<Scalar>(cloud, step.of(observed.options)));
      });
  return {std::move(nulls[0]), std::move(nulls[1])};
}

}  // namespace detail

/// The same on surrogates of the cloud, under the same exclusion. They are of one piece as a rule,
/// all of them, and then there is no spread to measure by: z and p are NaN.
///
/// \param observed   what `connectivity` gave on the points; its options are used
/// \param surrogates where it has no labels, rows have the contexts and positions of the exclusion
/// \throws as `connectivity` and `surrogate_null_of`
///
/// O(draws N^2 d) time, O(N (d + k)) memory per thread.
template <real_tensor<2> Points>
[[nodiscard]] connectivity_nulls connectivity_null(const Points& points,
                                                   const connectivity_result& observed,
                                                   const surrogate_options& surrogates = {}) {
  const auto held = as_view<2>(points);
  return detail::connectivity_null<scalar_of<Points, 2>>(held, observed, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_MANIFOLD connectivity_result connectivity<float>(const tensor_view<const float, 2>&,
                                                          const connectivity_options&);
ATLAS_OF_MANIFOLD connectivity_result connectivity<double>(const tensor_view<const double, 2>&,
                                                           const connectivity_options&);
ATLAS_OF_MANIFOLD connectivity_nulls connectivity_null<float>(const tensor_view<const float, 2>&,
                                                              const connectivity_result&,
                                                              const surrogate_options&);
ATLAS_OF_MANIFOLD connectivity_nulls connectivity_null<double>(const tensor_view<const double, 2>&,
                                                               const connectivity_result&,
                                                               const surrogate_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
