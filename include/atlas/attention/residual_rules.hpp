// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Context rules on the attention residual: the value that a head looks at most, and what is kept
/// of the rest.

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "atlas/attention/capture.hpp"
#include "atlas/attention/clouds.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/frame.hpp"

namespace atlas::inline ATLAS_ABI {

/// Rewrites the raw residuals `Attn - V*` of one head on one block in place, `[T, d_head]`. Called
/// from several threads at once.
using residual_map =
    std::function<void(const head_capture& head, const tensor_view<float, 2>& residuals)>;

/// `V* + map(Attn - V*)`: V* alone where the map writes zeros, full attention where it writes
/// nothing.
template <class = lazy>
[[nodiscard]] context_rule residual_rule(residual_map map) {
  return [map = std::move(map)](const head_capture& head, const tensor_view<float, 2>& context) {
    const index_t rows = context.extent(0), d = context.extent(1);
    std::vector<index_t> most(static_cast<std::size_t>(rows));
    for (index_t t = 0; t < rows; ++t) {
      const tensor_view<const float, 1> weights = head.weights[t];
      index_t best = 0;
      for (index_t i = 1; i < weights.extent(0); ++i)
        if (weights[i] > weights[best]) best = i;
      most[static_cast<std::size_t>(t)] = best;
      for (index_t k = 0; k < d; ++k) context(t, k) -= head.values(best, k);
    }
    map(head, context);
    for (index_t t = 0; t < rows; ++t)
      for (index_t k = 0; k < d; ++k)
        context(t, k) += head.values(most[static_cast<std::size_t>(t)], k);
  };
}

/// Where a head's residuals lie: the mean and the principal directions, most variance first.
struct residual_basis {
  Eigen::RowVectorXf mean;  ///< `[d_head]`
  Eigen::MatrixXf vectors;  ///< `[d_head, d_head]`, orthonormal columns
};

struct random_bases_options {
  std::uint64_t seed = 0;              ///< each head has a stream of it
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

namespace detail {

template <class Basis>
std::vector<residual_basis> residual_bases_with(const tensor_view<const float, 3>& points,
                                                const work_options& o, Basis&& basis) {
  check_not_empty(points, "points");
  if (points.extent(1) < 2) throw shape_error("points", "at least 2 rows a head", "1");
  check_finite(points, "points");
  std::vector<residual_basis> out(static_cast<std::size_t>(points.extent(0)));
  progress_meter meter(o.on_progress, "heads", points.extent(0));
  parallel_for(points.extent(0), o.threads, [&](index_t h) {
    const cloud_moments m = moments(points[h]);
    out[static_cast<std::size_t>(h)] = {m.mean.transpose().cast<float>(),
                                        basis(h, m.covariance).template cast<float>()};
    meter.advance();
  });
  return out;
}

template <class = lazy>
std::vector<residual_basis> residual_bases(const tensor_view<const float, 3>& points,
                                           const work_options& options) {
  return residual_bases_with(points, options, [](index_t, const Eigen::MatrixXd& covariance) {
    return symmetric_eigenbasis(covariance).vectors;
  });
}

template <class = lazy>
std::vector<residual_basis> random_residual_bases(const tensor_view<const float, 3>& points,
                                                  const random_bases_options& options) {
  return residual_bases_with(
      points, {options.threads, options.on_progress},
      [seed = options.seed](index_t head, const Eigen::MatrixXd& covariance) {
        random_stream random(seed, static_cast<std::uint64_t>(head));
        return random_frame(covariance.rows(), covariance.cols(), random);
      });
}

}  // namespace detail

/// The principal bases of a layer's heads.
/// \param points `[H, N, d_head]`, raw residuals of a calibration text; N >= 2
/// \throws shape_error for fewer than 2 rows, value_error for NaN
///
/// O(H (N d^2 + d^3)) time.
template <real_tensor<3> Points>
[[nodiscard]] std::vector<residual_basis> residual_bases(const Points& points,
                                                         const work_options& options = {}) {
  const auto held = as_view<3>(points);
  return detail::residual_bases(held, options);
}

/// Their null: the same means with uniformly random directions, another stream of the seed for each
/// head. Arguments and errors as `residual_bases`.
template <real_tensor<3> Points>
[[nodiscard]] std::vector<residual_basis> random_residual_bases(
    const Points& points, const random_bases_options& options = {}) {
  const auto held = as_view<3>(points);
  return detail::random_residual_bases(held, options);
}

/// V* and the residual's first `rank` coordinates in a basis of each head, about its mean:
/// `V* + m + U_r U_r^T (Attn - V* - m)`. With rank 0 it is `V* + m`; with rank d_head it is full
/// attention.
/// \param bases one a query head
/// \throws value_error for a rank outside [0, d_head] or no bases; the rule throws shape_error
///         where a head has no basis or one of another size
template <class Real = float>
[[nodiscard]] context_rule low_rank_rule(std::vector<residual_basis> bases, index_t rank) {
  if (bases.empty()) throw value_error("bases", "one a head", "none");
  for (const residual_basis& b : bases) check_between(rank, 0, b.vectors.cols(), "rank");
  const auto shared = std::make_shared<const std::vector<residual_basis>>(std::move(bases));
  return residual_rule(
      [shared, rank](const head_capture& head, const tensor_view<float, 2>& residuals) {
        if (head.head >= static_cast<index_t>(shared->size()))
          throw shape_error("bases", "one a head, " + std::to_string(head.head + 1) + " or more",
                            std::to_string(shared->size()));
        const residual_basis& basis = (*shared)[static_cast<std::size_t>(head.head)];
        check_extent(basis.vectors.rows(), residuals.extent(1), "bases", "head_dimension");
        using rows = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        Eigen::Map<rows, 0, Eigen::OuterStride<>> x(residuals.data(), residuals.extent(0),
                                                    residuals.extent(1),
                                                    Eigen::OuterStride<>(residuals.stride(0)));
        const Eigen::MatrixX<Real>& vectors = basis.vectors;
        const auto kept = vectors.leftCols(rank);
        const rows coordinates = (x.rowwise() - basis.mean) * kept;
        x.noalias() = coordinates * kept.transpose();
        x.rowwise() += basis.mean;
      });
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ATTENTION std::vector<residual_basis> residual_bases<void>(
    const tensor_view<const float, 3>&, const work_options&);
ATLAS_OF_ATTENTION std::vector<residual_basis> random_residual_bases<void>(
    const tensor_view<const float, 3>&, const random_bases_options&);
}  // namespace atlas::inline ATLAS_ABI::detail

namespace atlas::inline ATLAS_ABI {
ATLAS_OF_ATTENTION context_rule residual_rule<void>(residual_map);
ATLAS_OF_ATTENTION context_rule low_rank_rule<float>(std::vector<residual_basis>, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
