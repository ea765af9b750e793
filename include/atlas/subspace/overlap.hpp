// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Overlap of subspaces: the mean of their principal cosines.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/batched/nuclear_norms.hpp"
#include "atlas/linalg/eight_numbers.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/tiled_product.hpp"
#include "atlas/subspace/head_pairs.hpp"
#include "atlas/subspace/principal_angles.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas::inline ATLAS_ABI {

struct overlap_result {
  double mean_cosine = 0;  ///< what the literature calls overlap; `haar_overlap` is its null
  double mean_squared_cosine = 0;  ///< `||A^T B||_F^2 / k`; k/d between random k-frames in R^d
};

namespace detail {

template <class Real>
overlap_result overlap_of_cosines(const Eigen::VectorX<Real>& cosines) {
  return {cosines.mean(), cosines.squaredNorm() / static_cast<double>(cosines.size())};
}

/// Mean principal cosines of pairs of heads, first < second, into both triangles of a matrix:
/// products of a band of heads with all that follow in one matrix product, then their nuclear
/// norms, several pairs at a time.
template <class Real = double>
class overlap_band {
 public:
  overlap_band(const std::vector<Eigen::MatrixX<Real>>& frames, const Eigen::MatrixX<Real>& stacked)
      : stacked_(stacked),
        products_(stacked.cols(), most_heads * frames.front().cols()),
        k_(frames.front().cols()),
        norms_(k_) {}

  static constexpr index_t most_heads = 4;  ///< of a band

  /// Of the heads `from` .. `from + count`, at most `most_heads`.
  void fill(index_t from, index_t count, Eigen::MatrixX<Real>& matrix) {
    const index_t left = stacked_.cols() - from * k_;
    products_.topLeftCorner(left, count * k_).noalias() =
        stacked_.rightCols(left).transpose() * stacked_.middleCols(from * k_, count * k_);
    for (index_t i = from; i < from + count; ++i)
      for (index_t j = i + 1; j < matrix.rows(); ++j) add({i, j}, from, matrix);
    flush(matrix);
  }

 private:
  void add(const head_pair& pair, index_t from, Eigen::MatrixX<Real>& matrix) {
    const index_t top = (pair.first - from) * k_, left = (pair.second - from) * k_;
    Real* entry = norms_.first_of(waiting_);
    for (index_t c = 0; c < k_; ++c) {
      const Real* const column = &products_(left, top + c);
      for (index_t r = 0; r < k_; ++r, entry += lane_count) *entry = column[r];
    }
    pairs_[static_cast<std::size_t>(waiting_)] = pair;
    if (++waiting_ == lanes) flush(matrix);
  }

  /// A mean is at most 1 but for rounding.
  void flush(Eigen::MatrixX<Real>& matrix) {
    if (waiting_ == 0) return;
    const Real* const sums = norms_.compute(waiting_);
    for (index_t l = 0; l < waiting_; ++l) {
      const auto [i, j] = pairs_[static_cast<std::size_t>(l)];
      matrix(i, j) = matrix(j, i) = (std::min)(Real(1), sums[l] / static_cast<Real>(k_));
    }
    waiting_ = 0;
  }

  static constexpr index_t lanes = nuclear_norms<Real>::lanes;
  const Eigen::MatrixX<Real>& stacked_;  ///< `[d, H k]`
  Eigen::MatrixX<Real> products_;
  index_t k_;
  nuclear_norms<Real> norms_;
  std::array<head_pair, lanes> pairs_ = {};
  index_t waiting_ = 0;
};

/// Takes the pairs of a head from a matrix of overlaps.
template <class Real>
void leave_out(index_t head, Eigen::MatrixX<Real>& matrix) {
  matrix.row(head).setConstant(std::numeric_limits<Real>::quiet_NaN());
  matrix.col(head).setConstant(std::numeric_limits<Real>::quiet_NaN());
}

/// NaN in the rows and columns of heads that are left out.
template <class Real>
Eigen::MatrixX<Real> overlap_matrix(const std::vector<Eigen::MatrixX<Real>>& frames, int threads) {
  constexpr index_t band = overlap_band<Real>::most_heads;
  const auto heads = static_cast<index_t>(frames.size());
  const index_t k = frames.front().cols();
  Eigen::MatrixX<Real> stacked(frames.front().rows(), heads * k);
  for (index_t h = 0; h < heads; ++h)
    if (const auto& frame = frames[static_cast<std::size_t>(h)]; is_left_out(frame))
      stacked.middleCols(h * k, k).setZero();
    else
      stacked.middleCols(h * k, k) = frame;
  Eigen::MatrixX<Real> matrix = Eigen::MatrixX<Real>::Identity(heads, heads);
  parallel_for((heads + band - 1) / band, threads,
               [&] { return overlap_band<Real>(frames, stacked); },
               [&](index_t b, overlap_band<Real>& pairs) {
                 pairs.fill(b * band, (std::min)(band, heads - b * band), matrix);
               });
  for (index_t h = 0; h < heads; ++h)
    if (is_left_out(frames[static_cast<std::size_t>(h)])) leave_out(h, matrix);
  return matrix;
}

template <class Scalar>
std::vector<Eigen::MatrixXd> checked_frames(const tensor_view<const Scalar, 3>& frames) {
  check_not_empty(frames, "frames");
  std::vector<Eigen::MatrixXd> out;
  for (index_t h = 0; h < frames.extent(0); ++h) {
    const Eigen::MatrixXd frame = matrix_copy<double>(frames[h]);
    out.push_back(
        is_left_out(frame) ? frame : checked_frame(frames[h], "frames, head " + std::to_string(h)));
  }
  return out;
}

}  // namespace detail

/// Overlap of the spans of two frames; arguments and errors as `principal_angles`. With different
/// k the smaller one counts.
template <real_tensor<2> A, real_tensor<2> B>
[[nodiscard]] overlap_result subspace_overlap(const A& a, const B& b) {
  return detail::overlap_of_cosines(principal_angles(a, b).cosines);
}

/// Mean principal cosine of every pair of heads.
/// \param frames `[H, d, k]`, orthonormal columns; a vector of H matrices will do
/// \return `[H, H]`, symmetric, ones on the diagonal; NaN for a head whose frame is NaN throughout
/// \throws as `principal_angles`
///
/// O(H^2 (d k^2 + k^3)) time.
template <real_tensor<3> Frames>
[[nodiscard]] Eigen::MatrixXd overlap_matrix(const Frames& frames,
                                             const thread_options& options = {}) {
  const auto view = as_view<3>(frames);
  return detail::overlap_matrix(detail::checked_frames<scalar_of<Frames, 3>>(view),
                                options.threads);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE Eigen::MatrixXd overlap_matrix<double>(const std::vector<Eigen::MatrixXd>&, int);
ATLAS_OF_SUBSPACE std::vector<Eigen::MatrixXd> checked_frames<float>(
    const tensor_view<const float, 3>&);
ATLAS_OF_SUBSPACE std::vector<Eigen::MatrixXd> checked_frames<double>(
    const tensor_view<const double, 3>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
