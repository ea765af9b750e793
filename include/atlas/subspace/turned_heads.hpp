// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Heads whose clouds are turned at random in their own coordinates: what `turned_null` draws from.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/linalg/random_rotation.hpp"
#include "atlas/subspace/principal_frame.hpp"
#include "atlas/subspace/residual_stream.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// What `turned_null` draws from: of each head how it writes and a root of its covariance.
template <class Real = double>
class turned_heads {
 public:
  /// \param covariances of one unit or of several: only the directions written count
  turned_heads(std::vector<head_writer> writers,
               const std::vector<Eigen::MatrixX<Real>>& covariances, index_t k,
               index_t heads_per_group)
      : writers_(std::move(writers)), k_(k), heads_per_group_(heads_per_group) {
    for (std::size_t h = 0; h < writers_.size(); ++h) {
      const std::string name = "clouds, head " + std::to_string(h);
      observed_.push_back(
          written_frame(writers_[h], covariances[h], k, name, rank_policy::leave_out));
      roots_.push_back(root_in_blocks(covariances[h]));
    }
    check_some_frame(observed_);
  }

  const std::vector<Eigen::MatrixX<Real>>& observed() const { return observed_; }

  /// Frames `[d_model, k]` of all heads for each of some draws, `[draw][head]`, each of its own
  /// stream; NaN for heads left out.
  std::vector<std::vector<Eigen::MatrixX<Real>>> draw(std::uint64_t seed, index_t first,
                                                      index_t count) const {
    const std::size_t heads = writers_.size();
    std::vector<Eigen::MatrixX<Real>> inside(heads);
    for (std::size_t h = 0; h < heads; ++h) inside[h].resize(writers_[h].mixing.rows(), count * k_);
    for (index_t i = 0; i < count; ++i) {
      random_stream random(seed, static_cast<std::uint64_t>(first + i));
      for (std::size_t h = 0; h < heads; h += static_cast<std::size_t>(heads_per_group_))
        turn_group(h, i, random, inside);
    }
    std::vector<std::vector<Eigen::MatrixX<Real>>> frames(static_cast<std::size_t>(count),
                                                          observed_);
    for (std::size_t h = 0; h < heads; ++h) {
      if (is_left_out(observed_[h])) continue;
      const Eigen::MatrixX<Real> written = writers_[h].basis * inside[h];
      for (index_t i = 0; i < count; ++i)
        frames[static_cast<std::size_t>(i)][h] = written.middleCols(i * k_, k_);
    }
    return frames;
  }

 private:
  /// Eight columns of a `[d, d]` matrix, row-major.
  using block = row_matrix<Real>;

  /// B with `B B^T` the covariance, without the columns that are 0.
  static std::vector<block> root_in_blocks(const Eigen::MatrixX<Real>& covariance) {
    const eigenbasis basis = symmetric_eigenbasis(covariance);
    const Real floor = std::numeric_limits<Real>::epsilon() * (std::max)(basis.values(0), Real(0));
    std::vector<block> root;
    for (index_t c = 0; c < covariance.cols() && basis.values(c) > floor; c += lane_count) {
      root.push_back(block::Zero(covariance.rows(), lane_count));
      for (index_t l = 0; l < (std::min)(lane_count, covariance.cols() - c); ++l)
        root.back().col(l) =
            std::sqrt((std::max)(basis.values(c + l), Real(0))) * basis.vectors.col(c + l);
    }
    return root;
  }

  /// The heads of a group, turned by one rotation, into the columns of draw `i`.
  void turn_group(std::size_t from, index_t i, random_stream& random,
                  std::vector<Eigen::MatrixX<Real>>& inside) const {
    const random_rotation<Real> rotation(writers_[from].mixing.cols(), random);
    for (std::size_t h = from; h < from + static_cast<std::size_t>(heads_per_group_); ++h)
      if (!is_left_out(observed_[h])) inside[h].middleCols(i * k_, k_) = turned(h, rotation);
  }

  Eigen::MatrixX<Real> turned(std::size_t head, const random_rotation<Real>& rotation) const {
    const auto& mixing = writers_[head].mixing;
    const std::vector<block>& root = roots_[head];
    Eigen::MatrixX<Real> written(mixing.rows(), static_cast<index_t>(root.size()) * lane_count);
    for (std::size_t b = 0; b < root.size(); ++b) {
      block columns = root[b];
      rotation.turn(columns.data());
      written.middleCols(static_cast<index_t>(b) * lane_count, lane_count).noalias() =
          mixing * columns;
    }
    Eigen::MatrixX<Real> covariance = Eigen::MatrixX<Real>::Zero(mixing.rows(), mixing.rows());
    covariance.template selfadjointView<Eigen::Lower>().rankUpdate(written);
    return leading_eigenvectors(covariance, k_);
  }

  std::vector<head_writer> writers_;
  index_t k_, heads_per_group_;
  std::vector<Eigen::MatrixX<Real>> observed_;
  std::vector<std::vector<block>> roots_;
};

template <class Scalar>
std::vector<Eigen::MatrixXd> covariances_of(const tensor_view<const Scalar, 3>& clouds,
                                            int threads) {
  check_not_empty(clouds, "clouds");
  std::vector<Eigen::MatrixXd> out(static_cast<std::size_t>(clouds.extent(0)));
  parallel_for(clouds.extent(0), threads, [&](index_t h) {
    check_cloud(clouds[h], "clouds, head " + std::to_string(h));
    out[static_cast<std::size_t>(h)] = moments(clouds[h]).covariance;
  });
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE std::vector<Eigen::MatrixXd> covariances_of<float>(
    const tensor_view<const float, 3>&, int);
ATLAS_OF_SUBSPACE std::vector<Eigen::MatrixXd> covariances_of<double>(
    const tensor_view<const double, 3>&, int);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
