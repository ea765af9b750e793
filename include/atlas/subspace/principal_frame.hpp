// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The frame of a head: the directions in which its cloud varies most.

#include <Eigen/Core>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI {

/// What to do with a cloud that varies in fewer directions than its frame is to have.
enum class rank_policy {
  refuse,     ///< it is a value_error
  leave_out,  ///< its frame is NaN throughout, and its overlaps are; an error where all are so
};

namespace detail {

/// The top k columns of an eigenbasis of which at least k values are known. Where fewer than k
/// directions vary, so that the frame would be arbitrary, what the policy says.
template <class Real = double>
Eigen::MatrixX<Real> top_frame(const eigenbasis& basis, index_t k, const std::string& argument,
                               rank_policy policy = rank_policy::refuse) {
  constexpr double no_variance = 1e-12;  // of the largest eigenvalue: rounding of the covariance
  check_between(k, 1, basis.values.size(), "local_dimension");
  const Eigen::VectorX<Real>& values = basis.values;
  const double floor = no_variance * basis.values(0);
  const index_t varying = (values.array() > floor).count();
  const bool arbitrary = !(basis.values(0) > 0) || varying < k;
  if (arbitrary && policy == rank_policy::leave_out)
    return Eigen::MatrixX<Real>::Constant(basis.vectors.rows(), k,
                                          std::numeric_limits<Real>::quiet_NaN());
  if (arbitrary)
    throw value_error(argument, "variance in at least " + std::to_string(k) + " directions",
                      std::to_string(basis.values(0) > 0 ? varying : 0));
  return basis.vectors.leftCols(k);
}

/// Whether a frame is that of a head that is left out.
template <class Real>
bool is_left_out(const Eigen::MatrixX<Real>& frame) {
  return frame.array().isNaN().all();
}

/// \throws value_error where all are left out
template <class = lazy>
void check_some_frame(const std::vector<Eigen::MatrixXd>& frames) {
  for (const Eigen::MatrixXd& frame : frames)
    if (!is_left_out(frame)) return;
  throw value_error(
      "clouds",
      "a head with variance in at least " + std::to_string(frames.front().cols()) + " directions",
      "none of " + std::to_string(frames.size()));
}

template <class Scalar>
void check_rows(const tensor_view<const Scalar, 2>& points, const std::string& argument) {
  check_not_empty(points, argument);
  if (points.extent(0) < 2) throw shape_error(argument, "at least 2 rows", "1 row");
}

template <class Scalar>
void check_cloud(const tensor_view<const Scalar, 2>& points, const std::string& argument) {
  check_rows(points, argument);
  check_finite(points, argument);
}

template <class Scalar>
Eigen::MatrixXd principal_frame(const tensor_view<const Scalar, 2>& points, index_t k,
                                const std::string& argument,
                                rank_policy policy = rank_policy::refuse) {
  check_rows(points, argument);
  const cloud_moments m = checked_moments(points, argument);
  check_between(k, 1, points.extent(1), "local_dimension");
  return top_frame(leading_eigenpairs(m.covariance, k), k, argument, policy);
}

}  // namespace detail

/// The top-k right singular vectors of the centred cloud, from its covariance.
///
/// \param points `[N, d]`, N >= 2
/// \param local_dimension k, at most d and at most the number of directions that vary
/// \return `[d, k]`, orthonormal columns, most variance first; signs are fixed, so equal clouds
///         give equal frames
/// \throws shape_error for fewer than 2 rows; value_error for NaN, k > d, fewer than k directions
///         with variance
///
/// O(N d^2 + d^3) time, O(d^2) memory.
template <real_tensor<2> Points>
[[nodiscard]] Eigen::MatrixXd principal_frame(const Points& points, index_t local_dimension) {
  const auto view = as_view<2>(points);
  return detail::principal_frame<scalar_of<Points, 2>>(view, local_dimension, "points");
}

struct frame_options {
  rank_policy policy = rank_policy::refuse;  ///< of clouds that vary in fewer than k directions
  int threads = 0;                           ///< 0: all of the machine
  progress_callback on_progress = {};        ///< a step a head; may cancel
};

/// `principal_frame` of each of H clouds.
/// \param clouds `[H, N, d]`
template <real_tensor<3> Clouds>
[[nodiscard]] std::vector<Eigen::MatrixXd> principal_frames(const Clouds& clouds,
                                                            index_t local_dimension,
                                                            const frame_options& options = {}) {
  using scalar = scalar_of<Clouds, 3>;
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar, 3>& view = held;
  check_not_empty(view, "clouds");
  std::vector<Eigen::MatrixXd> frames(static_cast<std::size_t>(view.extent(0)));
  progress_meter meter(options.on_progress, "heads", view.extent(0));
  parallel_for(view.extent(0), options.threads, [&](index_t h) {
    frames[static_cast<std::size_t>(h)] = detail::principal_frame<scalar>(
        view[h], local_dimension, "clouds, head " + std::to_string(h), options.policy);
    meter.advance();
  });
  detail::check_some_frame(frames);
  return frames;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE Eigen::MatrixXd top_frame<double>(const eigenbasis&, index_t, const std::string&,
                                                    rank_policy);
ATLAS_OF_SUBSPACE Eigen::MatrixXd principal_frame<float>(const tensor_view<const float, 2>&,
                                                         index_t, const std::string&, rank_policy);
ATLAS_OF_SUBSPACE Eigen::MatrixXd principal_frame<double>(const tensor_view<const double, 2>&,
                                                          index_t, const std::string&, rank_policy);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
