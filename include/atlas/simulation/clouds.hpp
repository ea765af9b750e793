// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds whose dimension is known: what an estimate can be held against. Draws are of a
/// counter-based stream, and but for the swiss roll the same bits on every platform.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/frame.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

inline constexpr index_t most_simulated = index_t{1} << 40;

/// `[rows, columns]`, each row as `fill(row)` leaves it, converted at the end.
template <class Scalar, class Fill>
owned_tensor<Scalar, 2> simulate_rows(index_t rows, index_t columns, Fill&& fill) {
  owned_tensor<Scalar, 2> out({rows, columns});
  std::vector<double> row(static_cast<std::size_t>(columns));
  Scalar* at = out.mutable_view().data();
  for (index_t i = 0; i < rows; ++i) {
    fill(std::span<double>(row));
    for (const double x : row) *at++ = static_cast<Scalar>(x);
  }
  return out;
}

inline void check_simulated(index_t rows, index_t dimension) {
  check_between(rows, 1, most_simulated, "rows");
  check_between(dimension, 1, index_t{1} << 24, "dimension");
}

/// Uniform on the unit sphere of a space of as many dimensions as there are numbers.
inline void draw_direction(std::span<double> out, random_stream& random) {
  double square = 0;
  for (double& x : out) {
    x = random.normal();
    square += x * x;
  }
  const double length = std::sqrt(square);
  for (double& x : out) x /= length;
}

}  // namespace detail

/// Uniform on a flat torus: the product of d unit circles, each in a plane of its own, without an
/// edge and without curvature inside. The mean squared distance of two rows is 2 d.
/// \return `[rows, 2 dimension]`
/// \throws value_error for rows or a dimension below 1
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_torus(index_t rows, index_t dimension,
                                                     random_stream& random) {
  detail::check_simulated(rows, dimension);
  return detail::simulate_rows<Scalar>(rows, 2 * dimension, [&](std::span<double> row) {
    for (std::size_t c = 0; c < row.size(); c += 2)
      detail::draw_direction(row.subspan(c, 2), random);
  });
}

/// Uniform on the unit sphere of this dimension, 2 for the one in space. The mean squared distance
/// of two rows is 2.
/// \return `[rows, dimension + 1]`
/// \throws as `simulate_torus`
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_sphere(index_t rows, index_t dimension,
                                                      random_stream& random) {
  detail::check_simulated(rows, dimension);
  return detail::simulate_rows<Scalar>(
      rows, dimension + 1, [&](std::span<double> row) { detail::draw_direction(row, random); });
}

/// Uniform in the unit cube. The mean squared distance of two rows is d / 6.
/// \return `[rows, dimension]`
/// \throws as `simulate_torus`
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_cube(index_t rows, index_t dimension,
                                                    random_stream& random) {
  detail::check_simulated(rows, dimension);
  return detail::simulate_rows<Scalar>(rows, dimension, [&](std::span<double> row) {
    for (double& x : row) x = random.uniform();
  });
}

/// Uniform in the unit ball: d coordinates of a direction in d + 2 dimensions (Archimedes). The
/// mean squared distance of two rows is 2 d / (d + 2).
/// \return `[rows, dimension]`
/// \throws as `simulate_torus`
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_ball(index_t rows, index_t dimension,
                                                    random_stream& random) {
  detail::check_simulated(rows, dimension);
  std::vector<double> direction(static_cast<std::size_t>(dimension) + 2);
  return detail::simulate_rows<Scalar>(rows, dimension, [&](std::span<double> row) {
    detail::draw_direction(direction, random);
    std::copy_n(direction.begin(), row.size(), row.begin());
  });
}

/// Standard normal. The mean squared distance of two rows is 2 d.
/// \return `[rows, dimension]`
/// \throws as `simulate_torus`
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_gaussian(index_t rows, index_t dimension,
                                                        random_stream& random) {
  detail::check_simulated(rows, dimension);
  owned_tensor<Scalar, 2> out({rows, dimension});
  random.fill_normal(out.mutable_view().data(), rows * dimension);
  return out;
}

/// Normal with a covariance of these eigenvalues, whose axes are a Haar-random basis.
/// \param eigenvalues `[d]`, 0 or more
/// \return `[rows, d]`
/// \throws shape_error for no eigenvalues; value_error for NaN or a negative one, or rows below 1
///
/// O(rows d^2 + d^3) time.
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_spectrum(index_t rows,
                                                        const std::vector<double>& eigenvalues,
                                                        random_stream& random) {
  if (eigenvalues.empty()) throw shape_error("eigenvalues", "at least one", "none");
  for (const double e : eigenvalues)
    if (!(e >= 0 && std::isfinite(e)))
      throw value_error("eigenvalues", "numbers of 0 or more", detail::number_text(e));
  const auto d = static_cast<index_t>(eigenvalues.size());
  detail::check_simulated(rows, d);
  Eigen::MatrixXd shape = random_frame(d, d, random).transpose();
  for (index_t i = 0; i < d; ++i)
    shape.row(i) *= std::sqrt(eigenvalues[static_cast<std::size_t>(i)]);
  Eigen::RowVectorXd normals(d), mapped(d);
  return detail::simulate_rows<Scalar>(rows, d, [&](std::span<double> row) {
    random.fill_normal(normals.data(), d);
    mapped.noalias() = normals * shape;
    std::copy_n(mapped.data(), d, row.begin());
  });
}

/// Uniform on a rolled-up rectangle: radii from 1.5 pi to 4.5 pi, 21 wide. Flat inside, with an
/// edge; of dimension 2.
/// \return `[rows, 3]`
/// \throws as `simulate_torus`
template <class Scalar = double>
[[nodiscard]] owned_tensor<Scalar, 2> simulate_swiss_roll(index_t rows, random_stream& random) {
  detail::check_simulated(rows, 2);
  constexpr double low = 1.5 * std::numbers::pi, high = 4.5 * std::numbers::pi, width = 21;
  // The arc of r = t is sqrt(1 + t^2) dt long: drawn with density t, kept with that over t.
  const double most = std::sqrt(1 + low * low) / low;
  return detail::simulate_rows<Scalar>(rows, 3, [&](std::span<double> row) {
    double t = 0;
    do t = std::sqrt(low * low + (high * high - low * low) * random.uniform());
    while (random.uniform() * most > std::sqrt(1 + t * t) / t);
    row[0] = t * std::cos(t);
    row[1] = width * random.uniform();
    row[2] = t * std::sin(t);
  });
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_SIMULATION owned_tensor<float, 2> simulate_torus<float>(index_t, index_t, random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 2> simulate_torus<double>(index_t, index_t,
                                                                   random_stream&);
ATLAS_OF_SIMULATION owned_tensor<float, 2> simulate_sphere<float>(index_t, index_t, random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 2> simulate_sphere<double>(index_t, index_t,
                                                                    random_stream&);
ATLAS_OF_SIMULATION owned_tensor<float, 2> simulate_cube<float>(index_t, index_t, random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 2> simulate_cube<double>(index_t, index_t, random_stream&);
ATLAS_OF_SIMULATION owned_tensor<float, 2> simulate_gaussian<float>(index_t, index_t,
                                                                    random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 2> simulate_gaussian<double>(index_t, index_t,
                                                                      random_stream&);
ATLAS_OF_SIMULATION owned_tensor<float, 2> simulate_spectrum<float>(index_t,
                                                                    const std::vector<double>&,
                                                                    random_stream&);
ATLAS_OF_SIMULATION owned_tensor<double, 2> simulate_spectrum<double>(index_t,
                                                                      const std::vector<double>&,
                                                                      random_stream&);
}  // namespace atlas::inline ATLAS_ABI
#endif
