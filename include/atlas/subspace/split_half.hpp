// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The ceiling of an overlap: how far a head's subspace overlaps with itself when it is learned
/// twice, from two halves of the texts. Frames that scatter cannot overlap with others by more than
/// about that, however alike the heads are.
///
/// What it is not: each half has half of the rows, so its frames scatter more than those of all
/// rows, and the overlap of two heads' full frames may be somewhat above it. There is no
/// Spearman-Brown formula for mean cosines that would take this out; where the ceiling is far below
/// 1, more texts are the remedy. And where eigenvalues around the k-th are nearly equal the frame
/// is arbitrary within them however many rows there are: the ceiling is low then and stays so.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/stats/label_groups.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/residual_stream.hpp"

namespace atlas::inline ATLAS_ABI {

struct split_half_options {
  index_t halvings = 10;               ///< random ones
  std::uint64_t seed = 0;              ///< of the halvings, which all heads share
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct split_half_result {
  double mean = 0;        ///< over heads and halvings; NaN where no head has frames in both halves
  double sd = 0;          ///< between heads
  Eigen::VectorXd heads;  ///< `[H]`, over halvings; NaN for a head without
  index_t contexts = 0;   ///< units that are halved: contexts, or rows
  index_t halvings = 0;
};

namespace detail {

/// The rows of each context, or of each row where there are no contexts.
template <class Labels>
std::vector<std::vector<index_t>> units_of_rows(const Labels& context, index_t n) {
  const auto labels = as_view<1>(context);
  if (!labels.empty()) {
    check_extent(labels.extent(0), n, "context", "one label per row,");
    return rows_of_groups(number_labels(context, "context"));
  }
  std::vector<std::vector<index_t>> units(static_cast<std::size_t>(n));
  for (index_t i = 0; i < n; ++i) units[static_cast<std::size_t>(i)] = {i};
  return units;
}

/// Rows of one half of the units: `[half][...]`, in their order. With an odd number of units one is
/// in neither.
template <class = lazy>
std::vector<std::vector<index_t>> random_halves(const std::vector<std::vector<index_t>>& units,
                                                random_stream& random) {
  const auto count = static_cast<index_t>(units.size());
  const std::vector<index_t> order = random_permutation(count, random);
  std::vector<std::vector<index_t>> halves(2);
  for (index_t i = 0; i < 2 * (count / 2); ++i) {
    const auto& rows = units[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    auto& half = halves[static_cast<std::size_t>(i % 2)];
    half.insert(half.end(), rows.begin(), rows.end());
  }
  return halves;
}

template <class Scalar>
Eigen::MatrixXd covariance_of_rows(const tensor_view<const Scalar, 2>& points,
                                   const std::vector<index_t>& rows) {
  const index_t d = points.extent(1);
  owned_tensor<Scalar, 2> part({static_cast<index_t>(rows.size()), d});
  const auto to = part.mutable_view();
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (index_t k = 0; k < d; ++k) to(static_cast<index_t>(i), k) = points(rows[i], k);
  const tensor_view<const Scalar, 2> view = part;
  return moments(view).covariance;
}

/// \param frame_of(head, covariance) NaN for a head that has none
template <class Scalar, class Labels, class FrameOf>
split_half_result split_half(const tensor_view<const Scalar, 3>& clouds, const Labels& context,
                             const split_half_options& o, FrameOf&& frame_of) {
  check_between(o.halvings, 1, index_t{1} << 20, "halvings");
  const index_t heads = clouds.extent(0);
  const auto units = units_of_rows(context, clouds.extent(1));
  if (units.size() < 4)
    throw shape_error("context", "at least 4 different ones, 2 a half",
                      std::to_string(units.size()));
  std::vector<std::vector<std::vector<index_t>>> halves;
  for (index_t i = 0; i < o.halvings; ++i) {
    random_stream random(o.seed, static_cast<std::uint64_t>(i));
    halves.push_back(random_halves(units, random));
  }
  split_half_result out;
  out.heads.resize(heads);
  out.contexts = static_cast<index_t>(units.size());
  out.halvings = o.halvings;
  progress_meter meter(o.on_progress, "halves of the texts", heads);
  parallel_for(heads, o.threads, [&](index_t h) {
    double sum = 0;
    for (const auto& half : halves) {
      const auto a = frame_of(h, covariance_of_rows(clouds[h], half[0]));
      const auto b = frame_of(h, covariance_of_rows(clouds[h], half[1]));
      sum += is_left_out(a) || is_left_out(b) ? std::numeric_limits<double>::quiet_NaN()
                                              : principal_cosines(a, b).mean();
    }
    out.heads(h) = sum / static_cast<double>(o.halvings);
    meter.advance();
  });
  std::vector<double> with_frames;
  for (const double x : out.heads)
    if (!std::isnan(x)) with_frames.push_back(x);
  const sample_summary s = summarize(with_frames);
  out.mean = s.mean;
  out.sd = s.sd;
  return out;
}

template <class Scalar>
void check_clouds(const tensor_view<const Scalar, 3>& clouds) {
  check_not_empty(clouds, "clouds");
  for (index_t h = 0; h < clouds.extent(0); ++h)
    check_cloud(clouds[h], "clouds, head " + std::to_string(h));
}

}  // namespace detail

/// The mean overlap of each head's principal frame with itself, from one half of the texts and from
/// the other, in the head's own coordinates.
///
/// \param clouds  `[H, N, d]`
/// \param context `[N]` labels of the texts that rows are of, halved as wholes; empty: rows are
/// \param local_dimension k <= d. A head that varies in fewer directions in a half has NaN
/// \throws shape_error for labels of another length, fewer than 4 contexts (or rows); value_error
///         for NaN, options out of range; cancelled
///
/// O(H halvings (N d^2 + d^3)) time.
template <real_tensor<3> Clouds, tensor_like<1> Labels>
[[nodiscard]] split_half_result split_half_overlap(const Clouds& clouds, const Labels& context,
                                                   index_t local_dimension,
                                                   const split_half_options& options = {}) {
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar_of<Clouds, 3>, 3>& view = held;
  detail::check_clouds(view);
  check_between(local_dimension, 1, view.extent(2), "local_dimension");
  return detail::split_half(
      view, context, options, [&](index_t, const Eigen::MatrixXd& covariance) {
        return detail::top_frame(detail::leading_eigenpairs(covariance, local_dimension),
                                 local_dimension, "clouds", rank_policy::leave_out);
      });
}

/// The same where the heads write.
/// \param output_projection `[H * d_head, d_model]`, rows head-major
template <real_tensor<3> Clouds, tensor_like<2> Projection, tensor_like<1> Labels>
[[nodiscard]] split_half_result split_half_overlap(const Clouds& clouds,
                                                   const Projection& output_projection,
                                                   const Labels& context, index_t local_dimension,
                                                   const split_half_options& options = {}) {
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar_of<Clouds, 3>, 3>& view = held;
  const auto weights = as_view<2>(output_projection);
  detail::check_clouds(view);
  const auto writers = detail::head_writers<scalar_of<Projection, 2>>(
      weights, view.extent(0), view.extent(2), options.threads);
  check_between(local_dimension, 1, writers.front().mixing.rows(), "local_dimension");
  return detail::split_half(
      view, context, options, [&](index_t h, const Eigen::MatrixXd& covariance) {
        return detail::written_frame(writers[static_cast<std::size_t>(h)], covariance,
                                     local_dimension, "clouds", rank_policy::leave_out);
      });
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE Eigen::MatrixXd covariance_of_rows<float>(const tensor_view<const float, 2>&,
                                                            const std::vector<index_t>&);
ATLAS_OF_SUBSPACE Eigen::MatrixXd covariance_of_rows<double>(const tensor_view<const double, 2>&,
                                                             const std::vector<index_t>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
