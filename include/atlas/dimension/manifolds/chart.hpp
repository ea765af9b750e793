// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Charts: manifolds that are the image of numbers that are drawn independently of each other, row
/// by row, so that their dimension is the rank of a derivative.

#include <span>
#include <string>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/manifolds/manifold.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A row is `map(parameters)`; the map's derivative has rank `dimension` at almost all of them.
struct manifold_chart {
  const char* name;
  index_t dimension, ambient;
  index_t parameters;  ///< numbers that are drawn for a row
  void (*draw)(std::span<double> parameters, random_stream& random);
  void (*map)(std::span<const double> parameters, std::span<double> row);
  const char* about;
};

inline manifold manifold_of_chart(const manifold_chart& chart) {
  return {chart.name, chart.dimension, chart.ambient, chart.about,
          [chart](index_t rows, random_stream& random) {
            std::vector<double> parameters(static_cast<std::size_t>(chart.parameters));
            manifold_draw<double> out;
            out.points = simulate_rows<double>(rows, chart.ambient, [&](std::span<double> row) {
              chart.draw(parameters, random);
              chart.map(parameters, row);
            });
            return out;
          }};
}

/// Uniform in (0, 1), each.
inline void draw_uniforms(std::span<double> parameters, random_stream& random) {
  for (double& x : parameters) x = random.uniform();
}

inline void draw_normals(std::span<double> parameters, random_stream& random) {
  for (double& x : parameters) x = random.normal();
}

}  // namespace atlas::inline ATLAS_ABI::detail
