#pragma once
/// \file
/// The dimension of the heads of a layer taken together.

#include <array>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/manifold/stacked_clouds.hpp"

namespace atlas {

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

/// Of all clouds, by their distances alone.
template <class Scalar>
two_nn_result dimension_of_stacked(const tensor_view<const Scalar, 3>& clouds,
                                   two_nn_options options) {
  options.exclude = stacked(options.exclude, clouds.extent(0));
  const owned_tensor<Scalar, 2> pooled = stacked(clouds, true);
  return two_nn_of_distances<Scalar>(pooled, options);
}

template <class Scalar>
two_nn_result pooled_dimension(const tensor_view<const Scalar, 3>& clouds, two_nn_options options) {
  check_not_empty(clouds, "clouds");
  check_finite(clouds, "clouds");
  check_exclusion(options.exclude, clouds.extent(1));
  const std::vector<index_t> heads = pooled_heads(clouds);
  options.exclude = stacked(options.exclude, static_cast<index_t>(heads.size()));
  const owned_tensor<Scalar, 3> sound = clouds_of(clouds, heads);
  const owned_tensor<Scalar, 2> pooled = stacked<Scalar>(sound, true);
  return two_nn<Scalar>(pooled, options);
}

/// Every head's own surrogate number `draw`.
template <class Scalar>
owned_tensor<Scalar, 3> draw_heads(const std::vector<gaussian_surrogates<Scalar>>& heads,
                                   const shape<3>& extents, std::uint64_t seed,
                                   std::uint64_t draw) {
  owned_tensor<Scalar, 3> out(extents);
  for (std::size_t h = 0; h < heads.size(); ++h)
    for_each_element(static_cast<const tensor_view<const Scalar, 2>&>(
                         heads[h].draw(seed, draw * heads.size() + h)),
                     out.mutable_view()[static_cast<index_t>(h)],
                     [](const Scalar& from, Scalar& to) { to = from; });
  return out;
}

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
///                rows of one text are no neighbours whichever heads they come from
/// \throws as `two_nn`, for clouds instead of points
///
/// O((H N)^2 d) time, O(H N d) memory; the same bits for every thread count.
template <tensor_like<3> Clouds>
two_nn_result pooled_dimension(const Clouds& clouds, const two_nn_options& options = {}) {
  const auto held = as_view<3>(clouds);
  return detail::pooled_dimension<scalar_of<Clouds, 3>>(held, options);
}

/// The same where every head is a Gaussian cloud with its own mean and covariance: what the heads'
/// subspaces give without curvature, and without anything that rows of one place have in common.
///
/// Of the heads that are pooled; none where the pooled cloud is at fault (`fault_of_cloud`,
/// `observed.fault`).
///
/// \param observed what `pooled_dimension` gave on the clouds
/// \param options  of that call
/// \throws as `pooled_dimension`; value_error for fewer than `least_draws` draws
///
/// O(draws (H N)^2 d) time, O(H N d) memory per thread.
template <tensor_like<3> Clouds>
surrogate_null pooled_dimension_null(const Clouds& clouds, const two_nn_result& observed,
                                     const two_nn_options& options = {},
                                     const surrogate_options& surrogates = {}) {
  using scalar = scalar_of<Clouds, 3>;
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar, 3>& view = held;
  detail::check_not_empty(view, "clouds");
  detail::check_finite(view, "clouds");
  detail::check_draws(surrogates.draws, "draws");
  if (observed.fault != cloud_fault::none) return detail::no_null(observed.fault);
  const owned_tensor<scalar, 3> sound = detail::clouds_of(view, detail::pooled_heads(view));
  const owned_tensor<scalar, 2> pooled = detail::stacked<scalar>(sound, true);
  if (const cloud_fault fault = detail::fault_of_rows<scalar>(pooled); fault != cloud_fault::none)
    return detail::no_null(fault);
  std::vector<gaussian_surrogates<scalar>> heads;
  for (index_t h = 0; h < sound.extent(0); ++h) heads.emplace_back(sound[h]);
  return detail::nulls_over_draws(
      std::array{observed.dimension}, detail::with_estimator(surrogates, options),
      [&](std::uint64_t number, const detail::step_options& step) {
        const auto drawn = detail::draw_heads(heads, sound.extents(), surrogates.seed, number);
        return std::array{detail::dimension_of_stacked<scalar>(drawn, step.of(options)).dimension};
      })[0];
}

}  // namespace atlas
