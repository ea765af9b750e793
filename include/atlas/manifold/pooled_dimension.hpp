// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension of the heads of a layer taken together.

#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/manifold/stacked_clouds.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Heads at no fault, as far as their rows say; all of them where each has one.
template <class Scalar>
std::vector<index_t> pooled_heads(const tensor_view<const Scalar, 3>& clouds) {
  std::vector<index_t> sound, all;
  for (index_t h = 0; h < clouds.extent(0); ++h) {
    all.push_back(h);
    if (fault_of_rows<Scalar>(clouds[h]) == cloud_fault::none) sound.push_back(h);
  }
  return sound.empty() ? all : sound;
}

/// The units of the pooled rows: contexts, or the places that heads have a row each of.
inline owned_tensor<index_t, 1> pooled_units(const two_nn_options& options, index_t n,
                                             index_t heads) {
  const owned_tensor<index_t, 1>& one =
      options.context.empty() ? options.exclude.context : options.context;
  if (!one.empty()) check_extent(one.extent(0), n, "context", "one label per row,");
  owned_tensor<index_t, 1> out({heads * n});
  for (index_t i = 0; i < heads * n; ++i) out.mutable_view()[i] = one.empty() ? i % n : one[i % n];
  return out;
}

/// Of all clouds, by their distances alone.
template <class Scalar>
two_nn_result dimension_of_stacked(const tensor_view<const Scalar, 3>& clouds,
                                   two_nn_options options) {
  options.exclude = stacked(options.exclude, clouds.extent(0));
  options.context = {};
  const owned_tensor<Scalar, 2> pooled = stacked(clouds, true);
  return two_nn_of_distances<Scalar>(pooled, options);
}

template <class Scalar>
two_nn_result pooled_dimension(const tensor_view<const Scalar, 3>& clouds, two_nn_options options) {
  check_not_empty(clouds, "clouds");
  check_finite(clouds, "clouds");
  check_exclusion(options.exclude, clouds.extent(1));
  const std::vector<index_t> heads = pooled_heads(clouds);
  two_nn_options of_rows = options;
  of_rows.context = pooled_units(options, clouds.extent(1), static_cast<index_t>(heads.size()));
  of_rows.exclude = stacked(options.exclude, static_cast<index_t>(heads.size()));
  const owned_tensor<Scalar, 3> sound = clouds_of(clouds, heads);
  const owned_tensor<Scalar, 2> pooled = stacked<Scalar>(sound, true);
  two_nn_result out = two_nn<Scalar>(pooled, of_rows);
  out.options = std::move(options);
  out.options.on_progress = {};
  return out;
}

/// Surrogates of several clouds of the same places together: each has its own mean and covariance,
/// and each pair its covariances with one another, so that what is summed over heads scatters as
/// much as it does where heads see the same rows.
template <class Scalar>
class layer_surrogates {
 public:
  layer_surrogates(const tensor_view<const Scalar, 3>& clouds, const surrogate_options& options)
      : heads_(clouds.extent(0)),
        kind_(kind_for(options.kind, options.labels, clouds.extent(1))),
        drawn_(surrogates_by_number<Scalar>(side_by_side(clouds), kind_, options.labels,
                                            seed_of_stream(options.seed, options.stream))) {}

  surrogate_kind kind() const { return kind_; }

  /// `[H, N, d]`
  owned_tensor<Scalar, 3> draw(std::uint64_t number) const {
    return apart<Scalar>(drawn_(number), heads_);
  }

 private:
  index_t heads_;
  surrogate_kind kind_;
  std::function<owned_tensor<Scalar, 2>(std::uint64_t)> drawn_;
};

}  // namespace detail

/// TwoNN of all heads' clouds together, each less its own mean.
///
/// Where the heads are charts of one manifold their pooled cloud has no more dimensions than each;
/// where they have different ones, rows find their neighbours in their own head and the pooled
/// dimension is about the mean of the heads'. So a low pooled dimension says that the heads are
/// low, and only with their overlap that they share it: see `atlas_test`.
///
/// Heads at fault (`fault_of_cloud`) are not pooled, unless all are.
///
/// \param clouds  `[H, N, d]`; heads are compared in the coordinates that they are given in
/// \param options `exclude` is of the N rows of one head, and holds across heads: with contexts,
///                rows of one text are no neighbours whichever heads they come from. The units of
///                the interval are contexts or, without any, the N places
/// \throws as `two_nn`, for clouds instead of points
///
/// O((H N)^2 d) time, O(H N d) memory; the same bits for every thread count.
template <real_tensor<3> Clouds>
[[nodiscard]] two_nn_result pooled_dimension(const Clouds& clouds,
                                             const two_nn_options& options = {}) {
  const auto held = as_view<3>(clouds);
  return detail::pooled_dimension<scalar_of<Clouds, 3>>(held, options);
}

namespace detail {

template <class Scalar>
surrogate_null pooled_dimension_null(const tensor_view<const Scalar, 3>& clouds,
                                     const two_nn_result& observed,
                                     const surrogate_options& surrogates) {
  check_not_empty(clouds, "clouds");
  check_finite(clouds, "clouds");
  const surrogate_options options = with_two_nn(surrogates, observed.options);
  check_draws(options.draws, "draws");
  const surrogate_kind kind = kind_for(options.kind, options.labels, clouds.extent(1));
  if (observed.fault != cloud_fault::none) return no_null(observed.fault, observed.dimension, kind);
  const owned_tensor<Scalar, 3> sound = clouds_of(clouds, pooled_heads(clouds));
  const owned_tensor<Scalar, 2> pooled = stacked<Scalar>(sound, true);
  if (const cloud_fault fault = fault_of_rows<Scalar>(pooled); fault != cloud_fault::none)
    return no_null(fault, observed.dimension, kind);
  const layer_surrogates<Scalar> source(sound, options);
  return nulls_over_draws(
      std::array{observed.dimension}, options, kind,
      [&](std::uint64_t number, const step_options& step) {
        return std::array{
            dimension_of_stacked<Scalar>(source.draw(number), step.of(observed.options)).dimension};
      })[0];
}

}  // namespace detail

/// The same on surrogates of all heads together: what the heads' subspaces give, and what rows of
/// one place have linearly in common, without curvature.
///
/// Of the heads that are pooled; none where the pooled cloud is at fault (`fault_of_cloud`,
/// `observed.fault`).
///
/// \param observed   what `pooled_dimension` gave on the clouds; its options are used
/// \param surrogates labels are of the N rows; where there are none, those of the exclusion
/// \throws as `pooled_dimension` and `surrogate_null_of`
///
/// O(draws (H N)^2 d + m^3) time with m the smaller of N and H d, O(H N d + m H d) memory per
/// thread.
template <real_tensor<3> Clouds>
[[nodiscard]] surrogate_null pooled_dimension_null(const Clouds& clouds,
                                                   const two_nn_result& observed,
                                                   const surrogate_options& surrogates = {}) {
  const auto held = as_view<3>(clouds);
  return detail::pooled_dimension_null<scalar_of<Clouds, 3>>(held, observed, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_MANIFOLD two_nn_result pooled_dimension<float>(const tensor_view<const float, 3>&,
                                                        two_nn_options);
ATLAS_OF_MANIFOLD two_nn_result pooled_dimension<double>(const tensor_view<const double, 3>&,
                                                         two_nn_options);
ATLAS_OF_MANIFOLD surrogate_null pooled_dimension_null<float>(const tensor_view<const float, 3>&,
                                                              const two_nn_result&,
                                                              const surrogate_options&);
ATLAS_OF_MANIFOLD surrogate_null pooled_dimension_null<double>(const tensor_view<const double, 3>&,
                                                               const two_nn_result&,
                                                               const surrogate_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
