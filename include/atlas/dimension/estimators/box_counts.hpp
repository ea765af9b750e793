// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which box of a grid each row of a cloud is in, and how many others are in it.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/two_nn_scores.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Where the boxes lie: the mean of a cloud is a corner, and `extent` is 4.2 times the largest mean
/// distance of a coordinate from its mean, which of a uniform one is its range and a twentieth. The
/// outermost rows would move the boxes of another sample by far more.
struct cloud_frame {
  std::vector<double> origin;
  double extent = 0;
  index_t widest = 0;  ///< column that it is of
};

inline constexpr double extent_of_deviation = 4.2;

template <class Scalar>
cloud_frame frame_of(const tensor_view<const Scalar, 2>& points) {
  const auto rows = static_cast<double>(points.extent(0));
  cloud_frame out;
  for (index_t c = 0; c < points.extent(1); ++c) {
    double mean = 0, deviation = 0;
    for (index_t i = 0; i < points.extent(0); ++i) mean += static_cast<double>(points(i, c)) / rows;
    for (index_t i = 0; i < points.extent(0); ++i)
      deviation += std::abs(static_cast<double>(points(i, c)) - mean) / rows;
    out.origin.push_back(mean);
    if (!(extent_of_deviation * deviation > out.extent)) continue;
    out.extent = extent_of_deviation * deviation;
    out.widest = c;
  }
  return out;
}

/// The name of a box: two hashes of its place.
using box_name = std::pair<std::uint64_t, std::uint64_t>;

/// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: the
/// finaliser.
inline std::uint64_t mix_bits(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

/// \param halvings how many times the extent is halved for a side, up to `most_halvings`
template <class Scalar>
box_name box_of(const tensor_view<const Scalar, 2>& points, index_t row, const cloud_frame& frame,
                int halvings) {
  box_name out{0x9E3779B97F4A7C15U, 0xD1B54A32D192ED03U};
  for (index_t c = 0; c < points.extent(1); ++c) {
    const double part =
        (static_cast<double>(points(row, c)) - frame.origin[static_cast<std::size_t>(c)]) /
        frame.extent;
    const auto place = static_cast<std::uint64_t>(
        static_cast<std::int64_t>(std::floor(std::ldexp(part, halvings))));
    out.first = mix_bits(out.first + place + 0x9E3779B97F4A7C15U);
    out.second = mix_bits(std::rotl(out.second, 23) ^ (place * 0xD1B54A32D192ED03U + 1));
  }
  return out;
}

/// No row is further from the mean than N / 4 extents, so that its place is below 2^62.
inline constexpr int most_halvings = 30;

/// Of each row, the boxes of one side.
struct box_counts {
  std::vector<double> rows;  ///< in the row's box
  /// One over that number where they are all of one unit, 0 otherwise: what the box count loses
  /// without that unit, spread over its rows.
  std::vector<double> alone;
  double boxes = 0;  ///< that are occupied
};

template <class Scalar>
box_counts count_boxes(const tensor_view<const Scalar, 2>& points, const cloud_frame& frame,
                       int halvings, const row_units& units, int threads) {
  const auto n = static_cast<std::size_t>(points.extent(0));
  std::vector<std::pair<box_name, index_t>> names(n);
  parallel_for(points.extent(0), threads, [&](index_t i) {
    names[static_cast<std::size_t>(i)] = {box_of(points, i, frame, halvings), i};
  });
  std::sort(names.begin(), names.end());
  box_counts out{std::vector<double>(n), std::vector<double>(n), 0};
  for (std::size_t first = 0, last = 0; first < n; first = last) {
    bool one_unit = true;
    for (; last < n && names[last].first == names[first].first; ++last)
      one_unit = one_unit && units.of(names[last].second) == units.of(names[first].second);
    const auto rows = static_cast<double>(last - first);
    for (std::size_t m = first; m < last; ++m) {
      out.rows[static_cast<std::size_t>(names[m].second)] = rows;
      out.alone[static_cast<std::size_t>(names[m].second)] = one_unit ? 1 / rows : 0;
    }
    out.boxes += 1;
  }
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
