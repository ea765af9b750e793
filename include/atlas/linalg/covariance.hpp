// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Mean and covariance of a cloud.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_functions.hpp"
#include "atlas/linalg/gram.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI {

/// First and second moments of a cloud of N rows, in double.
struct cloud_moments {
  Eigen::VectorXd mean;        ///< `[d]`
  Eigen::MatrixXd covariance;  ///< `[d, d]`, centred, divided by N - 1 (by 1 for a single row); of
                               ///< the cloud times `2^exponent`
  int exponent = 0;            ///< other than 0 where a double cannot hold squares of the cloud's
};

namespace detail {

/// Calls `visit(k, element)` for the elements of a row. Rows whose elements are neighbours in
/// memory have a separate loop, which compilers turn into vectors.
template <class Scalar, class Visit>
void for_each_in_row(const tensor_view<const Scalar, 2>& points, index_t row, Visit&& visit) {
  const index_t d = points.extent(1), across = points.stride(1);
  const Scalar* const source = points.data() + row * points.stride(0);
  if (across == 1)
    for (index_t k = 0; k < d; ++k) visit(k, static_cast<double>(source[k]));
  else
    for (index_t k = 0; k < d; ++k) visit(k, static_cast<double>(source[k * across]));
}

/// How rows are brought to numbers that can be squared: `(before x - before pivot) after`.
template <class Real = double>
struct row_scale {
  Real before = 1;  ///< 1, or 1/2 where differences of rows may be too large
  Real after = 1;   ///< a power of two

  int exponent() const { return std::ilogb(before) + std::ilogb(after); }
};

/// What brings the largest difference of a row from the first to about 1.
template <class Scalar, class Real = double>
row_scale<Real> scale_of_rows(const tensor_view<const Scalar, 2>& points) {
  row_scale<Real> out;
  const auto largest_gap = [&] {
    Real gap = 0;
    for (index_t i = 1; i < points.extent(0); ++i)
      for (index_t k = 0; k < points.extent(1); ++k)
        gap = (std::max)(gap, std::abs(out.before * static_cast<Real>(points(i, k)) -
                                       out.before * static_cast<Real>(points(0, k))));
    return gap;
  };
  Real largest = largest_gap();
  if (largest > (std::numeric_limits<Real>::max)()) {
    out.before = Real(0.5);
    largest = largest_gap();
  }
  out.after = scale_to_one(largest);
  return out;
}

/// The same, or none where squares are far from both ends of what a double can hold, as those of
/// float are.
template <class Scalar, class Real = double>
row_scale<Real> squarable_scale(const tensor_view<const Scalar, 2>& points) {
  if (sizeof(Scalar) < sizeof(Real)) return {};
  const row_scale<Real> scale = scale_of_rows<Scalar, Real>(points);
  return std::abs(scale.exponent()) <= 300 ? row_scale<Real>{} : scale;
}

/// Rows less a pivot, in `out`, and their sum, of 16 columns that are neighbours in memory: sums
/// and pivot stay in registers.
/// \param stride, out_stride from row to row
template <class Scalar, class Real>
void shift_columns(const Scalar* rows, index_t stride, index_t count, const Real* pivot, Real* out,
                   index_t out_stride, Real* total) {
  constexpr int width = 16;
  const index_t ahead = 64 * stride;
  Real middle[width], sum[width];
  std::copy_n(pivot, width, middle);
  std::copy_n(total, width, sum);
  for (index_t i = 0; i < count; ++i, rows += stride, out += out_stride) {
    prefetch_line(rows + ahead);
#pragma GCC unroll 16
    for (int k = 0; k < width; ++k) {
      const Real x = static_cast<Real>(rows[k]) - middle[k];
      out[k] = x;
      sum[k] += x;
    }
  }
  std::copy_n(sum, width, total);
}

/// The rows of a cloud, scaled, less the first of them: a common offset costs no digits of what is
/// summed.
template <class Scalar, class Real>
class shifted_rows {
 public:
  /// The points outlive it.
  /// \param count rows that the mean is of: the first of them, or all
  shifted_rows(const tensor_view<const Scalar, 2>& points, const row_scale<Real>& scale,
               index_t count = (std::numeric_limits<index_t>::max)())
      : points_(points),
        scale_(scale),
        pivot_(Eigen::VectorX<Real>(points.extent(1))),
        mean_(Eigen::VectorX<Real>::Zero(points.extent(1))) {
    for_each_in_row(points, 0, [&](index_t k, double x) { pivot_(k) = x * scale_.before; });
    Real* const total = mean_.data();
    count = (std::min)(count, points.extent(0));
    for (index_t i = 0; i < count; ++i) visit_row(i, [&](index_t k, Real x) { total[k] += x; });
    mean_ /= static_cast<Real>(count);
  }

  /// Of the rows as given.
  Eigen::VectorX<Real> mean() const { return (pivot_ + mean_ / scale_.after) / scale_.before; }

  /// Rows `from` .. `from + count` less the mean, at the left of `out`.
  void centre(index_t from, index_t count, row_matrix<Real>& out) const {
    for (index_t i = 0; i < count; ++i) {
      Real* const target = out.data() + i * out.cols();
      const Real* const middle = mean_.data();
      visit_row(from + i, [&](index_t k, Real x) { target[k] = x - middle[k]; });
    }
  }

 private:
  template <class Visit>
  void visit_row(index_t row, Visit&& visit) const {
    const Real* const pivot = pivot_.data();
    for_each_in_row(points_, row, [&](index_t k, double x) {
      visit(k, (x * scale_.before - pivot[k]) * scale_.after);
    });
  }

  const tensor_view<const Scalar, 2>& points_;
  row_scale<Real> scale_;
  Eigen::VectorX<Real> pivot_, mean_;
};

/// Adds `rows^T rows` of the first `count` rows to the lower triangle.
template <class Real>
void add_products(const row_matrix<Real>& rows, index_t count, Eigen::MatrixX<Real>& sum) {
  constexpr index_t narrow = 512;  // a few rows fit into the nearest cache
  if (rows.cols() <= narrow)
    add_gram(rows.data(), count, rows.cols(), sum.data());
  else
    sum.template selfadjointView<Eigen::Lower>().rankUpdate(rows.topRows(count).transpose());
}

/// Sums over the rows of a cloud, scaled, less a middle, and over their products: of how the middle
/// was found they keep a bit at most where it is `near_mean`.
template <class Scalar, class Real>
class moment_sums {
 public:
  /// \param middle of rows as given
  moment_sums(const tensor_view<const Scalar, 2>& points, const row_scale<Real>& scale,
              const Eigen::VectorX<Real>& middle)
      : n_(points.extent(0)), scale_(scale), middle_(middle * scale.before) {
    constexpr index_t block = 64;
    const index_t d = points.extent(1);
    const index_t padded = (d + gram_padding - 1) / gram_padding * gram_padding;
    row_matrix<Real> rows = row_matrix<Real>::Zero(block, padded);
    rows_ = Eigen::VectorX<Real>::Zero(d);
    products_ = Eigen::MatrixX<Real>::Zero(padded, padded);
    for (index_t i = 0; i < n_; i += block) {
      const index_t count = (std::min)(block, n_ - i);
      shift(points, i, count, rows);
      add_products(rows, count, products_);
    }
  }

  /// Whether the square of the mean is at most half of the mean square in every column.
  bool near_mean() const {
    const auto squares = products_.diagonal().head(rows_.size()).array();
    return (rows_.array().square() <= Real(0.5) * static_cast<Real>(n_) * squares).all();
  }

  cloud_moments moments() const {
    const index_t d = rows_.size();
    const Eigen::VectorX<Real> mean = rows_ / static_cast<Real>(n_);
    Eigen::MatrixX<Real> covariance = products_.topLeftCorner(d, d);
    covariance.template selfadjointView<Eigen::Lower>().rankUpdate(mean, -static_cast<Real>(n_));
    covariance.template triangularView<Eigen::StrictlyUpper>() = covariance.transpose();
    covariance /= static_cast<Real>(std::max<index_t>(1, n_ - 1));
    return {(middle_ + mean / scale_.after) / scale_.before, std::move(covariance),
            scale_.exponent()};
  }

 private:
  /// Rows `from` .. `from + count` to the left of `out`, and to their sum.
  void shift(const tensor_view<const Scalar, 2>& points, index_t from, index_t count,
             row_matrix<Real>& out) {
    index_t done = 0;
    if (points.stride(1) == 1 && scale_.before == 1 && scale_.after == 1)
      for (; done + 16 <= rows_.size(); done += 16)
        shift_columns(points.data() + from * points.stride(0) + done, points.stride(0), count,
                      middle_.data() + done, out.data() + done, out.cols(), rows_.data() + done);
    for (index_t i = 0; i < count && done < rows_.size(); ++i)
      for (index_t k = done; k < rows_.size(); ++k) {
        const Real x = static_cast<Real>(points(from + i, k)) * scale_.before;
        rows_(k) += out(i, k) = (x - middle_(k)) * scale_.after;
      }
  }

  index_t n_;
  row_scale<Real> scale_;
  Eigen::VectorX<Real> middle_;    ///< times `before`
  Eigen::VectorX<Real> rows_;      ///< sums
  Eigen::MatrixX<Real> products_;  ///< lower triangle, padded with 0
};

/// The moments of the points, scaled: from one pass over them, about the mean of the first few; or,
/// where that is far from the mean of all beside the spread of a column, about that.
template <class Scalar, class Real>
cloud_moments moments_by(const tensor_view<const Scalar, 2>& points, const row_scale<Real>& scale) {
  constexpr index_t few = 64;
  const auto about_mean_of = [&](index_t count) {
    const shifted_rows<Scalar, Real> shifted(points, scale, count);
    return moment_sums<Scalar, Real>(points, scale, shifted.mean());
  };
  const moment_sums<Scalar, Real> sums = about_mean_of(few);
  return sums.near_mean() ? sums.moments() : about_mean_of(points.extent(0)).moments();
}

/// One pass over the points, or three; O(N d^2) time, O(d^2) memory. The same bits for every
/// storage order, and but for the exponent for every scale by a power of two.
///
/// \param points   N >= 1
/// \param argument what an error calls them
/// \throws value_error for NaN or infinities, of which the sums tell: points are searched for them
///         only where sums are not finite or far from 1
template <class Scalar, class Real = double>
cloud_moments checked_moments(const tensor_view<const Scalar, 2>& points,
                              const std::string& argument) {
  cloud_moments out = moments_by<Scalar, Real>(points, {});
  const double largest = out.covariance.diagonal().template maxCoeff<Eigen::PropagateNaN>();
  if (largest >= 0x1p-600 && largest <= 0x1p600) return out;
  check_finite(points, argument);
  return moments_by<Scalar, Real>(points, scale_of_rows<Scalar, Real>(points));
}

/// The same of points that are known to be finite.
template <class Scalar, class Real = double>
cloud_moments moments(const tensor_view<const Scalar, 2>& points) {
  return checked_moments<Scalar, Real>(points, "points");
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_LINALG cloud_moments checked_moments<float, double>(const tensor_view<const float, 2>&,
                                                             const std::string&);
ATLAS_OF_LINALG cloud_moments checked_moments<double, double>(const tensor_view<const double, 2>&,
                                                              const std::string&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
