// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Distances of rows of the definition, in long double, of two clouds and in periodic boxes.

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas_test {

using distance_and_row = std::pair<long double, atlas::index_t>;

/// Length of the shortest difference of a row and any image of another; periods of 0 or +inf: none.
template <class Row, class Other>
long double shortest_distance(const Row& a, const Other& b, const std::vector<double>& periods) {
  long double sum = 0;
  for (Eigen::Index k = 0; k < a.cols(); ++k) {
    const long double gap = static_cast<long double>(a(k)) - static_cast<long double>(b(k));
    long double least = std::abs(gap);
    const double period = periods.empty() ? 0 : periods[static_cast<std::size_t>(k)];
    if (period > 0 && std::isfinite(period))
      for (const int image : {-2, -1, 1, 2})
        least = std::min(least, std::abs(gap + image * static_cast<long double>(period)));
    sum += least * least;
  }
  return std::sqrt(sum);
}

/// All reference rows for which `allows(row)`, sorted by (distance, row).
template <class Row, class Matrix, class Allows>
std::vector<distance_and_row> sorted_distances(const Row& query, const Matrix& reference,
                                               const std::vector<double>& periods,
                                               const Allows& allows) {
  std::vector<distance_and_row> all;
  for (Eigen::Index r = 0; r < reference.rows(); ++r)
    if (allows(r)) all.emplace_back(shortest_distance(query, reference.row(r), periods), r);
  std::sort(all.begin(), all.end());
  return all;
}

/// Uniform in a box, the coordinates without a period from -1 to 1.
inline Eigen::MatrixXd box_cloud(atlas::index_t n, const std::vector<double>& periods,
                                 std::uint64_t seed) {
  atlas::random_stream random(seed);
  Eigen::MatrixXd x(n, static_cast<Eigen::Index>(periods.size()));
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index k = 0; k < x.cols(); ++k) {
      const double period = periods[static_cast<std::size_t>(k)];
      const bool round = period > 0 && std::isfinite(period);
      x(i, k) = round ? period * random.uniform() : 2 * random.uniform() - 1;
    }
  return x;
}

}  // namespace atlas_test
