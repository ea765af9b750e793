// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The turned null of overlap in the residual stream: every head's cloud turned at random in the
/// head's own coordinates, sent through the real output projection, and its principal frame taken
/// there, as that of the cloud is.
///
/// What a draw keeps: the eigenvalues of every head's covariance, the output projection, and how
/// the clouds of heads that share a key/value head lie to each other, since these are turned
/// together (they are mixtures of the same values: an overlap that this makes is no finding). What
/// it takes away: how a cloud lies to its own head's projection and to the clouds of other groups.
/// So an overlap beyond it says that clouds lie where projections meet, more than any cloud of that
/// spectrum would.
///
/// It is exact. Where covariances of the heads (of groups of them) are those of clouds turned
/// independently and uniformly, the directions of the *sample* covariances are uniform too, given
/// their eigenvalues, however few or dependent the rows are; a draw with the sample's eigenvalues
/// is one of the same distribution, so the sampling error of the covariances is in it as it is in
/// what is measured. (To draw a sample again from a covariance that is one already would count it
/// twice.) Isotropic Gaussian clouds are such clouds.
///
/// It is a statement in the coordinates of the weights: an invertible matrix between value and
/// output projection, which changes no model, changes what is turned.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/turned_heads.hpp"

namespace atlas::inline ATLAS_ABI {

struct turned_null_options {
  index_t heads_per_group = 1;  ///< query heads per key/value head; they turn together
  index_t draws = 48;           ///< of a rotation for every group, at least `least_draws`
  double confidence = 0.95;     ///< of the intervals
  std::uint64_t seed = 0;
  /// Nulls of one seed and different streams are independent: give each layer its own.
  std::uint64_t stream = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// The mean overlap of a set of pairs, observed and drawn. NaN where there are no such pairs.
struct turned_estimate : drawn_null {
  index_t pairs = 0;
  atlas::interval interval;  ///< of the observed mean, as `overlap_estimate::interval`
};

struct turned_null_result {
  turned_estimate global, intra, inter;
  Eigen::MatrixXd matrix;         ///< `[H, H]` observed, as `head_overlap_result::matrix`
  std::vector<index_t> left_out;  ///< heads that write fewer than k directions; in no pair
  index_t draws = 0;
};

namespace detail {

/// `value(frames)` of every draw of `[H]` frames.
template <class Value>
auto over_turned(const turned_heads<double>& heads, const turned_null_options& o, Value&& value) {
  constexpr index_t at_once = 8;  // draws that share a product with each head's weights
  std::vector<decltype(value(heads.observed()))> values(static_cast<std::size_t>(o.draws));
  progress_meter meter(o.on_progress, "turned clouds", o.draws);
  const std::uint64_t seed = seed_of_stream(o.seed, o.stream);
  parallel_for((o.draws + at_once - 1) / at_once, o.threads, [&](index_t task) {
    const index_t first = task * at_once, count = (std::min)(at_once, o.draws - first);
    const auto frames = heads.draw(seed, first, count);
    for (index_t i = 0; i < count; ++i)
      values[static_cast<std::size_t>(first + i)] = value(frames[static_cast<std::size_t>(i)]);
    meter.advance(count);
  });
  return values;
}

template <class Projection>
turned_heads<double> turned_heads_of(const std::vector<Eigen::MatrixXd>& covariances,
                                     const Projection& output_projection, index_t k,
                                     const turned_null_options& o) {
  const auto held = as_view<2>(output_projection);
  const tensor_view<const scalar_of<Projection, 2>, 2>& projection = held;
  const auto heads = static_cast<index_t>(covariances.size());
  check_draws(o.draws, "draws");
  check_head_overlap(heads, {.heads_per_group = o.heads_per_group, .confidence = o.confidence},
                     "clouds");
  return {head_writers(projection, heads, covariances.front().rows(), o.threads), covariances, k,
          o.heads_per_group};
}

template <class = lazy>
turned_estimate turned_estimate_of(const Eigen::MatrixXd& matrix, pair_group group,
                                   std::vector<double> draws, const turned_null_options& o) {
  const auto pairs = pairs_of(group, matrix, o.heads_per_group);
  return {compare_with_draws(mean_over(matrix, pairs), std::move(draws)),
          static_cast<index_t>(pairs.size()),
          overlap_interval(matrix, group, o.heads_per_group, o.confidence)};
}

template <class = lazy>
turned_null_result turned_null(const turned_heads<double>& heads, const turned_null_options& o) {
  constexpr std::array groups = {pair_group::global, pair_group::intra, pair_group::inter};
  turned_null_result out;
  out.matrix = overlap_matrix(heads.observed(), o.threads);
  out.draws = o.draws;
  for (std::size_t h = 0; h < heads.observed().size(); ++h)
    if (is_left_out(heads.observed()[h])) out.left_out.push_back(static_cast<index_t>(h));
  const auto means = over_turned(heads, o, [&](const std::vector<Eigen::MatrixXd>& frames) {
    const Eigen::MatrixXd matrix = overlap_matrix(frames, 1);
    std::array<double, groups.size()> of_groups;
    for (std::size_t g = 0; g < groups.size(); ++g)
      of_groups[g] = mean_over(matrix, pairs_of(groups[g], matrix, o.heads_per_group));
    return of_groups;
  });
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::vector<double> of_group;
    for (const auto& draw : means) of_group.push_back(draw[g]);
    turned_estimate& estimate = g == 0 ? out.global : g == 1 ? out.intra : out.inter;
    estimate = turned_estimate_of(out.matrix, groups[g], std::move(of_group), o);
  }
  return out;
}

/// A statistic of frames or of the matrix of their overlaps, as one of frames.
template <class Statistic>
double statistic_of_frames(Statistic& statistic, const std::vector<Eigen::MatrixXd>& frames) {
  if constexpr (std::is_invocable_r_v<double, Statistic&, const std::vector<Eigen::MatrixXd>&>) {
    return statistic(frames);
  } else {
    static_assert(std::is_invocable_r_v<double, Statistic&, const Eigen::MatrixXd&>,
                  "a statistic takes frames, const std::vector<Eigen::MatrixXd>&, or the matrix of "
                  "their overlaps, const Eigen::MatrixXd&, and gives a number");
    return statistic(overlap_matrix(frames, 1));
  }
}

template <class Statistic>
drawn_null turned_null_of(const turned_heads<double>& heads, Statistic& statistic,
                          const turned_null_options& o) {
  const auto value = [&](const std::vector<Eigen::MatrixXd>& frames) {
    return statistic_of_frames(statistic, frames);
  };
  const double observed = value(heads.observed());
  return compare_with_draws(observed, over_turned(heads, o, value));
}

}  // namespace detail

/// The mean overlap of heads where they write, over all pairs and over those that do and do not
/// share a key/value head, each with its interval and its turned null.
///
/// \param clouds            `[H, N, d_head]`, H >= 2
/// \param output_projection `[H * d_head, d_model]`, rows head-major
/// \param local_dimension   k <= min(d_head, d_model)
/// \throws shape_error for a projection of other shape or a heads_per_group that does not divide H;
///         value_error for NaN, k out of range, fewer than `least_draws` draws, no head that writes
///         k directions; cancelled
///
/// O(H N d_head^2 + draws H (d_head^3 + d_model k (d_head + H k))) time; nothing of d_model^2 is
/// formed. The same bits for every number of threads.
template <real_tensor<3> Clouds, real_tensor<2> Projection>
[[nodiscard]] turned_null_result turned_null(const Clouds& clouds,
                                             const Projection& output_projection,
                                             index_t local_dimension,
                                             const turned_null_options& options = {}) {
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar_of<Clouds, 3>, 3>& view = held;
  return detail::turned_null(detail::turned_heads_of(detail::covariances_of(view, options.threads),
                                                     output_projection, local_dimension, options),
                             options);
}

/// The same of covariances of clouds, `[H, d_head, d_head]`, each up to a factor: of samples, since
/// what a draw keeps are their eigenvalues.
/// \throws also value_error for matrices that are not symmetric
template <real_tensor<3> Covariances, real_tensor<2> Projection>
[[nodiscard]] turned_null_result turned_null_of_covariances(
    const Covariances& covariances, const Projection& output_projection, index_t local_dimension,
    const turned_null_options& options = {}) {
  const auto held = as_view<3>(covariances);
  const tensor_view<const scalar_of<Covariances, 3>, 3>& view = held;
  return detail::turned_null(detail::turned_heads_of(detail::checked_covariances(view),
                                                     output_projection, local_dimension, options),
                             options);
}

/// The turned null of any statistic.
///
/// \param statistic from the heads' frames in the residual stream, `const
///                  std::vector<Eigen::MatrixXd>&` of H matrices `[d_model, k]`, NaN throughout for
///                  heads left out, or from the matrix of their overlaps, `const Eigen::MatrixXd&`,
///                  to a number; its parameter has one of these types, not `auto`; called on
///                  several threads at once
/// \throws as `turned_null`
/// \code
/// const auto nearest_to_head_0 = [](const Eigen::MatrixXd& overlaps) {
///   return overlaps.row(0).tail(overlaps.cols() - 1).maxCoeff();
/// };
/// const auto null = atlas::turned_null_of(clouds, weights, 7, nearest_to_head_0);
/// std::cout << null.observed << ", z " << null.z << ", p " << null.p << "\n";
/// \endcode
template <real_tensor<3> Clouds, real_tensor<2> Projection, class Statistic>
[[nodiscard]] drawn_null turned_null_of(const Clouds& clouds, const Projection& output_projection,
                                        index_t local_dimension, Statistic&& statistic,
                                        const turned_null_options& options = {}) {
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar_of<Clouds, 3>, 3>& view = held;
  return detail::turned_null_of(
      detail::turned_heads_of(detail::covariances_of(view, options.threads), output_projection,
                              local_dimension, options),
      statistic, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE turned_null_result turned_null<void>(const turned_heads<double>&,
                                                       const turned_null_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
