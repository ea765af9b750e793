// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Curves and surfaces in space of the benchmark of Hein and Audibert, "Intrinsic dimensionality
/// estimation of submanifolds in R^d", ICML 2005, and of scikit-dimension (Bac, Mirkes, Gorban,
/// Tyukin, Zinovyev, Entropy 23, 1368, 2021). Parameters are uniform, so that most of these are not
/// covered with uniform density.

#include <cmath>
#include <numbers>
#include <span>

#include "atlas/core/portable_angles.hpp"
#include "atlas/dimension/manifolds/chart.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A circle eight times wound around by a coil of radius 1: `((2 + cos 8t) cos t, (2 + cos 8t) sin
/// t, sin 8t)`.
inline void map_helix(std::span<const double> u, std::span<double> row) {
  const sine_cosine around = sine_cosine_of_turns(u[0]), coil = sine_cosine_of_turns(8 * u[0]);
  row[0] = (2 + coil.cosine) * around.cosine;
  row[1] = (2 + coil.cosine) * around.sine;
  row[2] = coil.sine;
}

/// A helicoid of five turns: `(r cos p, r sin p, p / 2)`, r and p below 10 pi.
inline void map_helicoid(std::span<const double> u, std::span<double> row) {
  constexpr double most = 10 * std::numbers::pi;
  const double radius = most * u[0];
  const sine_cosine angle = sine_cosine_of_turns(5 * u[1]);
  row[0] = radius * angle.cosine;
  row[1] = radius * angle.sine;
  row[2] = 0.5 * most * u[1];
}

/// `(t cos t, 21 v, t sin t)`, t from 1.5 pi to 4.5 pi with even density.
inline void map_roll(std::span<const double> u, std::span<double> row) {
  const double turns = 0.75 * std::fma(2.0, u[0], 1.0);
  const double radius = 2 * std::numbers::pi * turns;
  const sine_cosine angle = sine_cosine_of_turns(turns);
  row[0] = radius * angle.cosine;
  row[1] = 21 * u[1];
  row[2] = radius * angle.sine;
}

/// A band of width 1 whose middle is the unit circle and that turns by `half_twists` halves.
inline void map_band(std::span<const double> u, std::span<double> row, double half_twists) {
  const double across = u[1] - 0.5;
  const sine_cosine around = sine_cosine_of_turns(u[0]);
  const sine_cosine twist = sine_cosine_of_turns(0.5 * half_twists * u[0]);
  const double radius = std::fma(across, twist.cosine, 1.0);
  row[0] = radius * around.cosine;
  row[1] = radius * around.sine;
  row[2] = across * twist.sine;
}

/// Ten half twists: five whole ones, so that this band has two sides, whatever its name says.
inline void map_twisted_band(std::span<const double> u, std::span<double> row) {
  map_band(u, row, 10);
}

inline void map_moebius(std::span<const double> u, std::span<double> row) {
  map_band(u, row, 1);
}

/// Two arcs of radius 1 that make an S, 2 wide: `(sin t, 2 v, sign(t) (cos t - 1))`.
inline void map_s_curve(std::span<const double> u, std::span<double> row) {
  const double turns = 1.5 * (u[0] - 0.5);
  const sine_cosine angle = sine_cosine_of_turns(turns);
  row[0] = angle.sine;
  row[1] = 2 * u[1];
  row[2] = std::copysign(1 - angle.cosine, -turns);
}

/// Five turns of radius 100 that rise by 10 pi; ten more columns are 0.
inline void map_spiral(std::span<const double> u, std::span<double> row) {
  const sine_cosine angle = sine_cosine_of_turns(5 * u[0]);
  row[0] = 100 * angle.cosine;
  row[1] = 100 * angle.sine;
  row[2] = 10 * std::numbers::pi * u[0];
  for (double& x : row.subspan(3)) x = 0;
}

/// A ring of radius 1 and thickness 1/4. Density is even along both angles and not in area.
inline void map_ring(std::span<const double> u, std::span<double> row) {
  const sine_cosine around = sine_cosine_of_turns(u[0]), through = sine_cosine_of_turns(u[1]);
  const double radius = std::fma(0.25, through.cosine, 1.0);
  row[0] = radius * around.cosine;
  row[1] = radius * around.sine;
  row[2] = 0.25 * through.sine;
}

}  // namespace atlas::inline ATLAS_ABI::detail
