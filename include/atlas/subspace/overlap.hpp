#pragma once
/// \file
/// Overlap of subspaces: the mean of their principal cosines.

#include <Eigen/Core>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/subspace/principal_angles.hpp"

namespace atlas {

struct overlap_result {
  double mean_cosine = 0;  ///< what the literature calls overlap; `haar_overlap` is its null
  double mean_squared_cosine = 0;  ///< `||A^T B||_F^2 / k`; k/d between random k-frames in R^d
};

namespace detail {

template <class Real>
overlap_result overlap_of_cosines(const Eigen::VectorX<Real>& cosines) {
  return {cosines.mean(), cosines.squaredNorm() / static_cast<double>(cosines.size())};
}

/// All pairs of heads, first < second, in the order (0,1), (0,2), ..., (1,2), ...
struct head_pair {
  index first = 0, second = 0;
};
template <class = void>
std::vector<head_pair> head_pairs(index heads) {
  std::vector<head_pair> pairs;
  pairs.reserve(static_cast<std::size_t>(heads * (heads - 1) / 2));
  for (index i = 0; i < heads; ++i)
    for (index j = i + 1; j < heads; ++j) pairs.push_back({i, j});
  return pairs;
}

template <class Real>
Eigen::MatrixX<Real> overlap_matrix(const std::vector<Eigen::MatrixX<Real>>& frames, int threads) {
  const auto heads = static_cast<index>(frames.size());
  const auto pairs = head_pairs(heads);
  Eigen::MatrixX<Real> matrix = Eigen::MatrixX<Real>::Identity(heads, heads);
  parallel_for(static_cast<index>(pairs.size()), threads, [&](index p) {
    const auto [i, j] = pairs[static_cast<std::size_t>(p)];
    matrix(i, j) = matrix(j, i) =
        principal_cosines(frames[static_cast<std::size_t>(i)], frames[static_cast<std::size_t>(j)])
            .mean();
  });
  return matrix;
}

template <class Scalar>
std::vector<Eigen::MatrixXd> checked_frames(const tensor_view<const Scalar, 3>& frames) {
  check_not_empty(frames, "frames");
  std::vector<Eigen::MatrixXd> out;
  for (index h = 0; h < frames.extent(0); ++h)
    out.push_back(checked_frame(frames[h], "frames, head " + std::to_string(h)));
  return out;
}

}  // namespace detail

/// Overlap of the spans of two frames; arguments and errors as `principal_angles`. With different
/// k the smaller one counts.
template <tensor_like<2> A, tensor_like<2> B>
overlap_result subspace_overlap(const A& a, const B& b) {
  return detail::overlap_of_cosines(principal_angles(a, b).cosines);
}

/// Mean principal cosine of every pair of heads.
/// \param frames `[H, d, k]`, orthonormal columns; a vector of H matrices will do
/// \return `[H, H]`, symmetric, ones on the diagonal
/// \throws as `principal_angles`
///
/// O(H^2 (d k^2 + k^3)) time.
template <tensor_like<3> Frames>
Eigen::MatrixXd overlap_matrix(const Frames& frames, int threads = 0) {
  const auto view = as_view<3>(frames);
  return detail::overlap_matrix(detail::checked_frames<scalar_of<Frames, 3>>(view), threads);
}

}  // namespace atlas
