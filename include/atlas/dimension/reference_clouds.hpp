// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Clouds of known dimension that an estimate is held against: with and without an edge, curved and
/// straight, of even and of uneven density.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/simulation/clouds.hpp"

namespace atlas::inline ATLAS_ABI {

/// Kinds of clouds of known dimension that the bias of an estimator is simulated on.
enum class reference_cloud {
  torus,     ///< flat, each circle in a plane of its own, so 2 d columns: no edge
  cube,      ///< uniform, straight: almost all of it is near an edge where d is large
  gaussian,  ///< standard normal: of uneven density
  sphere,    ///< uniform on a sphere of d dimensions in d + 1 columns: curved, no edge
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, reference_cloud>, 4> names_of(
    reference_cloud) {
  return {{{"torus", reference_cloud::torus},
           {"cube", reference_cloud::cube},
           {"gaussian", reference_cloud::gaussian},
           {"sphere", reference_cloud::sphere}}};
}

/// "torus", "cube", "gaussian" or "sphere".
[[nodiscard]] constexpr std::string_view name_of(reference_cloud reference) {
  for (const auto& [name, value] : names_of(reference))
    if (value == reference) return name;
  return "";
}

/// All of them.
[[nodiscard]] inline std::vector<reference_cloud> reference_clouds() {
  return {reference_cloud::torus, reference_cloud::cube, reference_cloud::gaussian,
          reference_cloud::sphere};
}

namespace detail {

/// The most dimensions that such a cloud can have in this many columns.
inline index_t most_dimensions(reference_cloud reference, index_t columns) {
  if (reference == reference_cloud::torus) return columns / 2;
  return reference == reference_cloud::sphere ? columns - 1 : columns;
}

template <class = lazy>
owned_tensor<double, 2> simulate_reference(reference_cloud reference, index_t rows, index_t d,
                                           random_stream& random) {
  switch (reference) {
    case reference_cloud::torus:
      return simulate_torus(rows, d, random);
    case reference_cloud::cube:
      return simulate_cube(rows, d, random);
    case reference_cloud::gaussian:
      return simulate_gaussian(rows, d, random);
    default:
      return simulate_sphere(rows, d, random);
  }
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
