// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many rows of a lattice are within two radii of each.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/lattice_scales.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/periods.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A row's radii, and how many others are within them.
struct lattice_counts {
  index_t outer = -1, inner = -1;  ///< radii; -1 where the row has none
  double within_outer = 0, within_inner = 0;
};

/// \throws value_error for coordinates, or lengths of a box, that are not whole numbers below 2^50
template <class Scalar>
void check_whole(const tensor_view<const Scalar, 2>& points, const std::vector<double>& lengths) {
  constexpr double most = 0x1p50;  // sums of differences of 2 to the 2 of these are exact
  for (index_t i = 0; i < points.extent(0); ++i)
    for (index_t c = 0; c < points.extent(1); ++c) {
      const auto x = static_cast<double>(points(i, c));
      if (std::trunc(x) != x || !(std::abs(x) <= most))
        throw value_error(
            "points", "whole numbers (estimate_dimension takes continuous clouds)",
            number_text(x) + " at [" + std::to_string(i) + ", " + std::to_string(c) + "]");
    }
  for (const double length : lengths)
    if (std::isfinite(length) && std::trunc(length) != length)
      throw value_error("periods", "whole numbers", number_text(length));
}

/// Sum of the absolute differences of a row's coordinates to those of row b, or of those of their
/// nearest images.
template <class Scalar>
double lattice_distance(const std::vector<double>& row, const tensor_view<const Scalar, 2>& points,
                        index_t b, const std::vector<double>& lengths) {
  const Scalar* other = points.data() + b * points.stride(0);
  const index_t step = points.stride(1);
  double sum = 0;
  if (lengths.empty())
    for (std::size_t c = 0; c < row.size(); ++c)
      sum += std::abs(row[c] - static_cast<double>(other[static_cast<index_t>(c) * step]));
  else
    for (std::size_t c = 0; c < row.size(); ++c)
      sum +=
          image_gap(row[c], static_cast<double>(other[static_cast<index_t>(c) * step]), lengths[c]);
  return sum;
}

/// The rows of a lattice and how to compare them.
template <class Scalar>
struct lattice_rows {
  const tensor_view<const Scalar, 2>& points;
  const std::vector<double>& lengths;
  const exclusion& exclude;

  bool allows(index_t i, index_t j) const { return i != j && !exclude.rejects(i, j); }

  std::vector<double> row(index_t i) const {
    std::vector<double> out;
    for (index_t c = 0; c < points.extent(1); ++c) out.push_back(static_cast<double>(points(i, c)));
    return out;
  }

  lattice_counts at_radii(index_t i, index_t outer, index_t inner) const {
    lattice_counts out{outer, inner, 0, 0};
    const std::vector<double> own = row(i);
    for (index_t j = 0; j < points.extent(0); ++j) {
      const double distance = lattice_distance(own, points, j, lengths);
      if (!(distance <= static_cast<double>(outer)) || !allows(i, j)) continue;
      ++out.within_outer;
      if (distance <= static_cast<double>(inner)) ++out.within_inner;
    }
    return out;
  }

  /// Sorted distances to the rows that may be neighbours.
  void distances_of(index_t i, std::vector<double>& out) const {
    out.clear();
    const std::vector<double> own = row(i);
    for (index_t j = 0; j < points.extent(0); ++j)
      if (allows(i, j)) out.push_back(lattice_distance(own, points, j, lengths));
    std::sort(out.begin(), out.end());
  }
};

/// The outer radius by sorted distances; 0 where there is none above 0.
inline double outer_radius(const std::vector<double>& sorted, const lattice_scales& s) {
  if (s.k > 0) {
    if (static_cast<index_t>(sorted.size()) < s.k) return 0;
    const auto first =
        std::lower_bound(sorted.begin(), sorted.end(), sorted[static_cast<std::size_t>(s.k) - 1]);
    return first == sorted.begin() ? 0 : *(first - 1);
  }
  auto place = std::upper_bound(sorted.begin(), sorted.end(), 0.0);
  for (index_t shell = 1; shell < s.shells && place != sorted.end(); ++shell)
    place = std::upper_bound(place, sorted.end(), *place);
  return place == sorted.end() ? 0 : *place;
}

inline lattice_counts counts_of_sorted(const std::vector<double>& sorted, const lattice_scales& s) {
  const double outer = outer_radius(sorted, s);
  if (!(outer > 0)) return {};
  double inner = std::nearbyint(s.ratio * outer);
  if (inner == outer) --inner;
  const auto within = [&](double radius) {
    return static_cast<double>(std::upper_bound(sorted.begin(), sorted.end(), radius) -
                               sorted.begin());
  };
  return {static_cast<index_t>(outer), static_cast<index_t>(inner), within(outer), within(inner)};
}

template <class Scalar>
std::vector<lattice_counts> count_lattice(const lattice_rows<Scalar>& rows, const lattice_scales& s,
                                          int threads) {
  std::vector<lattice_counts> out(static_cast<std::size_t>(rows.points.extent(0)));
  parallel_for(
      rows.points.extent(0), threads, [] { return std::vector<double>(); },
      [&](index_t i, std::vector<double>& sorted) {
        lattice_counts& own = out[static_cast<std::size_t>(i)];
        if (s.outer > 0) {
          own = rows.at_radii(i, s.outer, s.inner);
        } else {
          rows.distances_of(i, sorted);
          own = counts_of_sorted(sorted, s);
        }
      });
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
