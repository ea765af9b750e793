// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Frame and PCA rank of heads from one decomposition.

#include <Eigen/Core>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas::inline ATLAS_ABI {

/// What the covariance of a cloud tells.
struct principal_spectrum {
  Eigen::MatrixXd frame;  ///< as `principal_frame`, `[d, k]`
  pca_rank_result rank;   ///< as `pca_rank`; of rank 0 for a cloud without variance, left out
};

namespace detail {

template <class Scalar>
principal_spectrum spectrum_of(const tensor_view<const Scalar, 2>& points, index_t k,
                               const pca_rank_options& options, const std::string& argument,
                               rank_policy policy) {
  check_cloud(points, argument);
  check_between(k, 1, points.extent(1), "local_dimension");
  const cloud_moments m = moments(points);
  const eigenbasis basis = leading_eigenbasis(m.covariance, k);
  Eigen::MatrixXd frame = top_frame(basis, k, argument, policy);
  if (!(basis.values(0) > 0)) return {std::move(frame), {}};
  return {std::move(frame), pca_rank_of_moments<double>(m, basis.values, options)};
}

}  // namespace detail

struct spectra_options {
  pca_rank_options rank = {};
  rank_policy policy = rank_policy::refuse;  ///< of clouds that vary in fewer than k directions
  int threads = 0;                           ///< 0: all of the machine
  progress_callback on_progress = {};        ///< a step a head; may cancel
};

/// `principal_frame` and `pca_rank` of each of H clouds, in little more time than one of them.
///
/// \param clouds          `[H, N, d]`, N >= 2
/// \param local_dimension k of the frames
/// \throws as `principal_frame` and `pca_rank`
///
/// O(H (N d^2 + d^3)) time.
template <real_tensor<3> Clouds>
[[nodiscard]] std::vector<principal_spectrum> principal_spectra(
    const Clouds& clouds, index_t local_dimension, const spectra_options& options = {}) {
  using scalar = scalar_of<Clouds, 3>;
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar, 3>& view = held;
  check_not_empty(view, "clouds");
  std::vector<principal_spectrum> spectra(static_cast<std::size_t>(view.extent(0)));
  progress_meter meter(options.on_progress, "heads", view.extent(0));
  parallel_for(view.extent(0), options.threads, [&](index_t h) {
    spectra[static_cast<std::size_t>(h)] =
        detail::spectrum_of<scalar>(view[h], local_dimension, options.rank,
                                    "clouds, head " + std::to_string(h), options.policy);
    meter.advance();
  });
  return spectra;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE principal_spectrum spectrum_of<float>(const tensor_view<const float, 2>&, index_t,
                                                        const pca_rank_options&, const std::string&,
                                                        rank_policy);
ATLAS_OF_SUBSPACE principal_spectrum spectrum_of<double>(const tensor_view<const double, 2>&,
                                                         index_t, const pca_rank_options&,
                                                         const std::string&, rank_policy);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
