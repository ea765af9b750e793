// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Exact distances of rows, how clouds are centred and scaled for the shortlist, and bounds of the
/// rounding of both.

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_functions.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Partial sums that a sum of squares is made of, each of every eighth coordinate, in one order.
inline constexpr index_t square_lanes = 8;

/// Sum of the squares of `gap(k)` for the d coordinates k, in double.
/// \param partial of the coordinates before `from`, a multiple of `square_lanes`
template <class Gap>
double sum_of_squares(index_t d, const Gap& gap, double (&partial)[square_lanes], index_t from) {
  index_t c = from;
  for (; c + square_lanes <= d; c += square_lanes)
    for (index_t l = 0; l < square_lanes; ++l) {
      const double diff = gap(c + l);
      partial[l] += diff * diff;
    }
  for (index_t l = 0; c < d; ++c, ++l) {
    const double diff = gap(c);
    partial[l] += diff * diff;
  }
  return ((partial[0] + partial[1]) + (partial[2] + partial[3])) +
         ((partial[4] + partial[5]) + (partial[6] + partial[7]));
}

template <class Gap>
double sum_of_squares(index_t d, const Gap& gap) {
  double partial[square_lanes] = {};
  return sum_of_squares(d, gap, partial, 0);
}

/// Squared distance of two rows, computed from their differences in double: the same bits for every
/// storage order and symmetric in its arguments, and those of `sum_of_squares`.
template <class A, class B>
double squared_distance(const A* a, const B* b, index_t d) {
  double partial[square_lanes] = {};
  index_t c = 0;
#if !defined(ATLAS_PLAIN_VECTORS)
  if constexpr ((std::is_same_v<A, float> || std::is_same_v<A, double>)&&(
                    std::is_same_v<B, float> || std::is_same_v<B, double>)) {
    constexpr int lanes = vector_of<double>::lanes, vectors = square_lanes / lanes;
    double_vector sums[vectors] = {};
    for (; c + square_lanes <= d; c += square_lanes)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        const double_vector diff =
            load_as_doubles(a + c + v * lanes) - load_as_doubles(b + c + v * lanes);
        sums[v] += diff * diff;
      }
    for (int v = 0; v < vectors; ++v) vector_of<double>::store(partial + v * lanes, sums[v]);
  }
#endif
  const auto gap = [=](index_t k) { return static_cast<double>(a[k]) - static_cast<double>(b[k]); };
  return sum_of_squares(d, gap, partial, c);
}

/// Calls `visit(i, k, x[i, k])` for the rows [from, from + rows), along the memory.
template <class Scalar, class Visit>
void for_each_of_rows(const tensor_view<const Scalar, 2>& x, index_t from, index_t rows,
                      Visit&& visit) {
  const index_t d = x.extent(1);
  if (x.stride(1) == 1) {
    for (index_t i = from; i < from + rows; ++i) {
      const Scalar* const row = &x(i, index_t{0});
      for (index_t k = 0; k < d; ++k) visit(i, k, row[k]);
    }
  } else if (std::abs(x.stride(0)) < std::abs(x.stride(1))) {
    for (index_t k = 0; k < d; ++k)
      for (index_t i = from; i < from + rows; ++i) visit(i, k, x(i, k));
  } else {
    for (index_t i = from; i < from + rows; ++i)
      for (index_t k = 0; k < d; ++k) visit(i, k, x(i, k));
  }
}

/// A point in the middle of a cloud and a power of two. Rows minus the point, times the power, have
/// coordinates below 1 in magnitude, so that squared norms neither overflow nor cancel against a
/// common offset.
struct centring {
  std::vector<double> mean;
  double scale = 1;
  double squared_scale = 1;
  double reach = 0;  // largest magnitude of a coordinate after centring and scaling
};

inline constexpr index_t centring_rows = 1024;  // rows that a task reads

/// Mean of up to 1,024 rows spread over the cloud. Bounds hold about any point; they are tight
/// about one that is near the rows.
template <class Scalar>
std::vector<double> middle_of(const tensor_view<const Scalar, 2>& points) {
  const index_t n = points.extent(0), d = points.extent(1);
  const index_t step = (n + centring_rows - 1) / centring_rows;
  const index_t rows_read = (n + step - 1) / step;
  const double share = 1 / static_cast<double>(rows_read);
  std::vector<double> mean(static_cast<std::size_t>(d), 0.0);
  for (index_t i = 0; i < n; i += step)
    for (index_t k = 0; k < d; ++k)
      mean[static_cast<std::size_t>(k)] += share * static_cast<double>(points(i, k));
  return mean;
}

/// Largest magnitude of a coordinate minus that of the middle.
template <class Scalar>
double reach_of(const tensor_view<const Scalar, 2>& points, const std::vector<double>& mean,
                int threads) {
  const index_t n = points.extent(0), blocks = (n + centring_rows - 1) / centring_rows;
  std::vector<double> reaches(static_cast<std::size_t>(blocks), 0.0);
  parallel_for(blocks, threads, [&](index_t b) {
    // By columns, so that the compiler can take several at a time.
    std::vector<double> reach(mean.size(), 0.0);
    for_each_of_rows(points, b * centring_rows, (std::min)(centring_rows, n - b * centring_rows),
                     [&, most = reach.data(), middle = mean.data()](index_t, index_t k, Scalar x) {
                       const double gap = std::abs(static_cast<double>(x) - middle[k]);
                       most[k] = most[k] < gap ? gap : most[k];
                     });
    reaches[static_cast<std::size_t>(b)] = *std::max_element(reach.begin(), reach.end());
  });
  return *std::max_element(reaches.begin(), reaches.end());
}

/// \param reach largest distance of a coordinate from the middle
inline centring centring_about(std::vector<double> middle, double reach) {
  centring c{.mean = std::move(middle)};
  int exponent = 0;
  std::frexp(reach, &exponent);
  // Squares of the scale must not overflow either.
  if (reach > 0 && std::isfinite(reach))
    c.scale = std::ldexp(1.0, std::clamp(-exponent, -500, 500));
  c.squared_scale = c.scale * c.scale;
  c.reach = reach * c.scale;
  return c;
}

template <class Scalar>
centring find_centring(const tensor_view<const Scalar, 2>& points, int threads) {
  std::vector<double> middle = middle_of(points);
  const double reach = reach_of(points, middle, threads);
  return centring_about(std::move(middle), reach);
}

/// A centring of two clouds, about the middle of the second.
template <class Scalar>
centring find_common_centring(const tensor_view<const Scalar, 2>& a,
                              const tensor_view<const Scalar, 2>& b, int threads) {
  std::vector<double> middle = middle_of(b);
  const double reach = (std::max)(reach_of(a, middle, threads), reach_of(b, middle, threads));
  return centring_about(std::move(middle), reach);
}

/// Bound on the relative error of `|x|^2 + |y|^2 - 2 x.y` against `|x|^2 + |y|^2`, where x and y
/// are the rounded centred rows: a sum that begins with the norms and runs over d products (twice
/// gamma_{d+2}, Higham 2002, section 3.1, with or without fused products), the norms themselves
/// (gamma_d), and the rounding of rows and norms.
template <class Scalar>
double shortlist_error(index_t d) {
  const double unit = 0.5 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  const double gamma = static_cast<double>(d + 2) * unit;
  return 3 * gamma / (1 - gamma) + 16 * unit;
}

/// An upper bound of the true squared distance of two rows whose computed one is `square`:
/// differences, squares and sums are rounded, and may have underflowed.
inline double largest_square(double square, index_t d) {
  const double share = static_cast<double>(d + 8) * std::numeric_limits<double>::epsilon();
  return (square + static_cast<double>(2 * d) * std::numeric_limits<double>::denorm_min()) *
         (1 + share);
}

}  // namespace atlas::inline ATLAS_ABI::detail
