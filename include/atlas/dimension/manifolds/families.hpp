// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Manifolds of any dimension, and others beyond the benchmark.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/manifolds/chart.hpp"
#include "atlas/dimension/manifolds/curved_charts.hpp"
#include "atlas/dimension/manifolds/manifold.hpp"
#include "atlas/simulation/clouds.hpp"
#include "atlas/simulation/passages.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Of a cloud of `simulation/clouds.hpp`, `simulate(rows, random)`.
template <class Simulate>
manifold manifold_of_cloud(std::string name, index_t dimension, index_t ambient, std::string about,
                           Simulate simulate) {
  return {std::move(name), dimension, ambient, std::move(about),
          [simulate = std::move(simulate)](index_t rows, random_stream& random) {
            manifold_draw<double> out;
            out.points = simulate(rows, random);
            return out;
          }};
}

inline std::string with_number(const char* family, index_t d) {
  return std::string(family) + "_" + std::to_string(d);
}

inline void check_manifold_dimension(index_t d) {
  check_between(d, 1, index_t{1} << 20, "dimension");
}

}  // namespace detail

/// `cube_d`: uniform in the unit cube.
template <class = lazy>
manifold cube_manifold(index_t d) {
  detail::check_manifold_dimension(d);
  return detail::manifold_of_cloud(
      detail::with_number("cube", d), d, d, "uniform in a cube",
      [d](index_t rows, random_stream& random) { return simulate_cube(rows, d, random); });
}

/// `ball_d`: uniform in the unit ball.
template <class = lazy>
manifold ball_manifold(index_t d) {
  detail::check_manifold_dimension(d);
  return detail::manifold_of_cloud(
      detail::with_number("ball", d), d, d, "uniform in a ball",
      [d](index_t rows, random_stream& random) { return simulate_ball(rows, d, random); });
}

/// `sphere_d`: uniform on the unit sphere of d dimensions, in d + 1 columns.
template <class = lazy>
manifold sphere_manifold(index_t d) {
  detail::check_manifold_dimension(d);
  return detail::manifold_of_cloud(
      detail::with_number("sphere", d), d, d + 1, "uniform on a sphere",
      [d](index_t rows, random_stream& random) { return simulate_sphere(rows, d, random); });
}

/// `torus_d`: uniform on the flat torus, in 2 d columns: no edge, no change of density.
template <class = lazy>
manifold torus_manifold(index_t d) {
  detail::check_manifold_dimension(d);
  return detail::manifold_of_cloud(
      detail::with_number("torus", d), d, 2 * d, "uniform on a flat torus, without an edge",
      [d](index_t rows, random_stream& random) { return simulate_torus(rows, d, random); });
}

/// `gaussian_d`: standard normal.
template <class = lazy>
manifold gaussian_manifold(index_t d) {
  detail::check_manifold_dimension(d);
  return detail::manifold_of_cloud(
      detail::with_number("gaussian", d), d, d, "standard normal",
      [d](index_t rows, random_stream& random) { return simulate_gaussian(rows, d, random); });
}

/// Normal, of a covariance of these eigenvalues. Its dimension is how many are not 0; at the scale
/// at which neighbours are, small ones may not show.
/// \throws shape_error for none; value_error for a negative one, NaN, or all of them 0
template <class = lazy>
manifold spectrum_manifold(std::string name, std::vector<double> eigenvalues) {
  if (eigenvalues.empty()) throw shape_error("eigenvalues", "at least one", "none");
  index_t positive = 0;
  for (const double e : eigenvalues) {
    if (!(e >= 0 && std::isfinite(e)))
      throw value_error("eigenvalues", "numbers of 0 or more", detail::number_text(e));
    positive += e > 0;
  }
  if (positive == 0) throw value_error("eigenvalues", "one above 0", "only 0");
  const auto columns = static_cast<index_t>(eigenvalues.size());
  return detail::manifold_of_cloud(
      std::move(name), positive, columns, "normal with given eigenvalues",
      [eigenvalues = std::move(eigenvalues)](index_t rows, random_stream& random) {
        return simulate_spectrum(rows, eigenvalues, random);
      });
}

/// `lattice_d`: whole numbers below `side`, uniform. Rows coincide where side^d is not far above
/// the square of their number. \throws value_error for a side below 2 or above 2^53
template <class = lazy>
manifold lattice_manifold(index_t d, index_t side = 10) {
  detail::check_manifold_dimension(d);
  check_between(side, 2, index_t{1} << 53, "side");
  return detail::manifold_of_cloud(
      detail::with_number("lattice", d), d, d, "whole numbers, uniform in a cube",
      [d, side](index_t rows, random_stream& random) {
        return detail::simulate_rows<double>(rows, d, [&](std::span<double> row) {
          for (double& x : row) x = static_cast<double>(random.uniform_index(side));
        });
      });
}

/// What rows of a serial process hang together by.
struct serial_options {
  index_t rows = 12;         ///< of a passage, at places that are drawn
  index_t length = 256;      ///< places of a passage
  double correlation = 0.9;  ///< of rows one place apart
};

/// `serial_d`: autoregressive normal rows along passages, with contexts and positions. Each row by
/// itself is a standard normal one of d columns. The last passage may be cut short.
/// \throws value_error for options out of range
template <class = lazy>
[[nodiscard]] manifold serial_manifold(index_t d, const serial_options& options = {}) {
  detail::check_manifold_dimension(d);
  detail::check_passages({1, options.rows, options.length}, d,
                         {.correlation = options.correlation});
  const auto draw = [d, options](index_t rows, random_stream& random) {
    const passage_design design{(rows + options.rows - 1) / options.rows, options.rows,
                                options.length};
    const labelled_cloud<double> all =
        simulate_passages(design, d, {.correlation = options.correlation}, random);
    manifold_draw<double> out{owned_tensor<double, 2>({rows, d}),
                              owned_tensor<index_t, 1>({rows}),
                              owned_tensor<index_t, 1>({rows}),
                              {}};
    std::copy_n(all.points.data(), rows * d, out.points.mutable_view().data());
    std::copy_n(all.context.data(), rows, out.context.mutable_view().data());
    std::copy_n(all.position.data(), rows, out.position.mutable_view().data());
    return out;
  };
  return {detail::with_number("serial", d), d, d, "autoregressive rows along passages", draw};
}

namespace detail {

/// Writes the rows of one part of a mixture, every `parts`-th from its own number on.
template <class = lazy>
void place_part(const tensor_view<const double, 2>& points, index_t part, index_t parts,
                double apart, const tensor_view<double, 2>& out) {
  for (index_t i = 0; i < points.extent(0); ++i) {
    const index_t row = part + i * parts;
    for (index_t c = 0; c < out.extent(1); ++c)
      out(row, c) = c < points.extent(1) ? points(i, c) : 0.0;
    out(row, out.extent(1) - 1) = apart * static_cast<double>(part);
  }
}

template <class = lazy>
manifold_draw<double> draw_mixture(const std::vector<manifold>& parts, index_t ambient,
                                   double apart, index_t rows, random_stream& random) {
  const auto count = static_cast<index_t>(parts.size());
  manifold_draw<double> out;
  out.points = owned_tensor<double, 2>({rows, ambient});
  out.dimensions.resize(static_cast<std::size_t>(rows));
  for (index_t p = 0; p < count && p < rows; ++p) {
    const manifold& part = parts[static_cast<std::size_t>(p)];
    const manifold_draw<double> own = part.draw((rows - p - 1) / count + 1, random);
    if (own.context.extent(0) > 0)
      throw value_error("parts", "manifolds without contexts", part.name);
    place_part(own.points, p, count, apart, out.points.mutable_view());
    for (index_t row = p; row < rows; row += count)
      out.dimensions[static_cast<std::size_t>(row)] = part.dimension;
  }
  return out;
}

}  // namespace detail

/// Rows of several manifolds in turn, each part in a plane of its own at a distance of `apart` from
/// the last, along one more column. Its dimension is the greatest; `dimensions` has that of each
/// row. \throws shape_error for no parts; value_error for a distance that is not finite
template <class = lazy>
[[nodiscard]] manifold mixture_manifold(std::string name, std::vector<manifold> parts,
                                        double apart = 10) {
  if (parts.empty()) throw shape_error("parts", "at least one manifold", "none");
  if (!std::isfinite(apart))
    throw value_error("apart", "a finite number", detail::number_text(apart));
  index_t dimension = 0, ambient = 0;
  for (const manifold& part : parts) {
    dimension = (std::max)(dimension, part.dimension);
    ambient = (std::max)(ambient, part.ambient + 1);
  }
  return {std::move(name), dimension, ambient, "parts of several dimensions",
          [parts = std::move(parts), ambient, apart](index_t rows, random_stream& random) {
            return detail::draw_mixture(parts, ambient, apart, rows, random);
          }};
}

/// `swiss_roll` with even density in area, `torus` (a ring in space), `moebius` with one half
/// twist, `mixture` of a line, a square and a 4-cube.
template <class = lazy>
[[nodiscard]] std::vector<manifold> further_manifolds() {
  using detail::manifold_chart, detail::manifold_of_chart, detail::draw_uniforms;
  return {detail::manifold_of_cloud("swiss_roll", 2, 3, "swiss roll of even density",
                                    [](index_t rows, random_stream& random) {
                                      return simulate_swiss_roll(rows, random);
                                    }),
          manifold_of_chart(
              manifold_chart{"torus", 2, 3, 2, draw_uniforms, detail::map_ring, "ring in space"}),
          manifold_of_chart(manifold_chart{"moebius", 2, 3, 2, draw_uniforms, detail::map_moebius,
                                           "band of one half twist"}),
          mixture_manifold("mixture", {cube_manifold(1), cube_manifold(2), cube_manifold(4)})};
}

}  // namespace atlas::inline ATLAS_ABI
