// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A few orthonormal axes along which a cloud varies most, found from a sample. Any orthonormal
/// axes are right for bounds of distances; good ones make them tight.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/neighbors/rounding/row_distances.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr index_t most_axes = 24;

/// Orthonormal axes for rows that are centred and scaled.
struct leading_axes {
  index_t count = 0;
  std::vector<double> rows;  ///< `[count, d]`
  double stretch = 1;        ///< bound of the factor by which projecting lengthens

  const double* axis(index_t a) const {
    return rows.data() + a * (static_cast<index_t>(rows.size()) / count);
  }
};

/// Up to 512 rows spread over a cloud, `[rows, d]`, centred and scaled.
template <class Scalar>
std::vector<double> sample_rows(const tensor_view<const Scalar, 2>& points, const centring& c) {
  const index_t n = points.extent(0), d = points.extent(1), step = (n + 511) / 512;
  std::vector<double> sample;
  sample.reserve(static_cast<std::size_t>((n + step - 1) / step * d));
  for (index_t i = 0; i < n; i += step)
    for (index_t k = 0; k < d; ++k)
      sample.push_back((static_cast<double>(points(i, k)) - c.mean[static_cast<std::size_t>(k)]) *
                       c.scale);
  return sample;
}

inline double dot(const double* a, const double* b, index_t d) {
  constexpr index_t lanes = 8;
  double partial[lanes] = {};
  index_t k = 0;
  for (; k + lanes <= d; k += lanes)
    for (index_t l = 0; l < lanes; ++l) partial[l] += a[k + l] * b[k + l];
  for (; k < d; ++k) partial[0] += a[k] * b[k];
  double sum = 0;
  for (const double p : partial) sum += p;
  return sum;
}

/// Gram-Schmidt, each row twice against those before it; rows that depend on those become 0.
inline void orthonormalize(std::vector<double>& rows, index_t count, index_t d) {
  for (index_t a = 0; a < count; ++a) {
    double* row = rows.data() + a * d;
    const double before = std::sqrt(dot(row, row, d));
    for (int round = 0; round < 2; ++round)
      for (index_t b = 0; b < a; ++b) {
        const double* other = rows.data() + b * d;
        const double share = dot(row, other, d);
        for (index_t k = 0; k < d; ++k) row[k] -= share * other[k];
      }
    const double after = std::sqrt(dot(row, row, d));
    const double factor = after > 1e-9 * before ? 1 / after : 0;
    for (index_t k = 0; k < d; ++k) row[k] *= factor;
  }
}

/// One step of orthogonal iteration: each axis becomes the sum of the sample's rows, weighed by
/// their coordinates along it.
///
/// \return the mean squares of those coordinates
inline std::vector<double> iterate(const std::vector<double>& sample, std::vector<double>& axes,
                                   index_t count, index_t d) {
  const index_t rows = static_cast<index_t>(sample.size()) / d;
  std::vector<double> next(axes.size(), 0.0), squares(static_cast<std::size_t>(count), 0.0);
  for (index_t i = 0; i < rows; ++i)
    for (index_t a = 0; a < count; ++a) {
      const double* row = sample.data() + i * d;
      const double x = dot(row, axes.data() + a * d, d);
      squares[static_cast<std::size_t>(a)] += x * x;
      for (index_t k = 0; k < d; ++k) next[static_cast<std::size_t>(a * d + k)] += x * row[k];
    }
  orthonormalize(next, count, d);
  axes.swap(next);
  return squares;
}

/// An upper bound of the root of the largest eigenvalue of the axes' Gram matrix (Gershgorin): the
/// factor by which a projection may lengthen a vector where the axes are not quite orthonormal.
inline double largest_stretch(const leading_axes& axes, index_t d) {
  double most = 0;
  for (index_t a = 0; a < axes.count; ++a) {
    double sum = 0;
    for (index_t b = 0; b < axes.count; ++b) sum += std::abs(dot(axes.axis(a), axes.axis(b), d));
    most = (std::max)(most, sum);
  }
  return std::sqrt((std::max)(1.0, most)) * (1 + 1e-9);
}

/// As few axes as hold 99.9% of the sample's variance, at most 24. O(512 * 24 d) a step.
/// \param sample `[rows, d]`, of sample_rows
inline leading_axes find_leading_axes(const std::vector<double>& sample, index_t d) {
  leading_axes out;
  out.count = (std::min)({most_axes, d, static_cast<index_t>(sample.size()) / d});
  out.rows.assign(sample.begin(), sample.begin() + out.count * d);
  orthonormalize(out.rows, out.count, d);
  std::vector<double> squares;
  for (int step = 0; step < 5; ++step) squares = iterate(sample, out.rows, out.count, d);
  double beyond = dot(sample.data(), sample.data(), static_cast<index_t>(sample.size()));
  const double rest = 1e-3 * beyond;
  index_t count = 0;
  for (; count < out.count && beyond > rest; ++count)
    beyond -= squares[static_cast<std::size_t>(count)];
  out.count = std::max<index_t>(count, 1);
  out.rows.resize(static_cast<std::size_t>(out.count * d));
  out.stretch = largest_stretch(out, d);
  return out;
}

/// Share of the sample's rows whose distance from a row along the axes is below that of the row's
/// second nearest neighbour in all coordinates, so that the axes do not rule them out; the mean
/// over 16 rows of the sample. Where it is large boxes along the axes rule out little.
inline double share_within_reach(const std::vector<double>& sample, index_t d,
                                 const leading_axes& axes) {
  const index_t rows = static_cast<index_t>(sample.size()) / d;
  constexpr index_t asked = 16;
  index_t within = 0;
  std::vector<double> gap(static_cast<std::size_t>(d)), lengths(static_cast<std::size_t>(rows));
  for (index_t q = 0; q < asked; ++q) {
    const double* row = sample.data() + q * rows / asked * d;
    double first = std::numeric_limits<double>::infinity(), second = first;
    for (index_t i = 0; i < rows; ++i) {
      const double* other = sample.data() + i * d;
      for (index_t k = 0; k < d; ++k) gap[static_cast<std::size_t>(k)] = other[k] - row[k];
      double along = 0;
      for (index_t a = 0; a < axes.count; ++a) {
        const double x = dot(gap.data(), axes.axis(a), d);
        along += x * x;
      }
      lengths[static_cast<std::size_t>(i)] = along;
      const double square = dot(gap.data(), gap.data(), d);
      if (other == row) continue;
      second = (std::min)(second, (std::max)(first, square));
      first = (std::min)(first, square);
    }
    within += std::count_if(lengths.begin(), lengths.end(), [&](double x) { return x < second; });
  }
  return static_cast<double>(within) / static_cast<double>(asked * rows);
}

/// Coordinates of a row along the axes, each written `step` places after the one before.
template <class Scalar>
void project_row(const Scalar* row, const centring& c, const leading_axes& axes, float* to,
                 index_t step, std::vector<double>& centred) {
  const auto d = static_cast<index_t>(c.mean.size());
  centred.resize(c.mean.size());
  for (index_t k = 0; k < d; ++k)
    centred[static_cast<std::size_t>(k)] =
        (static_cast<double>(row[k]) - c.mean[static_cast<std::size_t>(k)]) * c.scale;
  for (index_t a = 0; a < axes.count; ++a)
    to[a * step] = static_cast<float>(dot(centred.data(), axes.axis(a), d));
}

/// Bound of the amount by which the distance of two rows' rounded coordinates along the axes
/// exceeds the true one: each row, of length at most sqrt(d), is rounded to float after sums of d
/// products in double.
inline double projection_error(index_t d, index_t axes) {
  const double length = std::sqrt(static_cast<double>(d));
  const double sums = static_cast<double>(d + 8) * std::sqrt(static_cast<double>(axes)) * 0x1p-52;
  return 2 * length * (0x1p-24 * 1.01 + sums);
}

}  // namespace atlas::inline ATLAS_ABI::detail
