// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Flat members of the benchmark of Hein and Audibert (ICML 2005), and its sphere.

#include <algorithm>
#include <cmath>
#include <span>

#include "atlas/core/random.hpp"
#include "atlas/dimension/manifolds/chart.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline void map_same(std::span<const double> x, std::span<double> row) {
  std::copy(x.begin(), x.end(), row.begin());
}

/// A parallelepiped in five columns: an affine map of a cube of edge 4, with scikit-dimension's
/// numbers.
inline void map_affine_5(std::span<const double> u, std::span<double> row) {
  constexpr double matrix[5][3] = {
      {1.2, -0.5, 0}, {0.5, 0.9, 0}, {-0.5, -0.2, 1}, {0.4, -0.9, -0.1}, {1.1, -0.3, 0}};
  constexpr double origin[5] = {3, -1, 0, 0, 8};
  for (std::size_t i = 0; i < 5; ++i) {
    row[i] = origin[i];
    for (std::size_t j = 0; j < 3; ++j) row[i] = std::fma(4 * matrix[i][j], u[j], row[i]);
  }
}

/// A cube of edge 5 around 0.
inline void map_wide_cube(std::span<const double> u, std::span<double> row) {
  for (std::size_t i = 0; i < u.size(); ++i) row[i] = 5 * (u[i] - 0.5);
}

/// The surface of the unit cube of d + 1 dimensions: d numbers, and at the end which of its faces.
inline void draw_cube_face(std::span<double> parameters, random_stream& random) {
  draw_uniforms(parameters, random);
  parameters.back() *= static_cast<double>(2 * parameters.size());
}

inline void map_cube_face(std::span<const double> u, std::span<double> row) {
  const auto face = static_cast<std::size_t>(u.back());
  const std::size_t axis = (std::min)(face / 2, row.size() - 1);
  for (std::size_t i = 0, next = 0; i < row.size(); ++i)
    row[i] = i == axis ? static_cast<double>(face % 2) : u[next++];
}

}  // namespace atlas::inline ATLAS_ABI::detail
