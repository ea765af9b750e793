// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The share of a cloud's variance that a reconstruction leaves unexplained, and what PCA of the
/// same rank leaves.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/linalg/tiled_product.hpp"

namespace atlas::inline ATLAS_ABI {

/// A ratio of sums over groups, and its standard error between groups (linearised; NaN for one).
struct ratio_estimate {
  double value = 0;
  double standard_error = 0;
  /// By how much each group moves the value, in the order of the labels; their sum is 0.
  std::vector<double> deviations;
};

struct unexplained_options {
  Eigen::VectorXd center = {};  ///< `[d]`, c; empty: the mean of the rows
  /// `[N]`, a label of the text that each row comes from: standard errors are between them. Empty:
  /// every row on its own.
  row_numbers context = {};
};

namespace detail {

/// \param groups a label for each row
template <class = lazy>
ratio_estimate ratio_of_sums(const std::vector<double>& above, const std::vector<double>& below,
                             const std::vector<index_t>& groups) {
  std::map<index_t, std::pair<double, double>> sums;
  double top = 0, bottom = 0;
  for (std::size_t i = 0; i < above.size(); ++i) {
    sums[groups[i]].first += above[i];
    sums[groups[i]].second += below[i];
    top += above[i];
    bottom += below[i];
  }
  const double value = top / bottom, n = static_cast<double>(sums.size());
  ratio_estimate out{value, std::numeric_limits<double>::quiet_NaN(), {}};
  double square = 0;
  for (const auto& [group, sum] : sums) {
    out.deviations.push_back((sum.first - value * sum.second) / bottom);
    square += std::pow(out.deviations.back(), 2);
  }
  if (sums.size() > 1) out.standard_error = std::sqrt(n / (n - 1) * square);
  return out;
}

/// Squared distances of rows from a point.
template <class Scalar>
std::vector<double> squared_distances(const row_matrix<Scalar>& x, const Eigen::VectorXd& from) {
  std::vector<double> out;
  for (index_t i = 0; i < x.rows(); ++i) {
    double sum = 0;
    for (index_t k = 0; k < x.cols(); ++k)
      sum += std::pow(static_cast<double>(x(i, k)) - from(k), 2);
    out.push_back(sum);
  }
  return out;
}

/// The affine span of a cloud's first principal directions.
struct principal_span {
  Eigen::VectorXd mean;
  Eigen::MatrixXd frame;  ///< `[d, rank]`
};

template <class Scalar>
principal_span principal_span_of(const row_matrix<Scalar>& x, index_t rank) {
  const cloud_moments m = moments(tensor_view<const Scalar, 2>(x.data(), {x.rows(), x.cols()}));
  return {m.mean, symmetric_eigenbasis(m.covariance).vectors.leftCols(rank)};
}

/// Squared distances of rows from the span.
template <class Scalar>
std::vector<double> distances_from(const principal_span& span, const row_matrix<Scalar>& x) {
  constexpr index_t block = 256;
  std::vector<double> out;
  row_matrix<double> rows;
  for (index_t i = 0; i < x.rows(); i += block) {
    rows = x.middleRows(i, (std::min)(block, x.rows() - i)).template cast<double>();
    rows.rowwise() -= span.mean.transpose();
    const row_matrix<double> coordinates = rows * span.frame;
    rows.noalias() -= coordinates * span.frame.transpose();
    for (index_t r = 0; r < rows.rows(); ++r) out.push_back(rows.row(r).squaredNorm());
  }
  return out;
}

/// Squared distances of rows from as many others.
template <class Scalar>
std::vector<double> squared_errors(const tensor_view<const Scalar, 2>& points,
                                   const tensor_view<const Scalar, 2>& reconstructed) {
  std::vector<double> out;
  for (index_t i = 0; i < points.extent(0); ++i) {
    double sum = 0;
    for (index_t k = 0; k < points.extent(1); ++k)
      sum +=
          std::pow(static_cast<double>(points(i, k)) - static_cast<double>(reconstructed(i, k)), 2);
    out.push_back(sum);
  }
  return out;
}

/// A label for each row: its context, or its own number where there are none.
template <class = lazy>
std::vector<index_t> groups_of(index_t rows, const tensor_view<const index_t, 1>& context) {
  if (!context.empty()) check_extent(context.extent(0), rows, "context", "one label per row,");
  std::vector<index_t> out;
  for (index_t i = 0; i < rows; ++i) out.push_back(context.empty() ? i : context[i]);
  return out;
}

inline ratio_estimate checked_share(ratio_estimate share) {
  if (!std::isfinite(share.value))
    throw value_error("points", "rows that differ from the centre", number_text(share.value));
  return share;
}

template <class Scalar>
ratio_estimate unexplained(const tensor_view<const Scalar, 2>& points,
                           const tensor_view<const Scalar, 2>& reconstructed,
                           const unexplained_options& o) {
  check_not_empty(points, "points");
  check_finite(points, "points");
  if (points.extents() != reconstructed.extents())
    throw shape_error("reconstructed", shape_text(points.extents()),
                      shape_text(reconstructed.extents()));
  check_finite(reconstructed, "reconstructed");
  const row_matrix<double> x = matrix_copy<double>(points);
  Eigen::VectorXd center = o.center;
  if (center.size() == 0)
    center = x.colwise().mean().transpose();
  else
    check_extent(center.size(), points.extent(1), "center", "one number per coordinate,");
  return checked_share(ratio_of_sums(squared_errors(points, reconstructed),
                                     squared_distances(x, center),
                                     groups_of(points.extent(0), o.context)));
}

template <class Scalar>
ratio_estimate pca_unexplained(const tensor_view<const Scalar, 2>& training,
                               const tensor_view<const Scalar, 2>& points, index_t rank,
                               const tensor_view<const index_t, 1>& context) {
  check_not_empty(training, "training");
  check_finite(training, "training");
  check_not_empty(points, "points");
  check_finite(points, "points");
  check_extent(points.extent(1), training.extent(1), "points", "as many columns as training,");
  check_between(rank, 0, training.extent(1), "rank");
  if (training.extent(0) < 2) throw shape_error("training", "at least 2 rows", "1 row");
  const auto span = principal_span_of(matrix_copy<Scalar>(training), rank);
  const row_matrix<Scalar> x = matrix_copy<Scalar>(points);
  return checked_share(ratio_of_sums(distances_from(span, x), squared_distances(x, span.mean),
                                     groups_of(points.extent(0), context)));
}

}  // namespace detail

/// The share of a cloud's variance that a reconstruction leaves unexplained:
/// `sum ||x_i - y_i||^2 / sum ||x_i - c||^2` over rows, with its standard error between contexts.
/// 0 is an exact reconstruction; above 1 it is worse than the centre alone.
///
/// \param points        x, `[N, d]`
/// \param reconstructed y, the same shape and scalar
/// \throws shape_error for other shapes, a centre or contexts of another size; value_error for NaN
///         and rows that are all the centre
///
/// O(N d) time; sums in double.
template <real_tensor<2> Points, real_tensor<2> Reconstructed>
[[nodiscard]] ratio_estimate unexplained(const Points& points, const Reconstructed& reconstructed,
                                         const unexplained_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  static_assert(std::is_same_v<scalar, scalar_of<Reconstructed, 2>>,
                "points and reconstructed are of one scalar");
  const auto x = as_view<2>(points);
  const auto y = as_view<2>(reconstructed);
  return detail::unexplained<scalar>(x, y, options);
}

/// The same of PCA: rows projected on the mean and the first `rank` principal directions of the
/// training rows, about whose mean the variance is.
///
/// \param training `[M, d]`, M >= 2
/// \param points   `[N, d]`, of the same scalar: held-out rows, or the training rows themselves
/// \param rank     0 to d
/// \param options  `context` of the points; the centre is the training mean, so none is given
/// \throws as `unexplained`; value_error for a rank out of range or a centre
///
/// O(M d^2 + d^3 + N d rank) time.
template <real_tensor<2> Training, real_tensor<2> Points>
[[nodiscard]] ratio_estimate pca_unexplained(const Training& training, const Points& points,
                                             index_t rank,
                                             const unexplained_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  static_assert(std::is_same_v<scalar, scalar_of<Training, 2>>,
                "points and training are of one scalar");
  if (options.center.size() > 0)
    throw value_error("center", "none: PCA has the mean of its training rows", "one");
  const auto m = as_view<2>(training);
  const auto x = as_view<2>(points);
  return detail::pca_unexplained<scalar>(m, x, rank, options.context);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_AUTOENCODER ratio_estimate ratio_of_sums<void>(const std::vector<double>&,
                                                        const std::vector<double>&,
                                                        const std::vector<index_t>&);
ATLAS_OF_AUTOENCODER ratio_estimate unexplained<float>(const tensor_view<const float, 2>&,
                                                       const tensor_view<const float, 2>&,
                                                       const unexplained_options&);
ATLAS_OF_AUTOENCODER ratio_estimate unexplained<double>(const tensor_view<const double, 2>&,
                                                        const tensor_view<const double, 2>&,
                                                        const unexplained_options&);
ATLAS_OF_AUTOENCODER ratio_estimate pca_unexplained<float>(const tensor_view<const float, 2>&,
                                                           const tensor_view<const float, 2>&,
                                                           index_t,
                                                           const tensor_view<const index_t, 1>&);
ATLAS_OF_AUTOENCODER ratio_estimate pca_unexplained<double>(const tensor_view<const double, 2>&,
                                                            const tensor_view<const double, 2>&,
                                                            index_t,
                                                            const tensor_view<const index_t, 1>&);
ATLAS_OF_AUTOENCODER principal_span principal_span_of<float>(const row_matrix<float>&, index_t);
ATLAS_OF_AUTOENCODER std::vector<double> distances_from<float>(const principal_span&,
                                                               const row_matrix<float>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
