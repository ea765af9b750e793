// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Surrogates that keep the distribution of every coordinate: Schreiber and Schmitz, "Improved
/// surrogate data for nonlinearity tests", Phys. Rev. Lett. 77, 635 (1996), with the covariance of
/// independent rows in place of the spectrum of a series.

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/surrogates/principal.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The values of every column, ascending, `[columns][N]`.
template <class Scalar>
class column_values {
 public:
  template <class Rows>
  explicit column_values(const Rows& rows) {
    for (index_t k = 0; k < rows.cols(); ++k) {
      auto& column = sorted_.emplace_back();
      for (index_t i = 0; i < rows.rows(); ++i) column.push_back(static_cast<Scalar>(rows(i, k)));
      std::sort(column.begin(), column.end());
    }
  }

  /// Gives the columns of `rows` these values, in the order of what they had.
  template <class Rows>
  void impose(Rows&& rows) const {
    std::vector<index_t> order(static_cast<std::size_t>(rows.rows()));
    for (index_t k = 0; k < rows.cols(); ++k) {
      std::iota(order.begin(), order.end(), index_t{0});
      std::sort(order.begin(), order.end(), [&](index_t a, index_t b) {
        return rows(a, k) < rows(b, k) || (rows(a, k) == rows(b, k) && a < b);
      });
      for (std::size_t i = 0; i < order.size(); ++i)
        rows(order[i], k) = sorted_[static_cast<std::size_t>(k)][i];
    }
  }

 private:
  std::vector<std::vector<Scalar>> sorted_;
};

/// From Gaussian rows to rows with the cloud's distributions, of its own coordinates and of the
/// principal ones, and its covariance, in turn. The last step is that of the cloud's own
/// coordinates: their distributions are kept exactly, mean and variances with them, and the rest as
/// far as it goes with them.
template <class Scalar>
class marginal_rows {
 public:
  marginal_rows(const tensor_view<const Scalar, 2>& points, const principal_shape<Scalar>& shape)
      : own_(points_of(points)), principal_(shape.coordinates(points)) {}

  /// \param z `[N, rank]`, of independent normal numbers
  owned_tensor<Scalar, 2> draw(row_matrix<Scalar> z, const principal_shape<Scalar>& shape) const {
    constexpr int rounds = 10;
    z = shape.standardized(z);
    for (int round = 0;; ++round) {
      owned_tensor<Scalar, 2> cloud = shape.placed(z);
      own_.impose(as_map(cloud.mutable_view()));
      if (round == rounds) return cloud;
      z = shape.standardized(shape.coordinates(cloud).template cast<Scalar>());
      principal_.impose(z);
      z = shape.standardized(z);
    }
  }

 private:
  static row_matrix<Scalar> points_of(const tensor_view<const Scalar, 2>& points) {
    row_matrix<Scalar> out(points.extent(0), points.extent(1));
    for (index_t i = 0; i < out.rows(); ++i)
      for (index_t k = 0; k < out.cols(); ++k) out(i, k) = points(i, k);
    return out;
  }

  column_values<Scalar> own_, principal_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
