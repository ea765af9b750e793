// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many principal components hold a share of a cloud's variance.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"

namespace atlas::inline ATLAS_ABI {

struct pca_rank_options {
  double variance = 0.90;  ///< share of the variance to hold, in (0, 1]
};

struct pca_rank_result {
  index_t rank = 0;                ///< smallest r whose first r eigenvalues hold the share
  double participation_ratio = 0;  ///< (sum l)^2 / sum l^2, from 1 to d
  Eigen::VectorXd eigenvalues;     ///< `[d]`, of the centred covariance, descending; 0 or infinite
                                   ///< where they are beyond what a double can hold
};

/// The rank and participation ratio of a given spectrum.
/// \param eigenvalues descending; rounding below 0 counts as 0
/// \throws value_error for zero variance or a share outside (0, 1]
template <class Real = double>
[[nodiscard]] pca_rank_result pca_rank_of_spectrum(
    const std::type_identity_t<Eigen::VectorX<Real>>& eigenvalues,
    const pca_rank_options& options = {}) {
  if (!(options.variance > 0 && options.variance <= 1))
    throw value_error("variance", "a share in (0, 1]", detail::number_text(options.variance));
  const Eigen::VectorX<Real> kept = eigenvalues.cwiseMax(0.0);
  const double largest = kept.size() > 0 ? kept.maxCoeff() : 0;
  const Eigen::VectorX<Real> spectrum = kept * detail::scale_to_one(largest);
  const double total = spectrum.sum();
  if (!(total > 0)) throw value_error("points", "some variance", "points that are all equal");
  // The last cumulative share differs from 1 by rounding alone.
  const double wanted = options.variance * total * (1 - 1e-12);
  double held = 0;
  index_t rank = 0;
  while (rank < spectrum.size() && held < wanted) held += spectrum(rank++);
  return {rank, total * total / spectrum.squaredNorm(), kept};
}

namespace detail {

/// The same of a cloud's covariance, whose eigenvalues are known.
/// \param exponent of the cloud's moments
template <class Real>
pca_rank_result pca_rank_of_values(int exponent, const Eigen::VectorX<Real>& eigenvalues,
                                   const pca_rank_options& options) {
  pca_rank_result out = pca_rank_of_spectrum(eigenvalues, options);
  if (exponent != 0)
    for (Real& value : out.eigenvalues) value = std::ldexp(value, -2 * exponent);
  return out;
}

template <class Real>
pca_rank_result pca_rank_of_moments(const cloud_moments& m, const Eigen::VectorX<Real>& eigenvalues,
                                    const pca_rank_options& options) {
  return pca_rank_of_values<Real>(m.exponent, eigenvalues, options);
}

template <class Scalar>
pca_rank_result pca_rank(const tensor_view<const Scalar, 2>& points,
                         const pca_rank_options& options) {
  check_not_empty(points, "points");
  if (points.extent(0) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  const cloud_moments m = checked_moments(points, "points");
  return pca_rank_of_moments<double>(m, symmetric_eigenvalues(m.covariance), options);
}

}  // namespace detail

/// Smallest number of principal components whose cumulative variance reaches a share.
///
/// \param points `[N, d]`, N >= 2
/// \throws shape_error for fewer than 2 rows; value_error for NaN, zero variance or a share outside
///         (0, 1]
///
/// O(N d^2 + d^3) time, O(d^2) memory.
template <real_tensor<2> Points>
[[nodiscard]] pca_rank_result pca_rank(const Points& points, const pca_rank_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::pca_rank<scalar_of<Points, 2>>(held, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION pca_rank_result pca_rank<float>(const tensor_view<const float, 2>&,
                                                   const pca_rank_options&);
ATLAS_OF_DIMENSION pca_rank_result pca_rank<double>(const tensor_view<const double, 2>&,
                                                    const pca_rank_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
