// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds that cannot carry an estimate of dimension, and why.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string_view>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI {

/// Why a cloud cannot carry an estimate of its dimension, or a comparison with Gaussian clouds.
enum class cloud_fault {
  none,
  too_few_ratios,     ///< fewer than two rows with neighbours at different distances
  mostly_duplicates,  ///< more than half of the rows equal another one, or one place to rounding
  few_rows,           ///< nearly all of the variance is that of a few rows
  one_direction,      ///< all rows on one line, to rounding
  no_estimate,        ///< the estimator has no dimension of these rows, for a reason of its own
};

/// What to say of it, as the end of a sentence that begins with the cloud: "none" for none.
[[nodiscard]] inline std::string_view describe(cloud_fault fault) {
  switch (fault) {
    case cloud_fault::too_few_ratios:
      return "fewer than two rows have neighbours at different distances";
    case cloud_fault::mostly_duplicates:
      return "more than half of the rows are equal, to rounding";
    case cloud_fault::few_rows:
      return "a few rows hold nearly all of the variance";
    case cloud_fault::one_direction:
      return "all rows lie on one line, to rounding";
    case cloud_fault::no_estimate:
      return "the estimator has no dimension of these rows";
    case cloud_fault::none:
      break;
  }
  return "none";
}

namespace detail {

/// Rows in double, and what rounding leaves in each coordinate.
template <class Real>
struct rounded_rows {
  row_matrix<Real> rows;
  Eigen::RowVectorX<Real> rounding;  ///< of a column's largest magnitude, in the scalar it came in
  double largest = 0;                ///< magnitude of all
};

template <class Scalar, class Real = double>
rounded_rows<Real> rows_with_rounding(const tensor_view<const Scalar, 2>& points) {
  const index_t n = points.extent(0), d = points.extent(1);
  rounded_rows<Real> out{row_matrix<Real>(n, d), Eigen::RowVectorX<Real>::Zero(d)};
  for (index_t i = 0; i < n; ++i) {
    for (index_t k = 0; k < d; ++k) out.rows(i, k) = static_cast<double>(points(i, k));
    out.rounding = out.rounding.cwiseMax(out.rows.row(i).cwiseAbs());
  }
  out.largest = out.rounding.maxCoeff();
  out.rounding *= static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  return out;
}

/// Whether rows a and b differ by no more than `roundings` in each coordinate.
template <class Real>
bool rows_agree(const rounded_rows<Real>& cloud, index_t a, index_t b, double roundings) {
  for (index_t k = 0; k < cloud.rows.cols(); ++k)
    if (!(std::abs(cloud.rows(a, k) - cloud.rows(b, k)) <= roundings * cloud.rounding[k]))
      return false;
  return true;
}

/// Whether more than half of the rows are at one place. Pairs of rows that differ cancel each other
/// (Boyer and Moore's majority vote), so that a row of that place is left, or one that agrees with
/// it. Rows within one rounding of a place are within two of each other and four of that row.
template <class Real>
bool mostly_at_one_place(const rounded_rows<Real>& cloud) {
  const index_t n = cloud.rows.rows();
  index_t candidate = 0, votes = 0;
  for (index_t i = 0; i < n; ++i) {
    if (votes == 0) candidate = i;
    votes += rows_agree(cloud, candidate, i, 2) ? 1 : -1;
  }
  if (votes == 0) return false;
  index_t apart = 0;
  for (index_t i = 0; i < n && 2 * apart < n; ++i)
    if (!rows_agree(cloud, candidate, i, 4)) ++apart;
  return 2 * apart < n;
}

/// Takes the mean from the rows and scales them, with their rounding, by a power of two to about 1.
/// The first row is taken first, so that the mean's own rounding is of the differences.
template <class Real>
void centre_rows(rounded_rows<Real>& cloud) {
  const double first_scale = scale_to_one(cloud.largest);
  const Eigen::RowVectorX<Real> first = cloud.rows.row(0) * first_scale;
  Eigen::RowVectorX<Real> sum = Eigen::RowVectorX<Real>::Zero(first.size()), largest = sum;
  for (index_t i = 0; i < cloud.rows.rows(); ++i) {
    cloud.rows.row(i) = cloud.rows.row(i) * first_scale - first;
    sum += cloud.rows.row(i);
    largest = largest.cwiseMax(cloud.rows.row(i).cwiseAbs());
  }
  const double scale = scale_to_one(largest.maxCoeff());
  const Eigen::RowVectorX<Real> mean = sum * (scale / static_cast<double>(cloud.rows.rows()));
  for (index_t i = 0; i < cloud.rows.rows(); ++i)
    cloud.rows.row(i) = cloud.rows.row(i) * scale - mean;
  cloud.rounding = cloud.rounding * first_scale * scale;
}

/// Whether 1 row in 50, at least one, holds 99 % of the variance, or of the share `1 - m/N` that m
/// rows at one place have of it when all others are at another. Of fewer than 10 rows none is few.
template <class Real>
bool held_by_few_rows(const Eigen::VectorX<Real>& squares) {
  const index_t n = squares.size(), few = (std::max)(index_t{1}, n / 50);
  const double sum = squares.sum();
  if (n < 10 || !(sum > 0)) return false;
  std::vector<double> sorted(squares.begin(), squares.end());
  std::nth_element(sorted.begin(), sorted.begin() + few, sorted.end(), std::greater<>());
  const double held = std::accumulate(sorted.begin(), sorted.begin() + few, 0.0);
  return held >= 0.99 * (1 - static_cast<double>(few) / static_cast<double>(n)) * sum;
}

/// Whether what is across the direction of the farthest row is no more than rounding, in each
/// coordinate: its own rounding, and that of the place along the line.
template <class Real>
bool along_one_direction(const rounded_rows<Real>& centred, index_t farthest) {
  const Eigen::RowVectorX<Real> direction = centred.rows.row(farthest).normalized();
  const Eigen::RowVectorX<Real> bound =
      centred.rounding + direction.cwiseAbs().dot(centred.rounding) * direction.cwiseAbs();
  const Eigen::RowVectorX<Real> most =
      4 * static_cast<double>(centred.rows.rows()) * bound.cwiseAbs2();
  Eigen::RowVectorX<Real> across = Eigen::RowVectorX<Real>::Zero(direction.size());
  for (index_t i = 0; i < centred.rows.rows(); ++i) {
    across += (centred.rows.row(i) - centred.rows.row(i).dot(direction) * direction).cwiseAbs2();
    if ((across.array() > most.array()).any()) return false;
  }
  return true;
}

/// What the rows alone say; finite ones.
template <class Scalar>
cloud_fault fault_of_rows(const tensor_view<const Scalar, 2>& points) {
  rounded_rows<double> cloud = rows_with_rounding(points);
  const bool one_place = mostly_at_one_place(cloud);
  centre_rows(cloud);
  const Eigen::VectorXd squares = cloud.rows.rowwise().squaredNorm();
  index_t farthest = 0;
  squares.maxCoeff(&farthest);
  if (held_by_few_rows(squares)) return cloud_fault::few_rows;
  if (one_place) return cloud_fault::mostly_duplicates;
  if (cloud.rows.cols() > 1 && along_one_direction(cloud, farthest))
    return cloud_fault::one_direction;
  return cloud_fault::none;
}

}  // namespace detail

/// Whether a cloud can carry an estimate of its dimension and a comparison with Gaussian clouds of
/// its covariance, as far as its rows alone say; `two_nn_result::fault` also knows distances.
///
/// A head whose weight is nearly always on one key leaves residuals that are zero, or of any size
/// between rounding and the few that are not. TwoNN then measures how sizes are spread, and the
/// covariance is that of the few: the distance of the two in standard deviations says nothing.
/// Faults are, in this order: 1 row in 50 (at least one, of 10 or more) that holds 99 % of the
/// variance; more than half of the rows within a few roundings of one place; all rows within
/// rounding of one line, in more than one coordinate. Rounding is of each coordinate's largest
/// magnitude, in the points' scalar. Outliers, heavy tails and clusters that leave more than 1 % of
/// the variance to the other rows are no fault.
///
/// \param points `[N, d]`
/// \throws shape_error for no rows; value_error for NaN
///
/// O(N d) time and memory.
template <real_tensor<2> Points>
[[nodiscard]] cloud_fault fault_of_cloud(const Points& points) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  check_not_empty(view, "points");
  check_finite(view, "points");
  return detail::fault_of_rows(view);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION cloud_fault fault_of_rows<float>(const tensor_view<const float, 2>&);
ATLAS_OF_DIMENSION cloud_fault fault_of_rows<double>(const tensor_view<const double, 2>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
