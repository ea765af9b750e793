// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds without structure of their own that stand for a given one.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/surrogates/autocorrelation.hpp"
#include "atlas/dimension/surrogates/marginal.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/dimension/surrogates/passages.hpp"
#include "atlas/dimension/surrogates/principal.hpp"
#include "atlas/dimension/surrogates/serial.hpp"

namespace atlas::inline ATLAS_ABI {

/// Draws surrogates of a cloud: of its shape, and with exactly its mean and covariance (`marginal`:
/// exactly its coordinates' values, and nearly its covariance).
template <class Scalar>
class cloud_surrogates {
 public:
  /// \param points `[N, d]`, N >= 2, finite
  /// \throws shape_error for labels of another length; value_error for positions that repeat within
  ///         a context, and for serial and passages without labels
  explicit cloud_surrogates(const tensor_view<const Scalar, 2>& points,
                            surrogate_kind kind = surrogate_kind::independent,
                            const row_labels& labels = {})
      : kind_(detail::kind_for(kind, labels, points.extent(0))), shape_(points) {
    if (kind_ == surrogate_kind::marginal) marginal_.emplace(points, shape_);
    if (kind_ != surrogate_kind::serial && kind_ != surrogate_kind::passages) return;
    const detail::context_places places = detail::places_of(labels, points.extent(0));
    const row_matrix<double> z = shape_.coordinates(points);
    serial_.emplace(detail::group_components(autocorrelation_of(z, places)), places);
    if (kind_ == surrogate_kind::passages) passages_.emplace(z, places, chance(places));
  }

  /// What was asked for; `independent` or `passages` where that was `automatic`.
  [[nodiscard]] surrogate_kind kind() const { return kind_; }
  /// Whether contexts have covariances of their own in the draws; in none but `passages`.
  [[nodiscard]] bool passages_differ() const { return passages_ && passages_->active(); }

  /// Cloud number `number` of this seed, `[N, d]`.
  /// \throws value_error where it has numbers beyond the range of the scalar
  [[nodiscard]] owned_tensor<Scalar, 2> draw(std::uint64_t seed, std::uint64_t number) const {
    row_matrix<Scalar> z = normals(seed, number);
    if (marginal_) return marginal_->draw(std::move(z), shape_);
    if (serial_) serial_->apply(z);
    if (passages_) passages_->apply(z);
    return shape_.placed_standardized(z);
  }

 private:
  row_matrix<Scalar> normals(std::uint64_t seed, std::uint64_t number) const {
    row_matrix<Scalar> z(shape_.rows(), shape_.rank());
    random_stream(seed, number).fill_normal(z.data(), z.size());
    return z;
  }

  /// Standardized serial draw number `i` of those that the surrogates' own parameters are set by.
  row_matrix<Scalar> trial(const detail::serial_rows<Scalar>& serial, std::uint64_t i) const {
    constexpr std::uint64_t seed = 0x70617373;
    row_matrix<Scalar> z = normals(seed, i);
    serial.apply(z);
    return shape_.standardized(z);
  }

  /// The autocorrelation whose draws have that of the data on average: what is found in draws of
  /// what is found in the data is off again by the bias of a few contexts.
  detail::autocorrelation autocorrelation_of(const row_matrix<double>& z,
                                             const detail::context_places& places) const {
    detail::autocorrelation found = detail::pooled_autocorrelation(z, places);
    const detail::serial_rows<Scalar> first(detail::group_components(found), places);
    constexpr std::uint64_t draws = 8;
    Eigen::ArrayXXd mean = Eigen::ArrayXXd::Zero(found.values.rows(), found.values.cols());
    for (std::uint64_t i = 0; i < draws; ++i) {
      const row_matrix<double> drawn = trial(first, i).template cast<double>();
      mean += detail::pooled_autocorrelation(drawn, places).values / static_cast<double>(draws);
    }
    found.values = (2 * found.values - mean).cwiseMax(-1.0).cwiseMin(1.0);
    return found;
  }

  /// How far contexts differ by chance.
  std::vector<detail::passage_dispersion> chance(const detail::context_places& places) const {
    constexpr std::uint64_t draws = 8;
    std::vector<detail::passage_dispersion> out;
    for (std::uint64_t i = 0; i < draws; ++i)
      out.push_back(detail::dispersion_of(detail::deviations_of(trial(*serial_, i), places)));
    return out;
  }

  surrogate_kind kind_;
  detail::principal_shape<Scalar> shape_;
  std::optional<detail::serial_rows<Scalar>> serial_;
  std::optional<detail::passage_spread<Scalar>> passages_;
  std::optional<detail::marginal_rows<Scalar>> marginal_;
};

}  // namespace atlas::inline ATLAS_ABI
