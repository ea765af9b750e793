// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The atlas test: are the heads of a layer charts of one manifold?

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/manifold/pooled_dimension.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas::inline ATLAS_ABI {

struct atlas_test_options {
  index_t local_dimension = 0;  ///< k of the heads' frames; 0: `local_dimension_of_heads`
  index_t heads_per_group = 1;  ///< query heads per key/value head; 1: no groups
  double confidence = 0.95;     ///< of all intervals
  index_t haar_draws = 20000;   ///< of the null of the overlaps
  two_nn_estimator estimator = two_nn_estimator::censored;
  double discard_fraction = 0.1;                          ///< of `two_nn`
  duplicate_policy duplicates = duplicate_policy::merge;  ///< of `two_nn`
  exclusion exclude = {};                                 ///< of a head's N rows
  gamma_prior prior = {};                                 ///< of the Bayesian estimator
  index_t surrogates = 20;                                ///< of the pooled dimension
  surrogate_kind kind = surrogate_kind::automatic;        ///< of them
  row_labels labels = {};              ///< of a head's N rows; where empty, those of `exclude`
  std::uint64_t seed = 0;              ///< of everything that is drawn
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct atlas_test_result {
  /// O_h with its intervals and its Haar null; heads that vary in fewer than k directions left out
  head_overlap_result overlap;
  two_nn_result pooled;              ///< of the heads without fault, each less its mean
  surrogate_null pooled_null;        ///< of surrogates of all heads
  std::vector<two_nn_result> heads;  ///< each by itself; see `two_nn_result::fault`
  double mean_head_dimension = 0;    ///< of the heads without fault
};

/// The k that heads of these dimensions are compared by: their median, rounded, within [1, d / 2].
/// \throws shape_error for no heads; value_error for NaN
template <number_tensor<1> Dimensions>
[[nodiscard]] index_t local_dimension_of_heads(const Dimensions& dimensions, index_t d) {
  const auto view = as_view<1>(dimensions);
  check_not_empty(view, "dimensions");
  check_finite(view, "dimensions");
  std::vector<double> sorted;
  for (index_t h = 0; h < view.extent(0); ++h) sorted.push_back(static_cast<double>(view[h]));
  std::sort(sorted.begin(), sorted.end());
  const auto most = static_cast<double>(std::max<index_t>(1, d / 2));
  return static_cast<index_t>(std::clamp(std::round(sorted_quantile(sorted, 0.5)), 1.0, most));
}

namespace detail {

/// Rows of surrogates need no look at them.
enum class cloud_source { data, surrogates };

/// TwoNN of every head; one whose cloud gives no estimate says so by its fault.
template <class Scalar>
std::vector<two_nn_result> head_dimensions(const tensor_view<const Scalar, 3>& clouds,
                                           const two_nn_options& options,
                                           cloud_source source = cloud_source::data) {
  const index_t count = clouds.extent(0);
  std::vector<two_nn_result> heads(static_cast<std::size_t>(count));
  progress_meter meter(options.on_progress, "heads", count);
  two_nn_options inside = options;
  inside.threads = threads_inside(count, options.threads);
  inside.on_progress = meter.within_a_step();
  inside.degenerate = degenerate_policy::report;
  parallel_for(count, options.threads, [&](index_t h) {
    heads[static_cast<std::size_t>(h)] = source == cloud_source::data
                                             ? two_nn<Scalar>(clouds[h], inside)
                                             : two_nn_of_distances<Scalar>(clouds[h], inside);
    meter.advance();
  });
  return heads;
}

/// Dimensions of the heads whose clouds carry an estimate.
///
/// \throws value_error where none does
template <class = lazy>
std::vector<double> carried_dimensions(const std::vector<two_nn_result>& heads) {
  std::vector<double> dimensions;
  for (const two_nn_result& head : heads)
    if (head.fault == cloud_fault::none) dimensions.push_back(head.dimension);
  if (dimensions.empty())
    throw value_error("clouds", "a head whose cloud carries an estimate of dimension",
                      "none: of the first, " + std::string(describe(heads.front().fault)));
  return dimensions;
}

/// Numbers of the heads without fault.
template <class = lazy>
std::vector<index_t> heads_without_fault(const std::vector<two_nn_result>& heads) {
  std::vector<index_t> sound;
  for (std::size_t h = 0; h < heads.size(); ++h)
    if (heads[h].fault == cloud_fault::none) sound.push_back(static_cast<index_t>(h));
  return sound;
}

inline head_overlap_options overlap_options(const atlas_test_options& o) {
  return {.heads_per_group = o.heads_per_group,
          .confidence = o.confidence,
          .haar_draws = o.haar_draws,
          .seed = o.seed,
          .threads = o.threads,
          .on_progress = o.on_progress};
}

inline two_nn_options two_nn_options_of(const atlas_test_options& o) {
  return {.estimator = o.estimator,
          .discard_fraction = o.discard_fraction,
          .confidence = o.confidence,
          .duplicates = o.duplicates,
          .exclude = o.exclude,
          .prior = o.prior,
          .threads = o.threads,
          .on_progress = o.on_progress};
}

template <class Scalar>
atlas_test_result atlas_test(const tensor_view<const Scalar, 3>& clouds,
                             const atlas_test_options& o) {
  check_not_empty(clouds, "clouds");
  check_finite(clouds, "clouds");
  const two_nn_options dimension = two_nn_options_of(o);
  atlas_test_result out;
  out.heads = head_dimensions(clouds, dimension);
  const std::vector<double> dimensions = carried_dimensions(out.heads);
  out.mean_head_dimension = summarize(dimensions).mean;
  const index_t k = o.local_dimension != 0 ? o.local_dimension
                                           : local_dimension_of_heads(dimensions, clouds.extent(2));
  out.overlap = head_overlap(
      principal_frames(clouds, k, {.policy = rank_policy::leave_out, .threads = o.threads}),
      overlap_options(o));
  const auto sound = clouds_of(clouds, heads_without_fault(out.heads));
  out.pooled = pooled_dimension(sound, dimension);
  out.pooled_null = pooled_dimension_null(sound, out.pooled,
                                          {.draws = o.surrogates,
                                           .kind = o.kind,
                                           .labels = o.labels,
                                           .seed = o.seed,
                                           .threads = o.threads,
                                           .on_progress = o.on_progress});
  return out;
}

}  // namespace detail

/// Overlap of the heads' principal subspaces together with the dimension of the heads pooled, each
/// beside its null. Heads are charts of one manifold only if they overlap more than random
/// subspaces do (`overlap.global.z` well above 0) and are together of a dimension that is low
/// (`pooled_null.z` well below 0) and no higher than each by itself. One alone means little: heads
/// that are low in subspaces of their own give the second without the first.
///
/// \param clouds `[H, N, d]`, H >= 2, in coordinates that heads have in common: those of
///               `residual_stream_clouds`. A head's own coordinates are arbitrary
///               (docs/methods/subspace.md#gauge), and then so are both numbers.
/// \throws as `two_nn`, `principal_frame` and `head_overlap`
///
/// O((1 + draws) (H N)^2 d) time, O(H N d) memory per thread; the same bits for every thread count.
template <real_tensor<3> Clouds>
[[nodiscard]] atlas_test_result atlas_test(const Clouds& clouds, const atlas_test_options& o = {}) {
  const auto held = as_view<3>(clouds);
  return detail::atlas_test<scalar_of<Clouds, 3>>(held, o);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_MANIFOLD std::vector<two_nn_result> head_dimensions<float>(
    const tensor_view<const float, 3>&, const two_nn_options&, cloud_source);
ATLAS_OF_MANIFOLD std::vector<two_nn_result> head_dimensions<double>(
    const tensor_view<const double, 3>&, const two_nn_options&, cloud_source);
ATLAS_OF_MANIFOLD atlas_test_result atlas_test<float>(const tensor_view<const float, 3>&,
                                                      const atlas_test_options&);
ATLAS_OF_MANIFOLD atlas_test_result atlas_test<double>(const tensor_view<const double, 3>&,
                                                       const atlas_test_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
