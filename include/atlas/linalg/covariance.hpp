#pragma once
/// \file
/// Mean and covariance of a cloud.

#include <Eigen/Core>
#include <algorithm>
#include <utility>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/gram.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas {

/// First and second moments of a cloud of N rows, in double.
struct cloud_moments {
  Eigen::VectorXd mean;        ///< `[d]`
  Eigen::MatrixXd covariance;  ///< `[d, d]`, centred, divided by N - 1 (by 1 for a single row)
};

namespace detail {

/// Calls `visit(k, element)` for the elements of a row; a loop of its own where they are
/// neighbours.
template <class Scalar, class Visit>
void for_each_in_row(const tensor_view<const Scalar, 2>& points, index_t row, Visit&& visit) {
  const index_t d = points.extent(1), across = points.stride(1);
  const Scalar* const source = points.data() + row * points.stride(0);
  if (across == 1)
    for (index_t k = 0; k < d; ++k) visit(k, static_cast<double>(source[k]));
  else
    for (index_t k = 0; k < d; ++k) visit(k, static_cast<double>(source[k * across]));
}

/// Rows `from` .. `from + count` less the mean, at the left of `out`.
template <class Scalar, class Real>
void centred_rows(const tensor_view<const Scalar, 2>& points, index_t from, index_t count,
                  const Eigen::VectorX<Real>& mean, row_matrix<Real>& out) {
  for (index_t i = 0; i < count; ++i) {
    Real* const target = out.data() + i * out.cols();
    const Real* const centre = mean.data();
    for_each_in_row(points, from + i, [&](index_t k, double x) { target[k] = x - centre[k]; });
  }
}

/// Adds `rows^T rows` of the first `count` rows to the lower triangle.
template <class Real>
void add_products(const row_matrix<Real>& rows, index_t count, Eigen::MatrixX<Real>& sum) {
  constexpr index_t narrow = 512;  // a few rows fit into the nearest cache
  if (rows.cols() <= narrow)
    add_gram(rows.data(), count, rows.cols(), sum.data());
  else
    sum.template selfadjointView<Eigen::Lower>().rankUpdate(rows.topRows(count).transpose());
}

/// Two passes over the points; O(N d^2) time, O(d^2) memory. The same bits for every storage order.
template <class Scalar, class Real = double>
cloud_moments moments(const tensor_view<const Scalar, 2>& points) {
  constexpr index_t block = 64;
  const index_t n = points.extent(0), d = points.extent(1);
  const index_t padded = (d + gram_padding - 1) / gram_padding * gram_padding;
  row_matrix<Real> rows = row_matrix<Real>::Zero(block, padded);
  Eigen::VectorX<Real> mean = Eigen::VectorX<Real>::Zero(d);
  Real* const total = mean.data();
  for (index_t i = 0; i < n; ++i)
    for_each_in_row(points, i, [&](index_t k, double x) { total[k] += x; });
  mean /= static_cast<double>(n);
  Eigen::MatrixX<Real> sum = Eigen::MatrixX<Real>::Zero(padded, padded);
  for (index_t i = 0; i < n; i += block) {
    const index_t count = (std::min)(block, n - i);
    centred_rows(points, i, count, mean, rows);
    add_products(rows, count, sum);
  }
  Eigen::MatrixX<Real> covariance = sum.topLeftCorner(d, d);
  covariance.template triangularView<Eigen::StrictlyUpper>() = covariance.transpose();
  covariance /= static_cast<double>(std::max<index_t>(1, n - 1));
  return {std::move(mean), std::move(covariance)};
}

}  // namespace detail
}  // namespace atlas
