// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Periodic boxes: coordinates that begin again after a length, as angles do, and distances to the
/// nearest image.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The lengths of a box, `[d]`, +inf for coordinates that are not periodic; empty where none is.
/// \param periods as the caller gives them: one a coordinate, 0 or +inf: not periodic; or none
/// \throws shape_error for another number of them, value_error for negative ones and NaN
inline std::vector<double> box_lengths(const std::vector<double>& periods, index_t d) {
  if (periods.empty()) return {};
  check_extent(static_cast<index_t>(periods.size()), d, "periods", "one length a coordinate,");
  std::vector<double> out = periods;
  bool any = false;
  for (std::size_t k = 0; k < out.size(); ++k) {
    if (!(out[k] >= 0))
      throw value_error("periods",
                        "lengths above 0, or 0 or +inf where a coordinate is not periodic",
                        number_text(out[k]) + " at [" + std::to_string(k) + "]");
    if (out[k] == 0) out[k] = std::numeric_limits<double>::infinity();
    any = any || std::isfinite(out[k]);
  }
  if (!any) out.clear();
  return out;
}

/// \param lengths of box_lengths
/// \throws value_error where a periodic coordinate is below 0 or above its length
template <class Scalar>
void check_in_box(const tensor_view<const Scalar, 2>& points, const std::vector<double>& lengths,
                  std::string_view argument) {
  for (index_t i = 0; i < points.extent(0); ++i)
    for (index_t k = 0; k < static_cast<index_t>(lengths.size()); ++k) {
      const auto x = static_cast<double>(points(i, k));
      const double length = lengths[static_cast<std::size_t>(k)];
      if (std::isfinite(length) && !(x >= 0 && x <= length))
        throw value_error(
            argument, "coordinates from 0 to their period, " + number_text(length),
            number_text(x) + " at [" + std::to_string(i) + ", " + std::to_string(k) + "]");
    }
}

/// Difference of two coordinates, each from 0 to `length`, or of the nearest images of them. To a
/// rounding of its own size: where the image is nearer the larger one is above half of the length,
/// so that its distance from the end is exact (Sterbenz). The length may be +inf.
inline double image_gap(double a, double b, double length) {
  const double high = (std::max)(a, b), low = (std::min)(a, b);
  return (std::min)(high - low, (length - high) + low);
}

/// Distance of two rows, or of the nearest images of them, over the whole range of doubles.
/// \param lengths `[d]`
/// \throws value_error where it is more than a double can hold
template <class A, class B>
double image_distance(const A* a, const B* b, const double* lengths, index_t d) {
  const auto gap = [&](index_t k) {
    return image_gap(static_cast<double>(a[k]), static_cast<double>(b[k]), lengths[k]);
  };
  const double square = sum_of_squares(d, gap);
  if (!is_too_small(square) && square <= (std::numeric_limits<double>::max)())
    return std::sqrt(square);
  const double distance = close_length(d, gap);
  if (!(distance <= (std::numeric_limits<double>::max)()))
    throw value_error("points", "rows whose distance a double can hold",
                      "rows that are further apart");
  return distance;
}

}  // namespace atlas::inline ATLAS_ABI::detail
