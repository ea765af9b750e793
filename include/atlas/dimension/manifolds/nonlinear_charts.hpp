// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Members of the benchmark that are bent into many columns: of Hein and Audibert (ICML 2005), and
/// of Campadelli, Casiraghi, Ceruti, Rozza, "Intrinsic dimension estimation: relevant techniques
/// and a benchmark framework", Math. Probl. Eng. 2015, 759567. Columns that are there several times
/// stretch all distances alike.

#include <cmath>
#include <span>

#include "atlas/core/portable_angles.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/manifolds/chart.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Writes the first `count` columns again and again, to the end.
inline void repeat_columns(std::span<double> row, std::size_t count) {
  for (std::size_t i = count; i < row.size(); ++i) row[i] = row[i - count];
}

/// Of four numbers in six columns; thin, so that it can be taken for one of three.
inline void map_six_columns(std::span<const double> p, std::span<double> row) {
  const sine_cosine angle = sine_cosine_of_turns(p[0]);
  const auto plus_square = [](double x, double y) { return std::fma(y, y, x); };
  row[0] = p[1] * p[1] * angle.cosine;
  row[1] = p[2] * p[2] * angle.sine;
  row[2] = plus_square(p[1] + p[2], p[1] - p[3]);
  row[3] = plus_square(std::fma(-2.0, p[2], p[1]), p[0] - p[3]);
  row[4] = plus_square(std::fma(-2.0, p[2], -p[1]), p[2] - p[3]);
  row[5] = std::fma(p[0] - p[1], p[0] + p[1], (p[2] - p[3]) * (p[2] + p[3]));
}

/// Each number is the angle of a plane of its own, of which the next number is the radius.
inline void map_linked_planes(std::span<const double> p, std::span<double> row) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    const sine_cosine angle = sine_cosine_of_turns(p[i]);
    const double radius = p[(i + 1) % p.size()];
    row[2 * i] = radius * angle.cosine;
    row[2 * i + 1] = radius * angle.sine;
  }
  repeat_columns(row, 2 * p.size());
}

/// With d + 1 exponential numbers E, x_i = 1 / (1 + E_i / E_0), of which the density is a
/// multivariate Burr distribution's; (x, |x|^2) is a paraboloid, and its sines and squares follow.
inline void draw_exponentials(std::span<double> parameters, random_stream& random) {
  for (double& x : parameters) x = random.exponential();
}

inline void map_paraboloid(std::span<const double> e, std::span<double> row) {
  const std::size_t own = e.size();
  double square = 0;
  for (std::size_t i = 0; i + 1 < own; ++i) {
    row[i] = 1 / (1 + e[i + 1] / e[0]);
    square = std::fma(row[i], row[i], square);
  }
  row[own - 1] = square;
  for (std::size_t i = 0; i < own; ++i) {
    row[own + i] = portable_sine_cosine(row[i]).sine;
    row[2 * own + i] = row[i] * row[i];
  }
}

/// `tan(x_i cos x_j)` and `atan(x_j sin x_i)`, j being the i-th from the end.
inline void map_tangents(std::span<const double> x, std::span<double> row) {
  const std::size_t d = x.size();
  for (std::size_t i = 0; i < d; ++i) {
    const double other = x[d - 1 - i];
    row[i] = portable_tangent(x[i] * portable_sine_cosine(other).cosine);
    row[d + i] = portable_arc_tangent(other * portable_sine_cosine(x[i]).sine);
  }
  repeat_columns(row, 2 * d);
}

/// Beta(10, 1/2): crowded at 1.
inline void draw_betas(std::span<double> parameters, random_stream& random) {
  for (double& x : parameters) {
    const double a = random.gamma(10), b = random.gamma(0.5);
    x = a / (a + b);
  }
}

/// `x sin(cos(2 pi x))` and `x cos(sin(2 pi x))`, each of them twice: a product of d curves.
inline void map_betas(std::span<const double> x, std::span<double> row) {
  const std::size_t d = x.size();
  for (std::size_t i = 0; i < d; ++i) {
    const sine_cosine angle = sine_cosine_of_turns(x[i]);
    row[i] = x[i] * portable_sine_cosine(angle.cosine).sine;
    row[d + i] = x[i] * portable_sine_cosine(angle.sine).cosine;
  }
  repeat_columns(row, 2 * d);
}

}  // namespace atlas::inline ATLAS_ABI::detail
