// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eigenvalues of the covariance of a cloud or a neighbourhood, as it is and with each column
/// shuffled.

#include <Eigen/Core>
#include <cmath>
#include <utility>

#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Each column less its mean, and where asked over its standard deviation (constant ones stay 0).
template <class = lazy>
void centre_columns(row_matrix<double>& rows, bool standardise) {
  const Eigen::RowVectorXd mean = rows.colwise().mean();
  rows.rowwise() -= mean;
  if (!standardise) return;
  for (index_t c = 0; c < rows.cols(); ++c) {
    const double norm = rows.col(c).norm();
    rows.col(c) *= norm > 0 ? std::sqrt(static_cast<double>(rows.rows() - 1)) / norm : 0.0;
  }
}

/// Eigenvalues of the covariance of centred rows, by the smaller of both products, descending.
template <class = lazy>
Eigen::ArrayXd values_of_centred(const row_matrix<double>& rows) {
  Eigen::MatrixXd products;
  if (rows.rows() < rows.cols())
    products.noalias() = rows * rows.transpose();
  else
    products.noalias() = rows.transpose() * rows;
  products /= static_cast<double>(rows.rows() - 1);
  return symmetric_eigenvalues(std::move(products)).array();
}

/// Of the correlations, in place of a covariance.
template <class = lazy>
void divide_by_deviations(Eigen::MatrixXd& covariance) {
  const Eigen::ArrayXd variances = covariance.diagonal().array();
  const Eigen::VectorXd inverse = (variances > 0).select(variances.sqrt().inverse(), 0).matrix();
  covariance = inverse.asDiagonal() * covariance * inverse.asDiagonal();
}

template <class Scalar>
Eigen::ArrayXd values_of_cloud(const tensor_view<const Scalar, 2>& points, bool standardise) {
  if (points.extent(0) >= points.extent(1)) {
    cloud_moments m = moments(points);
    if (standardise) divide_by_deviations(m.covariance);
    return symmetric_eigenvalues(std::move(m.covariance)).array();
  }
  const shifted_rows<Scalar, double> shifted(points, scale_of_rows(points));
  row_matrix<double> rows(points.extent(0), points.extent(1));
  shifted.centre(0, points.extent(0), rows);
  centre_columns(rows, standardise);
  return values_of_centred(rows);
}

/// Each column in an order of its own. `at(i, c)` refers to elements of a copy.
template <class At>
void shuffle_columns(index_t rows, index_t columns, random_stream& random, At&& at) {
  for (index_t c = 0; c < columns; ++c)
    for (index_t i = rows - 1; i > 0; --i) std::swap(at(i, c), at(random.uniform_index(i + 1), c));
}

/// A cloud as rules look at it: its spectrum, and those of its shuffled columns.
template <class Scalar>
class spectra_of_cloud {
 public:
  spectra_of_cloud(const tensor_view<const Scalar, 2>& points, int threads)
      : points_(points), threads_(threads) {}

  index_t rows() const { return points_.extent(0); }
  index_t columns() const { return points_.extent(1); }
  int threads() const { return threads_; }

  Eigen::ArrayXd values(bool standardise) const { return values_of_cloud(points_, standardise); }
  Eigen::ArrayXd shuffled(random_stream random, bool standardise) const {
    owned_tensor<Scalar, 2> copy({rows(), columns()});
    const auto target = copy.mutable_view();
    for (index_t i = 0; i < rows(); ++i)
      for (index_t c = 0; c < columns(); ++c) target(i, c) = points_(i, c);
    shuffle_columns(rows(), columns(), random,
                    [&](index_t i, index_t c) -> Scalar& { return target(i, c); });
    return values_of_cloud<Scalar>(copy, standardise);
  }

 private:
  const tensor_view<const Scalar, 2>& points_;
  int threads_;
};

/// The same of a neighbourhood.
class spectra_of_offsets {
 public:
  explicit spectra_of_offsets(const row_matrix<double>& offsets) : offsets_(offsets) {}

  index_t rows() const { return offsets_.rows(); }
  index_t columns() const { return offsets_.cols(); }
  int threads() const { return 1; }

  template <class = lazy>
  Eigen::ArrayXd values(bool standardise) const {
    return values_of(offsets_, standardise);
  }
  template <class = lazy>
  Eigen::ArrayXd shuffled(random_stream random, bool standardise) const {
    row_matrix<double> copy = offsets_;
    shuffle_columns(rows(), columns(), random,
                    [&](index_t i, index_t c) -> double& { return copy(i, c); });
    return values_of(std::move(copy), standardise);
  }

 private:
  template <class = lazy>
  static Eigen::ArrayXd values_of(row_matrix<double> rows, bool standardise) {
    centre_columns(rows, standardise);
    return values_of_centred(rows);
  }

  const row_matrix<double>& offsets_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
