// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The 24 manifolds that scikit-dimension's BenchmarkManifolds has, by its names.

#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/manifolds/chart.hpp"
#include "atlas/dimension/manifolds/curved_charts.hpp"
#include "atlas/dimension/manifolds/flat_charts.hpp"
#include "atlas/dimension/manifolds/manifold.hpp"
#include "atlas/dimension/manifolds/nonlinear_charts.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// A normal vector over its length, as simulate_sphere has it, for a map of its own.
inline void map_direction(std::span<const double> normals, std::span<double> row) {
  map_same(normals, row);
  double square = 0;
  for (const double x : row) square = std::fma(x, x, square);
  const double length = std::sqrt(square);
  for (double& x : row) x /= length;
}

inline constexpr std::array<manifold_chart, 24> benchmark_charts = {{
    {"M1_Sphere", 10, 11, 11, draw_normals, map_direction, "sphere"},
    {"M2_Affine_3to5", 3, 5, 3, draw_uniforms, map_affine_5, "parallelepiped"},
    {"M3_Nonlinear_4to6", 4, 6, 4, draw_uniforms, map_six_columns, "thin, looks like 3"},
    {"M4_Nonlinear", 4, 8, 4, draw_uniforms, map_linked_planes, "angles with linked radii"},
    {"M5a_Helix1d", 1, 3, 1, draw_uniforms, map_helix, "closed coil"},
    {"M5b_Helix2d", 2, 3, 2, draw_uniforms, map_helicoid, "helicoid"},
    {"M6_Nonlinear", 6, 36, 6, draw_uniforms, map_linked_planes, "angles with linked radii"},
    {"M7_Roll", 2, 3, 2, draw_uniforms, map_roll, "swiss roll"},
    {"M8_Nonlinear", 12, 72, 12, draw_uniforms, map_linked_planes, "angles with linked radii"},
    {"M9_Affine", 20, 20, 20, draw_uniforms, map_wide_cube, "cube"},
    {"M10a_Cubic", 10, 11, 11, draw_cube_face, map_cube_face, "surface of a cube"},
    {"M10b_Cubic", 17, 18, 18, draw_cube_face, map_cube_face, "surface of a cube"},
    {"M10c_Cubic", 24, 25, 25, draw_cube_face, map_cube_face, "surface of a cube"},
    {"M10d_Cubic", 70, 71, 71, draw_cube_face, map_cube_face, "surface of a cube"},
    {"M11_Moebius", 2, 3, 2, draw_uniforms, map_twisted_band, "band of ten half twists"},
    {"M12_Norm", 20, 20, 20, draw_normals, map_same, "standard normal"},
    {"M13a_Scurve", 2, 3, 2, draw_uniforms, map_s_curve, "S"},
    {"M13b_Spiral", 1, 13, 1, draw_uniforms, map_spiral, "wide spiral of five turns"},
    {"Mbeta", 10, 40, 10, draw_betas, map_betas, "product of curves, crowded at an end"},
    {"Mn1_Nonlinear", 18, 72, 18, draw_uniforms, map_tangents, "tangents of a cube"},
    {"Mn2_Nonlinear", 24, 96, 24, draw_uniforms, map_tangents, "tangents of a cube"},
    {"Mp1_Paraboloid", 3, 12, 4, draw_exponentials, map_paraboloid, "bent paraboloid"},
    {"Mp2_Paraboloid", 6, 21, 7, draw_exponentials, map_paraboloid, "bent paraboloid"},
    {"Mp3_Paraboloid", 9, 30, 10, draw_exponentials, map_paraboloid, "bent paraboloid"},
}};

}  // namespace detail

/// The benchmark manifolds with their true dimensions.
///
/// Parameters and maps are those of scikit-dimension 0.5, but that a face of M10 is drawn with
/// equal chances for each row: the peer takes faces in turn until the rows are used up, which
/// leaves the last ones short or without any. Parameters are uniform where nothing else is said, so
/// that the curved ones are not of even density. M11 turns by whole turns: it is a band with two
/// sides.
///
/// The peer's `swissRoll3Sph` is not among these. It asks for a sphere of dimension 4, in five
/// columns, and keeps four of them: what it calls a 3-sphere is a filled ball of dimension 4.
template <class = lazy>
[[nodiscard]] std::vector<manifold> benchmark_manifolds() {
  std::vector<manifold> out;
  for (const detail::manifold_chart& chart : detail::benchmark_charts)
    out.push_back(detail::manifold_of_chart(chart));
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
