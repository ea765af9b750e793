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
#include "atlas/core/vector_functions.hpp"
#include "atlas/core/vector_of.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"

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

/// Rows of a cloud, each in one piece of memory, and what rounding leaves in each coordinate.
template <class Scalar>
struct rounded_rows {
  explicit rounded_rows(const tensor_view<const Scalar, 2>& points)
      : count(points.extent(0)), d(points.extent(1)) {
    raw.load(points, 0, count);
    std::vector<double> most = padded_zeros();
    for (index_t i = 0; i < count; ++i)
      for_each_vector(raw.row(i), d, [&](index_t k, double_vector x) {
        widen(most.data() + k, doubles::magnitude(x));
      });
    largest = *std::max_element(most.begin(), most.end());
    rounding = Eigen::Map<const Eigen::RowVectorXd>(most.data(), d) *
               static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  }

  using doubles = vector_of<double>;

  /// Zeros, one a column, up to whole vectors.
  std::vector<double> padded_zeros() const {
    constexpr index_t lanes = doubles::lanes;
    return std::vector<double>(static_cast<std::size_t>((d + lanes - 1) / lanes * lanes));
  }

  /// Replaces numbers by larger ones.
  static void widen(double* most, double_vector x) {
    doubles::store(most, doubles::larger(doubles::load(most), x));
  }

  double at(index_t i, index_t k) const { return static_cast<double>(raw.row(i)[k]); }

  index_t count, d;
  raw_rows<Scalar> raw;
  Eigen::RowVectorXd rounding;  ///< of a column's largest magnitude, in the scalar it came in
  double largest = 0;           ///< magnitude of all
};

/// Whether rows a and b differ by no more than `roundings` in each coordinate.
template <class Scalar>
bool rows_agree(const rounded_rows<Scalar>& cloud, index_t a, index_t b, double roundings) {
  for (index_t k = 0; k < cloud.d; ++k)
    if (!(std::abs(cloud.at(a, k) - cloud.at(b, k)) <= roundings * cloud.rounding[k])) return false;
  return true;
}

/// Whether more than half of the rows are at one place. Pairs of rows that differ cancel each other
/// (Boyer and Moore's majority vote), so that a row of that place is left, or one that agrees with
/// it. Rows within one rounding of a place are within two of each other and four of that row.
template <class Scalar>
bool mostly_at_one_place(const rounded_rows<Scalar>& cloud) {
  index_t candidate = 0, votes = 0;
  for (index_t i = 0; i < cloud.count; ++i) {
    if (votes == 0) {
      candidate = i;
      votes = 1;
    } else {
      votes += rows_agree(cloud, candidate, i, 2) ? 1 : -1;
    }
  }
  if (votes == 0) return false;
  index_t apart = 0;
  for (index_t i = 0; i < cloud.count && 2 * apart < cloud.count; ++i)
    if (!rows_agree(cloud, candidate, i, 4)) ++apart;
  return 2 * apart < cloud.count;
}

/// Rows less their mean, scaled by a power of two to about 1, computed as they are asked for. The
/// first row is taken first, so that the mean's own rounding is of the differences.
template <class Scalar>
class centred_rows {
 public:
  /// \param cloud has to live as long
  explicit centred_rows(const rounded_rows<Scalar>& cloud)
      : cloud_(cloud),
        first_scale_(scale_to_one(cloud.largest)),
        first_(cloud.padded_zeros()),
        mean_(cloud.padded_zeros()) {
    for (index_t k = 0; k < cloud.d; ++k)
      first_[static_cast<std::size_t>(k)] = cloud.at(0, k) * first_scale_;
    std::vector<double> most = cloud.padded_zeros();
    using doubles = vector_of<double>;
    for (index_t i = 0; i < cloud.count; ++i)
      for_each_vector(cloud.raw.row(i), cloud.d, [&](index_t k, double_vector x) {
        const double_vector gap = x * doubles::all(first_scale_) - doubles::load(first_.data() + k);
        doubles::store(mean_.data() + k, doubles::load(mean_.data() + k) + gap);
        cloud.widen(most.data() + k, doubles::magnitude(gap));
      });
    scale_ = scale_to_one(*std::max_element(most.begin(), most.end()));
    for (double& m : mean_) m *= scale_ / static_cast<double>(cloud.count);
  }

  double at(index_t i, index_t k) const {
    const auto c = static_cast<std::size_t>(k);
    return (cloud_.at(i, k) * first_scale_ - first_[c]) * scale_ - mean_[c];
  }

  Eigen::RowVectorXd row(index_t i) const {
    return Eigen::RowVectorXd::NullaryExpr(cloud_.d, [&](index_t k) { return at(i, k); });
  }

  /// The squared length of each row.
  Eigen::VectorXd squares() const {
    return Eigen::VectorXd::NullaryExpr(cloud_.count, [&](index_t i) {
      return sum_of_squares(cloud_.d, [&](index_t k) { return at(i, k); });
    });
  }

  Eigen::RowVectorXd rounding() const { return cloud_.rounding * first_scale_ * scale_; }
  index_t count() const { return cloud_.count; }

 private:
  const rounded_rows<Scalar>& cloud_;
  double first_scale_, scale_ = 1;
  std::vector<double> first_, mean_;
};

/// Whether 1 row in 50, at least one, holds 99 % of the variance, or of the share `1 - m/N` that m
/// rows at one place have of it when all others are at another. Of fewer than 10 rows none is few.
inline bool held_by_few_rows(const Eigen::VectorXd& squares) {
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
template <class Scalar>
bool along_one_direction(const centred_rows<Scalar>& centred, index_t farthest) {
  const Eigen::RowVectorXd direction = centred.row(farthest).normalized();
  const Eigen::RowVectorXd rounding = centred.rounding();
  const Eigen::RowVectorXd bound =
      rounding + direction.cwiseAbs().dot(rounding) * direction.cwiseAbs();
  const Eigen::RowVectorXd most = 4 * static_cast<double>(centred.count()) * bound.cwiseAbs2();
  Eigen::RowVectorXd across = Eigen::RowVectorXd::Zero(direction.size());
  for (index_t i = 0; i < centred.count(); ++i) {
    const Eigen::RowVectorXd row = centred.row(i);
    across += (row - row.dot(direction) * direction).cwiseAbs2();
    if ((across.array() > most.array()).any()) return false;
  }
  return true;
}

/// What the rows alone say; finite ones.
template <class Scalar>
cloud_fault fault_of_rows(const tensor_view<const Scalar, 2>& points) {
  const rounded_rows<Scalar> cloud(points);
  const centred_rows<Scalar> centred(cloud);
  const Eigen::VectorXd squares = centred.squares();
  if (held_by_few_rows(squares)) return cloud_fault::few_rows;
  if (mostly_at_one_place(cloud)) return cloud_fault::mostly_duplicates;
  index_t farthest = 0;
  squares.maxCoeff(&farthest);
  if (cloud.d > 1 && along_one_direction(centred, farthest)) return cloud_fault::one_direction;
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
/// O(N d) time, O(N + d) memory; a copy of points that are not stored row by row.
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
