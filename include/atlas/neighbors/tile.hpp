#pragma once
/// \file
/// Blocks of rows as the neighbour search works on them.

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::detail {

/// Squared distance of two rows, computed from their differences in double. Eight partial sums in
/// a fixed order: the same bits for every storage order and symmetric in its arguments.
template <class A, class B>
double squared_distance(const A* a, const B* b, index d) {
  constexpr index lanes = 8;
  double partial[lanes] = {};
  index c = 0;
  for (; c + lanes <= d; c += lanes)
    for (index l = 0; l < lanes; ++l) {
      const double diff = static_cast<double>(a[c + l]) - static_cast<double>(b[c + l]);
      partial[l] += diff * diff;
    }
  for (index l = 0; c < d; ++c, ++l) {
    const double diff = static_cast<double>(a[c]) - static_cast<double>(b[c]);
    partial[l] += diff * diff;
  }
  return ((partial[0] + partial[1]) + (partial[2] + partial[3])) +
         ((partial[4] + partial[5]) + (partial[6] + partial[7]));
}

/// Where the centre of a cloud is and by which power of two it is scaled, so that the squared
/// norms of the shortlist neither overflow nor cancel against a common offset.
struct centring {
  std::vector<double> mean;
  double scale = 1;
};

template <class Scalar>
centring find_centring(const tensor_view<const Scalar, 2>& points) {
  const index n = points.extent(0), d = points.extent(1);
  centring c{std::vector<double>(static_cast<std::size_t>(d), 0.0), 1};
  for (index i = 0; i < n; ++i)
    for (index k = 0; k < d; ++k)
      c.mean[static_cast<std::size_t>(k)] +=
          static_cast<double>(points(i, k)) / static_cast<double>(n);
  double reach = 0;
  for (index i = 0; i < n; ++i)
    for (index k = 0; k < d; ++k)
      reach = std::max(
          reach, std::abs(static_cast<double>(points(i, k)) - c.mean[static_cast<std::size_t>(k)]));
  int exponent = 0;
  std::frexp(reach, &exponent);
  if (reach > 0) c.scale = std::ldexp(1.0, std::max(-1000, std::min(1000, -exponent)));
  return c;
}

/// A run of rows: as given (for exact distances) and centred (for the shortlist).
template <class Scalar>
struct row_block {
  index first = 0;
  row_matrix<Scalar> raw, centred;

  void load(const tensor_view<const Scalar, 2>& points, const centring& c, index from, index rows) {
    const index d = points.extent(1);
    first = from;
    raw.resize(rows, d);
    centred.resize(rows, d);
    for (index i = 0; i < rows; ++i)
      for (index k = 0; k < d; ++k) {
        const Scalar x = points(from + i, k);
        raw(i, k) = x;
        centred(i, k) = static_cast<Scalar>(
            (static_cast<double>(x) - c.mean[static_cast<std::size_t>(k)]) * c.scale);
      }
  }
};

/// Bound on the relative error of `|x|^2 + |y|^2 - 2 x.y` against `|x|^2 + |y|^2`, where x and y
/// are the rounded centred rows: dot products of length d (gamma_d, Higham 2002, section 3.1),
/// the norms, the two sums and the rounding of the rows themselves.
template <class Scalar>
double shortlist_error(index d) {
  const double unit = 0.5 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  const double gamma = static_cast<double>(d) * unit;
  return 2 * gamma / (1 - gamma) + 16 * unit;
}

}  // namespace atlas::detail
