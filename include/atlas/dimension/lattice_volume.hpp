// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many points of a lattice are within a distance: Macocco, Glielmo, Grilli, Laio, "Intrinsic
/// dimension estimation for discrete metrics", Phys. Rev. Lett. 130, 067401 (2023), equation 2.

#include <cmath>
#include <cstddef>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Volumes of all radii up to a largest one, for one dimension.
struct lattice_volumes {
  std::vector<double> logarithm;  ///< by radius, of V
  std::vector<double> slope;      ///< its derivative by the dimension
};

/// Volumes are the coefficients of `(1 + x)^d / (1 - x)^(d + 1)`, which makes them obey
/// `(l + 1) V(l + 1) = (2 d + 1) V(l) + l V(l - 1)`; the derivative of that gives the slopes. All
/// terms are positive, so nothing cancels, whatever the real d: Ehrhart's sum over binomial
/// coefficients, the paper's equation, alternates in sign for l > d, and its expansion for large l
/// is wrong by a percent at l = 35. Relative error about 1e-16 times the radius.
template <class = lazy>
lattice_volumes volumes_up_to(index_t radius, double d) {
  const auto size = static_cast<std::size_t>(radius) + 1;
  lattice_volumes out{std::vector<double>(size, 0.0), std::vector<double>(size, 0.0)};
  double ratio = 0;  // of the volume to the one before
  for (std::size_t l = 0; l + 1 < size; ++l) {
    const auto before = static_cast<double>(l);
    const double carried = l > 0 ? before / ratio : 0;
    const double sum = 2 * d + 1 + carried;
    const double slope =
        (2 * d + 1) * out.slope[l] + 2 + (l > 0 ? carried * out.slope[l - 1] : 0.0);
    ratio = sum / (before + 1);
    out.logarithm[l + 1] = out.logarithm[l] + std::log(ratio);
    out.slope[l + 1] = slope / sum;
  }
  return out;
}

}  // namespace detail

/// The number of points within a radius of a point of a lattice of whole numbers, distances being
/// sums of the absolute differences of coordinates: 2 l + 1 in one dimension, 2 l^2 + 2 l + 1 in
/// two; for a dimension that is no whole number the polynomial through these.
/// \param radius    l, 0 or more
/// \param dimension d, above 0
/// \return V(l, d), to about l roundings; +inf beyond the largest double
/// \throws value_error for arguments out of range
///
/// O(l) time.
template <class = lazy>
[[nodiscard]] double lattice_volume(index_t radius, double dimension) {
  check_between(radius, 0, index_t{1} << 40, "radius");
  check_positive(dimension, "dimension");
  double volume = 1, before = 0;
  for (index_t l = 0; l < radius; ++l) {
    const auto x = static_cast<double>(l);
    const double next = ((2 * dimension + 1) * volume + x * before) / (x + 1);
    before = volume;
    volume = next;
  }
  return volume;
}

}  // namespace atlas::inline ATLAS_ABI
