// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Heads compared where they write. A head's own coordinates are arbitrary (any invertible matrix
/// can move between its value and output projections), so frames of different heads are taken after
/// the output projection, in the residual stream.

#include <Eigen/Core>
#include <Eigen/QR>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// A head's block W `[d, d_model]` of the output projection as W^T = basis * mixing: what the head
/// can write, and how its coordinates reach it.
struct head_writer {
  Eigen::MatrixXd basis;   ///< `[d_model, r]`, orthonormal, r = min(d, d_model)
  Eigen::MatrixXd mixing;  ///< `[r, d]`, upper triangular, by a power of two
};

template <class Real>
head_writer factor_writer(const Eigen::MatrixX<Real>& block_transposed) {
  const index_t r = (std::min)(block_transposed.rows(), block_transposed.cols());
  const Eigen::HouseholderQR<Eigen::MatrixX<Real>> qr(block_transposed);
  head_writer writer;
  writer.basis = qr.householderQ() * Eigen::MatrixX<Real>::Identity(block_transposed.rows(), r);
  writer.mixing = qr.matrixQR().topRows(r).template triangularView<Eigen::Upper>();
  return writer;
}

/// One writer a head.
///
/// \throws shape_error unless the projection has heads * d rows
template <class Scalar>
std::vector<head_writer> head_writers(const tensor_view<const Scalar, 2>& projection, index_t heads,
                                      index_t d, int threads) {
  check_not_empty(projection, "output_projection");
  check_extent(projection.extent(0), heads * d, "output_projection", "heads * d_head rows,");
  check_finite(projection, "output_projection");
  std::vector<head_writer> writers(static_cast<std::size_t>(heads));
  parallel_for(heads, threads, [&](index_t h) {
    Eigen::MatrixXd block(projection.extent(1), d);
    for (index_t i = 0; i < d; ++i)
      for (index_t m = 0; m < block.rows(); ++m)
        block(m, i) = static_cast<double>(projection(h * d + i, m));
    block *= scale_to_one(block.cwiseAbs().maxCoeff());  // what is written where, not how large
    writers[static_cast<std::size_t>(h)] = factor_writer(block);
  });
  return writers;
}

/// The top-k frame, in R^d_model, of a cloud with this covariance sent through a writer.
template <class Real>
Eigen::MatrixX<Real> written_frame(const head_writer& writer,
                                   const Eigen::MatrixX<Real>& covariance, index_t k,
                                   const std::string& argument,
                                   rank_policy policy = rank_policy::refuse) {
  const Eigen::MatrixX<Real> written = writer.mixing * covariance * writer.mixing.transpose();
  check_between(k, 1, written.rows(), "local_dimension");
  return writer.basis * top_frame(leading_eigenpairs(written, k), k, argument, policy);
}

template <class Scalar>
std::vector<Eigen::MatrixXd> checked_covariances(const tensor_view<const Scalar, 3>& given) {
  check_not_empty(given, "covariances");
  check_finite(given, "covariances");
  check_extent(given.extent(2), given.extent(1), "covariances", "square matrices,");
  std::vector<Eigen::MatrixXd> out;
  for (index_t h = 0; h < given.extent(0); ++h) {
    Eigen::MatrixXd c = matrix_copy<double>(given[h]);
    c *= scale_to_one(c.cwiseAbs().maxCoeff());
    if (!((c - c.transpose()).cwiseAbs().maxCoeff() <= 1e-5))
      throw value_error("covariances, head " + std::to_string(h), "a symmetric matrix",
                        "one that is not");
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace detail

/// Principal frames of clouds as they are written to the residual stream: those of
/// `cloud_h * W_h`, W_h the head's block of rows of the output projection.
///
/// \param clouds            `[H, N, d_head]`
/// \param output_projection `[H * d_head, d_model]`, rows head-major
/// \param local_dimension   k <= min(d_head, d_model)
/// \return H frames `[d_model, k]`
/// \throws shape_error for a projection of other shape; otherwise as `principal_frame`
///
/// O(H (N d_head^2 + d_model d_head^2)) time; nothing of d_model^2 is formed.
template <real_tensor<3> Clouds, real_tensor<2> Projection>
[[nodiscard]] std::vector<Eigen::MatrixXd> residual_stream_frames(
    const Clouds& clouds, const Projection& output_projection, index_t local_dimension,
    const frame_options& options = {}) {
  using scalar = scalar_of<Clouds, 3>;
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar, 3>& view = held;
  const auto projection = as_view<2>(output_projection);
  check_not_empty(view, "clouds");
  const auto writers = detail::head_writers<scalar_of<Projection, 2>>(
      projection, view.extent(0), view.extent(2), options.threads);
  std::vector<Eigen::MatrixXd> frames(writers.size());
  progress_meter meter(options.on_progress, "heads", view.extent(0));
  parallel_for(view.extent(0), options.threads, [&](index_t h) {
    const auto at = static_cast<std::size_t>(h);
    const std::string argument = "clouds, head " + std::to_string(h);
    detail::check_cloud(view[h], argument);
    frames[at] = detail::written_frame(writers[at], detail::moments(view[h]).covariance,
                                       local_dimension, argument, options.policy);
    meter.advance();
  });
  detail::check_some_frame(frames);
  return frames;
}

/// The same of covariances of clouds, `[H, d_head, d_head]`, each up to a factor; of a covariance
/// of 0, as of others with fewer than k directions, what the policy says. \throws also value_error
/// for matrices that are not symmetric
template <real_tensor<3> Covariances, real_tensor<2> Projection>
[[nodiscard]] std::vector<Eigen::MatrixXd> residual_stream_frames_of_covariances(
    const Covariances& covariances, const Projection& output_projection, index_t local_dimension,
    const frame_options& options = {}) {
  const auto held = as_view<3>(covariances);
  const tensor_view<const scalar_of<Covariances, 3>, 3>& view = held;
  const std::vector<Eigen::MatrixXd> checked = detail::checked_covariances(view);
  const auto projection = as_view<2>(output_projection);
  const auto writers = detail::head_writers<scalar_of<Projection, 2>>(
      projection, view.extent(0), view.extent(2), options.threads);
  std::vector<Eigen::MatrixXd> frames(writers.size());
  progress_meter meter(options.on_progress, "heads", view.extent(0));
  parallel_for(view.extent(0), options.threads, [&](index_t h) {
    const auto at = static_cast<std::size_t>(h);
    frames[at] = detail::written_frame(writers[at], checked[at], local_dimension,
                                       "covariances, head " + std::to_string(h), options.policy);
    meter.advance();
  });
  detail::check_some_frame(frames);
  return frames;
}

/// The clouds as they are written to the residual stream, where heads have coordinates in common.
///
/// \param clouds            `[H, N, d_head]`
/// \param output_projection `[H * d_head, d_model]`, rows head-major
/// \return `[H, N, d_model]`, each head of rank d_head at most
/// \throws shape_error for a projection of other shape; value_error for NaN
///
/// O(H N d_head d_model) time and H N d_model numbers of memory.
template <real_tensor<3> Clouds, real_tensor<2> Projection>
[[nodiscard]] owned_tensor<scalar_of<Clouds, 3>, 3> residual_stream_clouds(
    const Clouds& clouds, const Projection& output_projection, const work_options& options = {}) {
  using scalar = scalar_of<Clouds, 3>;
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar, 3>& view = held;
  const auto projection_held = as_view<2>(output_projection);
  const tensor_view<const scalar_of<Projection, 2>, 2>& projection = projection_held;
  const index_t heads = view.extent(0), n = view.extent(1), d = view.extent(2);
  check_not_empty(view, "clouds");
  check_finite(view, "clouds");
  check_not_empty(projection, "output_projection");
  check_extent(projection.extent(0), heads * d, "output_projection", "heads * d_head rows,");
  check_finite(projection, "output_projection");
  const row_matrix<scalar> weights = matrix_copy<scalar>(projection);
  owned_tensor<scalar, 3> out({heads, n, weights.cols()});
  progress_meter meter(options.on_progress, "heads", heads);
  for (index_t h = 0; h < heads; ++h) {
    Eigen::Map<row_matrix<scalar>>(out.mutable_view()[h].data(), n, weights.cols()) =
        detail::tiled_product(matrix_copy<scalar>(view[h]), weights.middleRows(h * d, d),
                              options.threads);
    meter.advance();
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE std::vector<head_writer> head_writers<float>(const tensor_view<const float, 2>&,
                                                               index_t, index_t, int);
ATLAS_OF_SUBSPACE std::vector<head_writer> head_writers<double>(const tensor_view<const double, 2>&,
                                                                index_t, index_t, int);
ATLAS_OF_SUBSPACE Eigen::MatrixXd written_frame<double>(const head_writer&, const Eigen::MatrixXd&,
                                                        index_t, const std::string&, rank_policy);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
