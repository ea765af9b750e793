#pragma once
/// \file
/// The pushed null of residual-stream overlap: random frames inside each head, sent through the
/// real output projections. It keeps what the weights force on every cloud and leaves out what the
/// clouds do by themselves.

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/stats/student_t.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/head_overlap.hpp"
#include "atlas/subspace/residual_stream.hpp"

namespace atlas {

struct pushed_null_options {
  index_t group_size = 1;              ///< query heads per key/value head
  index_t draws = 200;                 ///< of a frame for every head, at least `least_draws`
  std::vector<index_t> left_out = {};  ///< heads in no pair, as `head_overlap_result::left_out`
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// Mean and spread, over draws, of the mean overlap of a set of pairs; NaN without such pairs. What
/// an overlap says against them: `score_against_draws`.
struct pushed_estimate {
  double mean = 0;
  double sd = 0;
};

struct pushed_null_result {
  pushed_estimate global, intra, inter;
  index_t draws = 0;
};

namespace detail {

template <class = void>
pushed_estimate summarize_group(const std::vector<Eigen::MatrixXd>& matrices, pair_group group,
                                index_t group_size) {
  const auto pairs = pairs_of(group, matrices.front(), group_size);
  std::vector<double> means;
  for (const Eigen::MatrixXd& matrix : matrices) means.push_back(mean_over(matrix, pairs));
  const sample_summary s = summarize(means);
  return {s.mean, s.sd};
}

/// Draws that share a product with each head's weights.
inline constexpr index_t draws_at_once = 8;

/// Overlaps of `count` draws from `first` on, each with a stream of its own.
template <class = void>
void pushed_overlaps(const std::vector<head_writer>& writers, index_t k, std::uint64_t seed,
                     index_t first, index_t count, Eigen::MatrixXd* overlaps) {
  std::vector<random_stream> random;
  for (index_t i = 0; i < count; ++i)
    random.emplace_back(seed, static_cast<std::uint64_t>(first + i));
  std::vector<std::vector<Eigen::MatrixXd>> frames(static_cast<std::size_t>(count));
  for (const head_writer& w : writers) {
    Eigen::MatrixXd inside(w.mixing.rows(), count * k);
    for (index_t i = 0; i < count; ++i)
      inside.middleCols(i * k, k) = orthonormal_columns(
          w.mixing * normal_matrix(w.mixing.cols(), k, random[static_cast<std::size_t>(i)]));
    const Eigen::MatrixXd pushed = w.basis * inside;
    for (index_t i = 0; i < count; ++i)
      frames[static_cast<std::size_t>(i)].push_back(pushed.middleCols(i * k, k));
  }
  for (index_t i = 0; i < count; ++i)
    overlaps[i] = overlap_matrix(frames[static_cast<std::size_t>(i)], 1);
}

}  // namespace detail

/// Simulates the pushed null.
///
/// \param output_projection `[H * d_head, d_model]`, rows head-major
/// \param heads             H >= 2
/// \param local_dimension   k <= min(d_head, d_model)
/// \throws shape_error for a projection whose rows H does not divide; value_error for NaN, k out of
///         range or fewer than `least_draws` draws
///
/// O(draws H (d_model d_head k + H d_model k^2)) time.
template <tensor_like<2> Projection>
pushed_null_result pushed_null(const Projection& output_projection, index_t heads,
                               index_t local_dimension, const pushed_null_options& options = {}) {
  const auto held = as_view<2>(output_projection);
  const tensor_view<const scalar_of<Projection, 2>, 2>& projection = held;
  detail::check_draws(options.draws, "draws");
  for (const index_t head : options.left_out) detail::check_between(head, 0, heads - 1, "left_out");
  detail::check_head_overlap(heads, {.group_size = options.group_size});
  const index_t d = projection.extent(0) / heads;
  const auto writers = detail::head_writers(projection, heads, d, options.threads);
  detail::check_between(local_dimension, 1, writers.front().mixing.rows(), "local_dimension");
  std::vector<Eigen::MatrixXd> matrices(static_cast<std::size_t>(options.draws));
  constexpr index_t at_once = detail::draws_at_once;
  progress_meter meter(options.on_progress, "pushed frames", options.draws);
  parallel_for((options.draws + at_once - 1) / at_once, options.threads, [&](index_t task) {
    const index_t first = task * at_once, count = (std::min)(at_once, options.draws - first);
    detail::pushed_overlaps(writers, local_dimension, options.seed, first, count,
                            matrices.data() + first);
    meter.advance(count);
  });
  for (Eigen::MatrixXd& matrix : matrices)
    for (const index_t head : options.left_out) detail::leave_out(head, matrix);
  const auto of = [&](detail::pair_group group) {
    return detail::summarize_group(matrices, group, options.group_size);
  };
  return {of(detail::pair_group::global), of(detail::pair_group::intra),
          of(detail::pair_group::inter), options.draws};
}

}  // namespace atlas
