// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A cloud as its mean, covariance and rows in principal coordinates of unit variance, where
/// surrogates are drawn.

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Row z in principal coordinates is `mean + z shape` in the cloud's own. Components are in
/// descending order of variance; those without any are left out.
template <class Scalar, class Real = double>
class principal_shape {
 public:
  /// \param points `[N, d]`
  explicit principal_shape(const tensor_view<const Scalar, 2>& points) : rows_(points.extent(0)) {
    const spectrum all = points.extent(1) <= rows_ ? of_columns(points) : of_rows(points);
    constexpr double nothing = 1e-12;  // of the largest variance: rounding of the data
    const Eigen::VectorX<Real>& values = all.basis.values;
    const index_t most = (std::min)(values.size(), rows_ - 1);
    index_t rank = 0;
    while (rank < most && values(rank) > 0 && values(rank) > nothing * values(0)) ++rank;
    exponent_ = all.exponent;
    spread_ = values.head(rank).cwiseSqrt();
    vectors_ = all.basis.vectors.leftCols(rank);
    if (points.extent(1) > rows_)
      vectors_ = centred(points).transpose() * vectors_ *
                 (spread_ * std::sqrt(static_cast<Real>(rows_ - 1))).cwiseInverse().asDiagonal();
    const Real scale = std::ldexp(Real(1), -exponent_);
    shape_ = ((vectors_ * spread_.asDiagonal()).transpose() * scale).template cast<Scalar>();
    mean_ = all.mean.transpose().template cast<Scalar>();
  }

  index_t rows() const { return rows_; }
  index_t rank() const { return spread_.size(); }  ///< at most N - 1
  const Eigen::VectorX<Real>& spread() const { return spread_; }

  /// The rows of the points in principal coordinates of unit variance, `[N, rank]`.
  row_matrix<Real> coordinates(const tensor_view<const Scalar, 2>& points) const {
    const Eigen::MatrixX<Real> to_unit = vectors_ * spread_.cwiseInverse().asDiagonal();
    return centred(points) * to_unit;
  }

  /// Rows of mean 0 and exactly unit covariance, as those of the points are: what Gaussian rows
  /// are, given their mean and covariance, so that no error of the moments is in a comparison. A
  /// component loses what it has in common with those of larger variance. Where rows are so few or
  /// so alike that they do not vary in as many components they are centred alone.
  row_matrix<Scalar> standardized(const row_matrix<Scalar>& z) const {
    const standardization to_unit = standardization_of(z);
    row_matrix<Scalar> out = z * to_unit.map.template cast<Scalar>();
    out.rowwise() -= (to_unit.mean.transpose() * to_unit.map).template cast<Scalar>();
    return out;
  }

  /// The cloud, `[N, d]`, of rows in principal coordinates.
  /// \throws value_error where it has numbers beyond the range of the scalar
  owned_tensor<Scalar, 2> placed(const row_matrix<Scalar>& z) const {
    return placed(z, shape_, mean_);
  }

  /// That of `standardized(z)`, in one product.
  owned_tensor<Scalar, 2> placed_standardized(const row_matrix<Scalar>& z) const {
    const standardization to_unit = standardization_of(z);
    const Eigen::MatrixX<Real> map = to_unit.map * shape_.template cast<Real>();
    const Eigen::RowVectorX<Real> offset =
        mean_.template cast<Real>() - to_unit.mean.transpose() * map;
    return placed(z, map.template cast<Scalar>(), offset.template cast<Scalar>());
  }

 private:
  /// Rows less `mean`, times `map`, have unit covariance.
  struct standardization {
    Eigen::VectorX<Real> mean;
    Eigen::MatrixX<Real> map;
  };

  standardization standardization_of(const row_matrix<Scalar>& z) const {
    const Eigen::MatrixX<Real> unit = Eigen::MatrixX<Real>::Identity(rank(), rank());
    if (rank() == 0) return {Eigen::VectorX<Real>(0), unit};
    const tensor_view<const Scalar, 2> rows(z.data(), {z.rows(), z.cols()});
    const cloud_moments m = moments_by<Scalar, Real>(rows, {});
    const Eigen::LLT<Eigen::MatrixX<Real>> factor(m.covariance);
    constexpr double alike = 1e-6;  // share of a component's sd that others leave of it
    if (factor.info() != eigen_success || (factor.matrixLLT().diagonal().array() < alike).any())
      return {m.mean, unit};
    return {m.mean, factor.matrixU().solve(unit)};
  }

  owned_tensor<Scalar, 2> placed(const row_matrix<Scalar>& z, const Eigen::MatrixX<Scalar>& map,
                                 const Eigen::RowVectorX<Scalar>& offset) const {
    owned_tensor<Scalar, 2> cloud({rows_, offset.size()});
    Eigen::Map<row_matrix<Scalar>> out(cloud.mutable_view().data(), rows_, offset.size());
    out.noalias() = z * map;
    out.rowwise() += offset;
    // A sum is finite only where all that is summed is.
    if (!std::isfinite(out.sum()) && !all_finite(cloud))
      throw value_error("points", "values whose Gaussian surrogates its scalar can hold",
                        "surrogates beyond its range (multiply the points by a small constant)");
    return cloud;
  }

  /// Variances and their directions: of the covariance of the columns, or where these are more than
  /// the rows of the products of rows, which has the same variances.
  struct spectrum {
    eigenbasis basis;
    Eigen::VectorX<Real> mean;
    int exponent = 0;
  };

  static spectrum of_columns(const tensor_view<const Scalar, 2>& points) {
    const cloud_moments m = moments(points);
    return {symmetric_eigenbasis(m.covariance), m.mean, m.exponent};
  }

  static spectrum of_rows(const tensor_view<const Scalar, 2>& points) {
    const row_scale<Real> scale = squarable_scale(points);
    const shifted_rows<Scalar, Real> shifted(points, scale);
    row_matrix<Real> x(points.extent(0), points.extent(1));
    shifted.centre(0, x.rows(), x);
    const auto degrees = static_cast<Real>((std::max)(index_t{1}, x.rows() - 1));
    return {symmetric_eigenbasis(x * x.transpose() / degrees), shifted.mean(), scale.exponent()};
  }

  /// The rows of the points less their mean, times `2^exponent`.
  row_matrix<Real> centred(const tensor_view<const Scalar, 2>& points) const {
    const auto scale = exponent_ == 0 ? row_scale<Real>{} : scale_of_rows<Scalar, Real>(points);
    row_matrix<Real> rows(points.extent(0), points.extent(1));
    shifted_rows<Scalar, Real>(points, scale).centre(0, rows.rows(), rows);
    return rows;
  }

  index_t rows_;
  int exponent_ = 0;
  Eigen::VectorX<Real> spread_;
  Eigen::MatrixX<Real> vectors_;
  Eigen::MatrixX<Scalar> shape_;
  Eigen::RowVectorX<Scalar> mean_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
