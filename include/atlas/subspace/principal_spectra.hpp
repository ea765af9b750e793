// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Frame and PCA rank of heads from one decomposition.

#include <Eigen/Core>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/linalg/batched/tridiagonal_spectra.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"
#include "atlas/subspace/principal_frame.hpp"

namespace atlas::inline ATLAS_ABI {

/// What the covariance of a cloud tells.
struct principal_spectrum {
  Eigen::MatrixXd frame;  ///< as `principal_frame`, `[d, k]`
  pca_rank_result rank;   ///< as `pca_rank`, to rounding; of rank 0 for a cloud without variance,
                          ///< left out
};

namespace detail {

/// What is left of a cloud: its frame, and what its eigenvalues are found from.
struct cloud_spectrum {
  Eigen::MatrixXd frame;
  Eigen::VectorXd values;  ///< all of them where `form` is empty
  tridiagonal_matrix<double> form;
  bool varies = false;
  int exponent = 0;  ///< of the moments
};

template <class Scalar>
cloud_spectrum spectrum_of(const tensor_view<const Scalar, 2>& points, index_t k,
                           const std::string& argument, rank_policy policy) {
  check_rows(points, argument);
  const cloud_moments m = checked_moments(points, argument);
  check_between(k, 1, points.extent(1), "local_dimension");
  leading_spectrum spectrum = leading_pairs_and_form(m.covariance, k);
  Eigen::MatrixXd frame = top_frame(spectrum.pairs, k, argument, policy);
  const bool varies = spectrum.pairs.values(0) > 0;
  return {std::move(frame), std::move(spectrum.pairs.values), std::move(spectrum.form), varies,
          m.exponent};
}

/// All values of the clouds from one on that are solved together.
template <class = lazy>
void find_values(std::vector<cloud_spectrum>& clouds, std::size_t first) {
  const std::size_t end =
      (std::min)(clouds.size(), first + static_cast<std::size_t>(spectra_together<double>));
  std::vector<const tridiagonal_matrix<double>*> forms;
  std::vector<Eigen::VectorXd*> values;
  for (std::size_t h = first; h < end; ++h) {
    if (clouds[h].form.diagonal.size() == 0) continue;
    forms.push_back(&clouds[h].form);
    values.push_back(&clouds[h].values);
  }
  if (!forms.empty()) tridiagonal_spectra<double>(forms, values);
}

}  // namespace detail

struct spectra_options {
  pca_rank_options rank = {};
  rank_policy policy = rank_policy::refuse;  ///< of clouds that vary in fewer than k directions
  int threads = 0;                           ///< 0: all of the machine
  progress_callback on_progress = {};        ///< a step a head; may cancel
};

/// `principal_frame` and `pca_rank` of each of H clouds, in little more time than one of them:
/// tridiagonal forms of several clouds are solved together.
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
  std::vector<detail::cloud_spectrum> found(static_cast<std::size_t>(view.extent(0)));
  progress_meter meter(options.on_progress, "heads", view.extent(0));
  parallel_for(view.extent(0), options.threads, [&](index_t h) {
    found[static_cast<std::size_t>(h)] = detail::spectrum_of<scalar>(
        view[h], local_dimension, "clouds, head " + std::to_string(h), options.policy);
    meter.advance();
  });
  constexpr index_t together = detail::spectra_together<double>;
  parallel_for((view.extent(0) + together - 1) / together, options.threads, [&](index_t group) {
    detail::find_values(found, static_cast<std::size_t>(group * together));
  });
  std::vector<principal_spectrum> spectra;
  for (detail::cloud_spectrum& cloud : found)
    spectra.push_back({std::move(cloud.frame), cloud.varies
                                                   ? detail::pca_rank_of_values<double>(
                                                         cloud.exponent, cloud.values, options.rank)
                                                   : pca_rank_result{}});
  return spectra;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_SUBSPACE cloud_spectrum spectrum_of<float>(const tensor_view<const float, 2>&, index_t,
                                                    const std::string&, rank_policy);
ATLAS_OF_SUBSPACE cloud_spectrum spectrum_of<double>(const tensor_view<const double, 2>&, index_t,
                                                     const std::string&, rank_policy);
ATLAS_OF_SUBSPACE void find_values<void>(std::vector<cloud_spectrum>&, std::size_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
