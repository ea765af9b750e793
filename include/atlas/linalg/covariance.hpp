#pragma once
/// \file
/// Mean and covariance of a cloud.

#include <Eigen/Core>
#include <algorithm>
#include <utility>

#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// First and second moments of a cloud of N rows, in double.
struct cloud_moments {
  Eigen::VectorXd mean;        ///< `[d]`
  Eigen::MatrixXd covariance;  ///< `[d, d]`, centred, divided by N - 1 (by 1 for a single row)
};

namespace detail {

/// Rows `from` .. `from + rows` less the mean.
template <class Scalar>
void centred_rows(const tensor_view<const Scalar, 2>& points, index from, index rows,
                  const Eigen::VectorXd& mean,
                  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& out) {
  out.resize(rows, points.extent(1));
  for (index i = 0; i < rows; ++i)
    for (index k = 0; k < points.extent(1); ++k)
      out(i, k) = static_cast<double>(points(from + i, k)) - mean(k);
}

/// Two passes over the points; O(N d^2) time, O(d^2) memory. The same bits for every storage order.
template <class Scalar, class Real = double>
cloud_moments moments(const tensor_view<const Scalar, 2>& points) {
  const index n = points.extent(0), d = points.extent(1);
  Eigen::VectorX<Real> mean = Eigen::VectorX<Real>::Zero(d);
  Eigen::MatrixX<Real> covariance = Eigen::MatrixX<Real>::Zero(d, d);
  for (index i = 0; i < n; ++i)
    for (index k = 0; k < d; ++k) mean(k) += static_cast<double>(points(i, k));
  mean /= static_cast<double>(n);
  constexpr index block = 256;
  Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows;
  for (index i = 0; i < n; i += block) {
    centred_rows(points, i, std::min(block, n - i), mean, rows);
    covariance.template selfadjointView<Eigen::Lower>().rankUpdate(rows.transpose());
  }
  covariance.template triangularView<Eigen::StrictlyUpper>() = covariance.transpose();
  covariance /= static_cast<double>(std::max<index>(1, n - 1));
  return {std::move(mean), std::move(covariance)};
}

}  // namespace detail
}  // namespace atlas
