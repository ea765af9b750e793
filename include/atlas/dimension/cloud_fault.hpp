#pragma once
/// \file
/// Clouds that cannot carry an estimate of dimension, and why.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas {

/// Why a cloud cannot carry an estimate of its dimension, or a comparison with Gaussian clouds.
enum class cloud_fault {
  none,
  too_few_ratios,     ///< fewer than two rows with neighbours at different distances
  mostly_duplicates,  ///< more than half of the rows equal another one, or one place to rounding
  few_rows,           ///< nearly all of the variance is that of a few rows
  one_direction,      ///< all rows on one line, to rounding
};

/// What to say of it, as the end of a sentence that begins with the cloud: "none" for none.
inline std::string_view describe(cloud_fault fault) {
  switch (fault) {
    case cloud_fault::too_few_ratios:
      return "fewer than two rows have neighbours at different distances";
    case cloud_fault::mostly_duplicates:
      return "more than half of the rows are equal, to rounding";
    case cloud_fault::few_rows:
      return "a few rows hold nearly all of the variance";
    case cloud_fault::one_direction:
      return "all rows lie on one line, to rounding";
    case cloud_fault::none:
      break;
  }
  return "none";
}

namespace detail {

/// The rows, in double, by a power of two at most about 1, and what rounding that leaves in them.
template <class Real>
struct scaled_cloud {
  row_matrix<Real> rows;
  double rounding = 0;  ///< of the largest coordinate, in the scalar that it came in
};

template <class Scalar, class Real = double>
scaled_cloud<Real> scale_cloud(const tensor_view<const Scalar, 2>& points) {
  const double largest = largest_magnitude(points), scale = scale_to_one(largest);
  scaled_cloud<Real> out{
      row_matrix<Real>(points.extent(0), points.extent(1)),
      static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * largest * scale};
  for (index_t i = 0; i < out.rows.rows(); ++i)
    for (index_t k = 0; k < out.rows.cols(); ++k)
      out.rows(i, k) = static_cast<double>(points(i, k)) * scale;
  return out;
}

/// Whether more than half of the rows are at one place: then the median of each coordinate is of
/// that place.
template <class Real>
bool mostly_at_one_place(const scaled_cloud<Real>& cloud) {
  const index_t n = cloud.rows.rows(), d = cloud.rows.cols();
  std::vector<double> column(static_cast<std::size_t>(n)), apart(column.size(), 0.0);
  for (index_t k = 0; k < d; ++k) {
    for (index_t i = 0; i < n; ++i) column[static_cast<std::size_t>(i)] = cloud.rows(i, k);
    const auto middle = column.begin() + n / 2;
    std::nth_element(column.begin(), middle, column.end());
    const double median = *middle;
    for (index_t i = 0; i < n; ++i) {
      double& gap = apart[static_cast<std::size_t>(i)];
      gap = (std::max)(gap, std::abs(cloud.rows(i, k) - median));
    }
  }
  const auto together =
      std::count_if(apart.begin(), apart.end(), [&](double gap) { return gap <= cloud.rounding; });
  return 2 * together > n;
}

/// Takes the mean from the rows and scales them to about 1. \return what was rounding before
template <class Real>
double centre_cloud(scaled_cloud<Real>& cloud) {
  const Eigen::RowVectorX<Real> mean = cloud.rows.colwise().mean();
  cloud.rows.rowwise() -= mean;
  const double scale = scale_to_one(cloud.rows.cwiseAbs().maxCoeff());
  cloud.rows *= scale;
  return cloud.rounding * scale;
}

/// Rows as many as would share the variance evenly: `(sum s)^2 / sum s^2` of squared distances s
/// from the mean. N d / (d + 2) of a Gaussian in d dimensions.
template <class Real>
double effective_rows(const row_matrix<Real>& centred) {
  const Eigen::VectorX<Real> squares = centred.rowwise().squaredNorm();
  const double sum = squares.sum();
  return sum > 0 ? sum * sum / squares.squaredNorm() : static_cast<double>(squares.size());
}

/// Whether what is across the direction of the farthest row is no more than rounding.
template <class Real>
bool along_one_direction(const row_matrix<Real>& centred, double rounding) {
  index_t farthest = 0;
  centred.rowwise().squaredNorm().maxCoeff(&farthest);
  const Eigen::RowVectorX<Real> direction = centred.row(farthest).normalized();
  double across = 0;
  for (index_t i = 0; i < centred.rows(); ++i)
    across += (centred.row(i) - centred.row(i).dot(direction) * direction).squaredNorm();
  return across <= 4 * rounding * rounding * static_cast<double>(centred.size());
}

/// What the rows alone say; finite ones.
template <class Scalar>
cloud_fault fault_of_rows(const tensor_view<const Scalar, 2>& points) {
  scaled_cloud<double> cloud = scale_cloud(points);
  const bool one_place = mostly_at_one_place(cloud);
  const double rounding = centre_cloud(cloud);
  const double least = (std::max)(1.5, static_cast<double>(cloud.rows.rows()) / 20);
  if (effective_rows(cloud.rows) < least) return cloud_fault::few_rows;
  if (one_place) return cloud_fault::mostly_duplicates;
  if (cloud.rows.cols() > 1 && along_one_direction(cloud.rows, rounding))
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
/// Faults are, in this order: an effective number of rows, `(sum s)^2 / sum s^2` of squared
/// distances s from the mean, below 1/20 of all or 1.5; more than half of the rows within rounding
/// (of the largest coordinate, in the points' scalar) of one place; all rows within rounding of one
/// line, in more than one coordinate.
///
/// \param points `[N, d]`
/// \throws shape_error for no rows; value_error for NaN
///
/// O(N d) time and memory.
template <tensor_like<2> Points>
cloud_fault fault_of_cloud(const Points& points) {
  using scalar = scalar_of<Points, 2>;
  const auto held = as_view<2>(points);
  const tensor_view<const scalar, 2>& view = held;
  detail::check_not_empty(view, "points");
  detail::check_finite(view, "points");
  return detail::fault_of_rows(view);
}

}  // namespace atlas
