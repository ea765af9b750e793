// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a cloud lies on a lattice, where distances tie.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

template <class Scalar>
bool all_whole(const tensor_view<const Scalar, 2>& points) {
  for (index_t i = 0; i < points.extent(0); ++i)
    for (index_t c = 0; c < points.extent(1); ++c) {
      const auto x = static_cast<double>(points(i, c));
      if (std::trunc(x) != x) return false;
    }
  return true;
}

/// \param most how many are few
template <class Scalar>
bool few_values(const tensor_view<const Scalar, 2>& points, index_t column, std::size_t most) {
  std::vector<double> values;  // distinct, ascending
  for (index_t i = 0; i < points.extent(0); ++i) {
    const auto x = static_cast<double>(points(i, column));
    const auto place = std::lower_bound(values.begin(), values.end(), x);
    if (place != values.end() && *place == x) continue;
    if (values.size() == most) return false;
    values.insert(place, x);
  }
  return true;
}

template <class Scalar>
bool on_lattice(const tensor_view<const Scalar, 2>& points) {
  if (points.empty() || !all_whole(points)) return false;
  const auto most = static_cast<std::size_t>((std::max)(index_t{2}, points.extent(0) / 4));
  for (index_t c = 0; c < points.extent(1); ++c)
    if (!few_values(points, c, (std::min)(most, std::size_t{4096}))) return false;
  return true;
}

}  // namespace detail

/// The remark that estimates of such a cloud carry.
inline constexpr std::string_view lattice_remark =
    "All coordinates are whole numbers of few values, so that distances tie, which estimators for "
    "continuous clouds are not made for: see lattice_dimension.";

/// Whether all coordinates are whole numbers, and each column has no more different ones than a
/// quarter of the rows, or 2, or than 4096: then many rows are equally far from each other, and
/// what estimators for continuous clouds say is about the lattice. Lattices of other spacings, or
/// rotated ones, are not recognised. \param points `[N, d]`
///
/// Of a continuous cloud the first coordinate decides; otherwise O(N d log N) time, O(N) memory.
template <real_tensor<2> Points>
[[nodiscard]] bool looks_like_lattice(const Points& points) {
  const auto held = as_view<2>(points);
  return detail::on_lattice<scalar_of<Points, 2>>(held);
}

}  // namespace atlas::inline ATLAS_ABI
