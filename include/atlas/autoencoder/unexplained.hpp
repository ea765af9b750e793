// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The share of a cloud's variance that a reconstruction leaves unexplained, and what PCA of the
/// same rank leaves.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A ratio of sums over groups, and its standard error between groups (linearised; NaN for one).
struct ratio_estimate {
  double value = 0;
  double standard_error = 0;
  /// By how much each group moves the value, in the order of the labels; their sum is 0.
  std::vector<double> deviations;
};

/// \param groups a label for each row
template <class = void>
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

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_AUTOENCODER ratio_estimate ratio_of_sums<void>(const std::vector<double>&,
                                                        const std::vector<double>&,
                                                        const std::vector<index_t>&);
ATLAS_OF_AUTOENCODER principal_span principal_span_of<float>(const row_matrix<float>&, index_t);
ATLAS_OF_AUTOENCODER std::vector<double> distances_from<float>(const principal_span&,
                                                               const row_matrix<float>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
