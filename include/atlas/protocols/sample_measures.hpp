// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The two quantities that the protocols follow, O_h and the mean dimension of the heads, each with
/// its null, and the standard error of any quantity over texts.

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/manifold/atlas_test.hpp"
#include "atlas/manifold/pooled_dimension.hpp"
#include "atlas/protocols/head_sample.hpp"
#include "atlas/protocols/verdict.hpp"
#include "atlas/stats/label_groups.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "atlas/subspace/turned_null.hpp"

namespace atlas::inline ATLAS_ABI {

/// Where the frames of heads are compared (docs/methods/subspace.md#gauge).
enum class overlap_space {
  head_coordinates,  ///< each head's own: arbitrary, kept for reproduction
  residual_stream,   ///< after the output projection
};

struct protocol_options {
  index_t local_dimension = 7;    ///< k of the heads' frames
  bool exclude_context = true;    ///< rows of one context are no neighbours,
  bool distinct_contexts = true;  ///< and a row's neighbours are of different ones
  double discard_fraction = 0.1;  ///< of `two_nn`
  index_t surrogates = 20;        ///< draws of all heads, at least `least_draws`
  surrogate_kind kind = surrogate_kind::automatic;  ///< of them
  index_t haar_draws = 20000;                       ///< of the Haar null
  index_t turned_draws = 48;                        ///< of the turned null, at least `least_draws`
  verdict_options verdicts = {};                    ///< of each family of findings
  std::uint64_t seed = 0;                           ///< of everything that is drawn
  int threads = 0;                                  ///< 0: all of the machine
  progress_callback on_progress = {};               ///< may cancel
};

/// The mean of TwoNN over the heads whose clouds carry an estimate, and the same mean over
/// surrogates of these heads, drawn together: heads see the same places, so that their errors have
/// much in common and their mean scatters more than that of independent clouds.
struct mean_dimension_result {
  double mean = 0;
  std::vector<two_nn_result> heads;  ///< all of them; those with a fault are in no mean
  surrogate_null null;
  std::vector<surrogate_null> head_nulls;  ///< of each head alone, from the same draws
};

/// A value with its standard error over texts.
struct sampled_value {
  std::string label;
  double value = 0;
  double standard_error = 0;
  /// The value without each context in turn; empty where the error is from elsewhere.
  std::vector<double> left_out = {};
};

namespace detail {

template <class Scalar = float>
two_nn_options two_nn_options_of(const basic_head_sample<Scalar>& sample,
                                 const protocol_options& o) {
  two_nn_options options{
      .discard_fraction = o.discard_fraction, .threads = o.threads, .on_progress = o.on_progress};
  if (o.exclude_context && !sample.context.empty())
    options.exclude =
        o.distinct_contexts ? distinct_contexts(sample.context) : same_context(sample.context);
  return options;
}

/// The stream of random numbers of a layer, choice of points and setting. Each has another: draws
/// in common would move the estimates of all layers together.
template <class Scalar = float>
std::uint64_t stream_of(const basic_head_sample<Scalar>& sample, index_t setting = 0) {
  return (static_cast<std::uint64_t>(sample.layer) << 40U) +
         (static_cast<std::uint64_t>(sample.choice) << 32U) + static_cast<std::uint64_t>(setting);
}

/// With the labels and the stream of the sample.
template <class Scalar = float>
surrogate_options surrogates_of(const basic_head_sample<Scalar>& sample,
                                const protocol_options& o) {
  return {.draws = o.surrogates,
          .kind = o.kind,
          .labels = {sample.context, sample.position},
          .seed = o.seed,
          .stream = stream_of(sample),
          .threads = o.threads,
          .on_progress = o.on_progress};
}

/// Of the heads whose clouds carry an estimate.
///
/// \throws value_error for none
inline double mean_of(const std::vector<two_nn_result>& heads) {
  return summarize(carried_dimensions(heads)).mean;
}

/// One null a head; `of_draws` has the dimensions of the heads without a fault, in their order.
template <class = lazy>
std::vector<surrogate_null> nulls_of_heads(const std::vector<two_nn_result>& heads,
                                           const std::vector<std::vector<two_nn_result>>& of_draws,
                                           surrogate_kind kind) {
  std::vector<surrogate_null> nulls;
  std::size_t place = 0;
  for (const two_nn_result& head : heads) {
    if (head.fault != cloud_fault::none) {
      nulls.push_back(no_null(head.fault, head.dimension, kind));
      continue;
    }
    std::vector<double> draws;
    for (const auto& draw : of_draws) draws.push_back(draw[place].dimension);
    nulls.push_back(
        {compare_with_draws(head.dimension, std::move(draws)), kind, cloud_fault::none});
    ++place;
  }
  return nulls;
}

template <class Scalar = float>
void check_projection(const basic_head_sample<Scalar>& sample) {
  if (sample.output_projection.empty())
    throw value_error(sample.label + ": output_projection", "weights for the residual stream",
                      "none");
}

template <class Scalar = float>
std::vector<Eigen::MatrixXd> sample_frames(const basic_head_sample<Scalar>& sample,
                                           overlap_space space, const protocol_options& o) {
  const frame_options options{
      .policy = rank_policy::leave_out, .threads = o.threads, .on_progress = o.on_progress};
  if (space == overlap_space::head_coordinates)
    return principal_frames(sample.points, o.local_dimension, options);
  check_projection(sample);
  return residual_stream_frames(sample.points, sample.output_projection, o.local_dimension,
                                options);
}

/// Of jackknife values: sqrt((n - 1) / n * sum of squared deviations).
inline double jackknife_error(const std::vector<double>& left_out) {
  const sample_summary s = summarize(left_out);
  return s.sd * static_cast<double>(s.count - 1) / std::sqrt(static_cast<double>(s.count));
}

}  // namespace detail

/// \throws as `check_sample`, `two_nn` and `surrogate_null_of`
///
/// O(H surrogates N^2 d) time, O(N H d) memory per thread; the same bits for every thread count.
template <class Scalar = float>
[[nodiscard]] mean_dimension_result mean_dimension(const basic_head_sample<Scalar>& sample,
                                                   const protocol_options& o = {}) {
  check_sample(sample);
  const two_nn_options options = detail::two_nn_options_of(sample, o);
  mean_dimension_result out;
  out.heads = detail::head_dimensions<Scalar>(sample.points, options);
  out.mean = detail::mean_of(out.heads);
  const surrogate_options draws = detail::surrogates_of(sample, o);
  const detail::layer_surrogates<Scalar> source(
      detail::clouds_of<Scalar>(sample.points, detail::heads_without_fault(out.heads)), draws);
  std::vector<std::vector<two_nn_result>> of_draws(
      static_cast<std::size_t>((std::max)(o.surrogates, index_t{0})));
  out.null = detail::nulls_over_draws(std::array{out.mean}, draws, source.kind(),
                                      [&](std::uint64_t number, const detail::step_options& step) {
                                        auto& heads = of_draws[static_cast<std::size_t>(number)];
                                        heads = detail::head_dimensions<Scalar>(
                                            source.draw(number), step.of(options),
                                            detail::cloud_source::surrogates);
                                        return std::array{detail::mean_of(heads)};
                                      })[0];
  out.head_nulls = detail::nulls_of_heads(out.heads, of_draws, source.kind());
  return out;
}

/// The finding of a mean dimension, not judged yet.
template <class = lazy>
[[nodiscard]] finding dimension_finding(std::string label, const mean_dimension_result& r) {
  return compare_with_null({std::move(label), r.mean, r.null.mean, r.null.sd,
                            static_cast<index_t>(r.null.draws.size())});
}

/// O_h of a sample, with its Haar null; heads that vary in fewer than k directions are left out.
/// \throws as `check_sample`, `principal_frames` and `head_overlap`; value_error for the residual
///         stream without weights
template <class Scalar = float>
[[nodiscard]] head_overlap_result sample_overlap(const basic_head_sample<Scalar>& sample,
                                                 overlap_space space,
                                                 const protocol_options& o = {}) {
  check_sample(sample);
  return head_overlap(detail::sample_frames(sample, space, o),
                      {.heads_per_group = sample.heads_per_group,
                       .haar_draws = o.haar_draws,
                       .seed = o.seed,
                       .threads = o.threads,
                       .on_progress = o.on_progress});
}

/// Its finding against random frames, not judged yet.
template <class = lazy>
[[nodiscard]] finding overlap_finding(std::string label, const overlap_estimate& e) {
  return compare_with_null(
      {std::move(label), e.mean, e.null_mean, std::hypot(e.null_sd, e.null_standard_error), 0});
}

/// Its finding in the residual stream against clouds turned at random, not judged yet.
template <class = lazy>
[[nodiscard]] finding turned_finding(std::string label, const turned_estimate& e) {
  return compare_with_null(
      {std::move(label), e.observed, e.mean, e.sd, static_cast<index_t>(e.draws.size())});
}

/// O_h in the residual stream with its turned null.
///
/// \throws as `check_sample` and `turned_null`;
/// value_error without weights
template <class Scalar = float>
[[nodiscard]] turned_null_result sample_turned_null(const basic_head_sample<Scalar>& sample,
                                                    const protocol_options& o = {}) {
  check_sample(sample);
  detail::check_projection(sample);
  return turned_null(sample.points, sample.output_projection, o.local_dimension,
                     {.heads_per_group = sample.heads_per_group,
                      .draws = o.turned_draws,
                      .seed = o.seed,
                      .stream = detail::stream_of(sample, o.local_dimension),
                      .threads = o.threads,
                      .on_progress = o.on_progress});
}

/// O_h alone.
template <class Scalar = float>
[[nodiscard]] double mean_overlap(const basic_head_sample<Scalar>& sample, overlap_space space,
                                  const protocol_options& o) {
  const auto frames = detail::sample_frames(sample, space, o);
  const Eigen::MatrixXd matrix = detail::overlap_matrix(frames, o.threads);
  return detail::mean_over(matrix, detail::pairs_of(detail::pair_group::global, matrix, 1));
}

/// The mean dimension alone.
template <class Scalar = float>
[[nodiscard]] double mean_dimension_value(const basic_head_sample<Scalar>& sample,
                                          const protocol_options& o) {
  return detail::mean_of(
      detail::head_dimensions<Scalar>(sample.points, detail::two_nn_options_of(sample, o)));
}

/// A quantity of a sample and its standard error over texts: the jackknife over contexts, which
/// counts rows of one text as one.
///
/// \param statistic from a `head_sample` to a number; called on several threads at once, so that
///                  what it calls should have one each, and must not report to `on_progress`,
///                  which would then be called by two at once
/// \param options progress is a step a context
/// \throws shape_error for fewer than 2 contexts; value_error where the quantity is not finite
template <class Scalar, class Statistic>
[[nodiscard]] sampled_value over_contexts(const basic_head_sample<Scalar>& sample,
                                          Statistic&& statistic, const work_options& options = {}) {
  check_sample(sample);
  check_not_empty(sample.context, sample.label + ": context");
  const auto labels = detail::number_labels(sample.context, "context");
  if (labels.groups < 2)
    throw shape_error(sample.label + ": context", "at least 2 different ones", "1");
  sampled_value out{sample.label, statistic(sample), 0, {}};
  out.left_out.resize(static_cast<std::size_t>(labels.groups));
  progress_meter meter(options.on_progress, "contexts", labels.groups);
  parallel_for(labels.groups, options.threads, [&](index_t left) {
    std::vector<index_t> rows;
    for (std::size_t i = 0; i < labels.group.size(); ++i)
      if (labels.group[i] != left) rows.push_back(static_cast<index_t>(i));
    out.left_out[static_cast<std::size_t>(left)] = statistic(detail::rows_of_sample(sample, rows));
    meter.advance();
  });
  out.standard_error = detail::jackknife_error(out.left_out);
  if (!(std::isfinite(out.value) && std::isfinite(out.standard_error)))
    throw value_error(sample.label, "a finite quantity with and without every context",
                      detail::number_text(out.standard_error));
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_PROTOCOLS std::vector<Eigen::MatrixXd> sample_frames<float>(
    const basic_head_sample<float>&, overlap_space, const protocol_options&);
ATLAS_OF_PROTOCOLS std::vector<Eigen::MatrixXd> sample_frames<double>(
    const basic_head_sample<double>&, overlap_space, const protocol_options&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS mean_dimension_result mean_dimension<float>(const basic_head_sample<float>&,
                                                               const protocol_options&);
ATLAS_OF_PROTOCOLS mean_dimension_result mean_dimension<double>(const basic_head_sample<double>&,
                                                                const protocol_options&);
ATLAS_OF_PROTOCOLS finding dimension_finding<void>(std::string, const mean_dimension_result&);
ATLAS_OF_PROTOCOLS head_overlap_result sample_overlap<float>(const basic_head_sample<float>&,
                                                             overlap_space,
                                                             const protocol_options&);
ATLAS_OF_PROTOCOLS head_overlap_result sample_overlap<double>(const basic_head_sample<double>&,
                                                              overlap_space,
                                                              const protocol_options&);
ATLAS_OF_PROTOCOLS finding overlap_finding<void>(std::string, const overlap_estimate&);
ATLAS_OF_PROTOCOLS finding turned_finding<void>(std::string, const turned_estimate&);
ATLAS_OF_PROTOCOLS turned_null_result sample_turned_null<float>(const basic_head_sample<float>&,
                                                                const protocol_options&);
ATLAS_OF_PROTOCOLS turned_null_result sample_turned_null<double>(const basic_head_sample<double>&,
                                                                 const protocol_options&);
ATLAS_OF_PROTOCOLS double mean_overlap<float>(const basic_head_sample<float>&, overlap_space,
                                              const protocol_options&);
ATLAS_OF_PROTOCOLS double mean_overlap<double>(const basic_head_sample<double>&, overlap_space,
                                               const protocol_options&);
ATLAS_OF_PROTOCOLS double mean_dimension_value<float>(const basic_head_sample<float>&,
                                                      const protocol_options&);
ATLAS_OF_PROTOCOLS double mean_dimension_value<double>(const basic_head_sample<double>&,
                                                       const protocol_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
