// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Heads of a layer: random subspaces, alone or with directions in common, clouds that vary in
/// them, and output projections of unequal singular values.

#include <Eigen/Core>
#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI {

/// Directions that all heads of a layer lean towards.
struct shared_directions {
  index_t count = 0;  ///< 0: heads are independent of each other
  /// Each head has, for each of them, a direction at a cosine that is uniform between these: where
  /// they differ some heads share more than others.
  double least_cosine = 1, most_cosine = 1;
};

/// Frames of H heads. Those that share nothing are independent Haar frames. Of the others the first
/// columns lean towards common directions, which are drawn anew by every call; the rest is random.
/// \param heads H, d the space's dimension, k that of the subspaces
/// \return H matrices `[d, k]` with orthonormal columns
/// \throws value_error for k outside [1, d], more shared directions than k or cosines out of order
///
/// O(H d k^2) time.
template <class = lazy>
[[nodiscard]] std::vector<Eigen::MatrixXd> simulate_frames(index_t heads, index_t d, index_t k,
                                                           const shared_directions& shared,
                                                           random_stream& random) {
  check_between(heads, 1, detail::most_simulated, "heads");
  check_between(k, 1, d, "k");
  check_between(shared.count, 0, k, "shared.count");
  if (!(0 <= shared.least_cosine && shared.least_cosine <= shared.most_cosine &&
        shared.most_cosine <= 1))
    throw value_error("shared", "cosines with 0 <= least_cosine <= most_cosine <= 1",
                      detail::number_text(shared.least_cosine) + " and " +
                          detail::number_text(shared.most_cosine));
  Eigen::MatrixXd common;
  if (shared.count > 0) common = random_frame(d, shared.count, random);
  std::vector<Eigen::MatrixXd> frames;
  for (index_t h = 0; h < heads; ++h) {
    Eigen::MatrixXd columns = normal_matrix(d, k, random);
    for (index_t j = 0; j < shared.count; ++j) {
      const double cosine = std::lerp(shared.least_cosine, shared.most_cosine, random.uniform());
      Eigen::VectorXd apart = columns.col(j) - common.col(j) * common.col(j).dot(columns.col(j));
      apart *= std::sqrt(1 - cosine * cosine) / apart.norm();
      columns.col(j) = cosine * common.col(j) + apart;
    }
    frames.push_back(orthonormal_columns(columns));
  }
  return frames;
}

namespace detail {

/// `atlas::simulate_heads` of H matrices `[d, k]`.
template <class Scalar>
[[nodiscard]] owned_tensor<Scalar, 3> simulate_heads(const std::vector<Eigen::MatrixXd>& frames,
                                                     index_t rows, double noise,
                                                     random_stream& random) {
  if (frames.empty()) throw shape_error("frames", "at least one", "none");
  check_between(rows, 1, most_simulated, "rows");
  if (!(noise >= 0 && std::isfinite(noise)))
    throw value_error("noise", "a number of 0 or more", number_text(noise));
  const index_t heads = static_cast<index_t>(frames.size()), d = frames.front().rows();
  owned_tensor<Scalar, 3> out({heads, rows, d});
  using row_major = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  for (index_t h = 0; h < heads; ++h) {
    const Eigen::MatrixXd& frame = frames[static_cast<std::size_t>(h)];
    check_extent(frame.rows(), d, "frames", "as many rows as the first,");
    Eigen::MatrixXd cloud = normal_matrix(rows, frame.cols(), random) * frame.transpose();
    if (noise > 0) cloud += noise * normal_matrix(rows, d, random);
    Eigen::Map<row_major>(out.mutable_view().data() + h * rows * d, rows, d) =
        cloud.template cast<Scalar>();
  }
  return out;
}

}  // namespace detail

/// Clouds that are normal of unit variance in the heads' frames, and of `noise` in all directions.
/// \param frames `[H, d, k]`, as `simulate_frames` gives them
/// \param noise  standard deviation, 0 or more
/// \return `[H, rows, d]`
/// \throws shape_error for no frames or ragged ones; value_error for rows or noise out of range
///
/// O(H rows d k) time.
template <class Scalar = double, real_tensor<3> Frames>
[[nodiscard]] owned_tensor<Scalar, 3> simulate_heads(const Frames& frames, index_t rows,
                                                     double noise, random_stream& random) {
  const auto held = as_view<3>(frames);
  const tensor_view<const scalar_of<Frames, 3>, 3>& view = held;
  return detail::simulate_heads<Scalar>(detail::matrices_copy<double>(view), rows, noise, random);
}

/// An output projection of H heads that all write more into some directions of the residual stream
/// than into others: normal matrices times `i^-decay` along common random axes i = 1 .. m. With
/// decay 0 it is a normal matrix.
/// \param heads H, d_head and d_model as they are called
/// \return `[H * head_dimension, model_dimension]`, rows head-major
/// \throws value_error for dimensions below 1 or a negative decay
///
/// O((H d_head + d_model) d_model^2) time.
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_projection(index_t heads, index_t head_dimension,
                                                          index_t model_dimension, double decay,
                                                          random_stream& random) {
  check_between(heads, 1, detail::most_simulated, "heads");
  detail::check_simulated(1, head_dimension);
  detail::check_simulated(1, model_dimension);
  if (!(decay >= 0 && std::isfinite(decay)))
    throw value_error("decay", "a number of 0 or more", detail::number_text(decay));
  Eigen::MatrixXd axes = random_frame(model_dimension, model_dimension, random).transpose();
  for (index_t i = 0; i < model_dimension; ++i)
    axes.row(i) *= std::pow(static_cast<double>(i + 1), -decay);
  const Eigen::MatrixXd out = normal_matrix(heads * head_dimension, model_dimension, random) * axes;
  owned_tensor<Scalar, 2> projection({out.rows(), out.cols()});
  using row_major = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<row_major>(projection.mutable_view().data(), out.rows(), out.cols()) =
      out.template cast<Scalar>();
  return projection;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SIMULATION owned_tensor<float, 3> simulate_heads<float>(
    const std::vector<Eigen::MatrixXd>&, index_t, double, random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 3> simulate_heads<double>(
    const std::vector<Eigen::MatrixXd>&, index_t, double, random_stream&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_SIMULATION std::vector<Eigen::MatrixXd> simulate_frames<void>(index_t, index_t, index_t,
                                                                       const shared_directions&,
                                                                       random_stream&);
ATLAS_OF_SIMULATION owned_tensor<float, 2> simulate_projection<float>(index_t, index_t, index_t,
                                                                      double, random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 2> simulate_projection<double>(index_t, index_t, index_t,
                                                                        double, random_stream&);
}  // namespace atlas::inline ATLAS_ABI
#endif
