// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tight localities: Amsaleg, Chelly, Houle, Kawarabayashi, Radovanovic, Treeratanajaru, "Intrinsic
/// dimensionality estimation within tight localities", SIAM Data Mining 2019.

#include <cmath>
#include <limits>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/neighbor_offsets.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// The ball of radius r_k about a row can be shrunk to any point inside, staying in what it was.
/// Shrunk to the row the radii at which its surface meets the other neighbours are their distances,
/// of which Hill's estimator makes a dimension. Here it is shrunk to each of the k neighbours in
/// turn too, and meets the others and their reflections in the row, so that a neighbourhood gives
/// 2 k^2 radii in place of k. The dimension of the row is that of Hill's estimator over all of
/// them, and that of the cloud a mean of the rows' values.
///
/// Radii below `epsilon r_k`, as two neighbours that coincide have, are left out. (A widely used
/// implementation leaves out what is below 1e-4 whatever the scale of the cloud is, so that its
/// answer changes with the units and is 0 for a small cloud.)
///
/// O(N k^2 d) time; O(k d) memory a thread beyond the neighbours. Coordinates may be periodic:
/// neighbours are then the images that are nearest to the row, which needs r_k below a quarter of
/// the shortest period to be a straight neighbourhood.
struct tle {
  index_t k = 20;         ///< neighbours, at least 3
  double epsilon = 1e-4;  ///< shortest radius that counts, as a share of r_k, in [0, 1)
  local_mean combine = local_mean::arithmetic;

  static constexpr std::string_view name = "tle";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return k; }
  /// The radii of one neighbourhood depend on each other, and its edge is a neighbour: the mean of
  /// few neighbours is not the dimension.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    check_between(k, 3, index_t{1} << 30, "k");
    check_half_open(epsilon, 0, 1, "epsilon");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("epsilon", self.epsilon);
    visit("combine", self.combine);
  }
};

}  // namespace estimators

namespace detail {

/// Shrunk by t about a point at distance u from its middle, the unit ball is that of radius t about
/// the `1 - t`-th part of the way to the point. Its surface meets another point, at distance w from
/// the middle and v from the first, where `t^2 (1 - u^2) + b t - v^2 = 0`, `b = u^2 + v^2 - w^2`;
/// of the two forms of the root this takes the one that cancels nothing.
///
/// \param first   u^2, 1 at most
/// \param second  w^2, 1 at most
/// \param between v^2; where it is 0, so is the result
inline double tight_radius(double first, double second, double between) {
  const double b = first + between - second, a = 1 - first;
  const double root = std::sqrt(b * b + 4 * between * a);
  return b > 0 ? 2 * between / (root + b) : (root - b) / (2 * a);
}

/// Sums of logarithms of radii, and how many there are.
struct radius_logs {
  double sum = 0;
  double count = 0;

  /// Both radii of a pair, or none.
  void add(double direct, double reflected, double epsilon) {
    if (!(direct > 0 && direct >= epsilon && reflected > 0 && reflected >= epsilon)) return;
    sum += std::log(direct * reflected);
    count += 2;
  }
};

/// Of one neighbourhood; NaN where all radii are equal.
template <class = lazy>
double tight_dimension(const neighbor_offsets& around, double epsilon) {
  const index_t k = around.offsets.rows();
  const double scale = 1 / around.last();
  radius_logs logs;
  for (index_t i = 0; i < k; ++i) {
    const double u = around.distances[i] * scale;
    logs.count += 2;  // of the row itself with its neighbour, twice as each pair
    if (u >= epsilon)
      logs.sum += 2 * std::log(u);
    else
      logs.count -= 2;
    for (index_t j = 0; j < i; ++j) {
      const double w = around.distances[j] * scale, u2 = u * u, w2 = w * w;
      const double apart =
          (around.offsets.row(i) - around.offsets.row(j)).squaredNorm() * scale * scale;
      const double across =
          (around.offsets.row(i) + around.offsets.row(j)).squaredNorm() * scale * scale;
      logs.add(tight_radius(u2, w2, apart), tight_radius(u2, w2, across), epsilon);
      logs.add(tight_radius(w2, u2, apart), tight_radius(w2, u2, across), epsilon);
    }
  }
  // Rounding of k^2 logarithms is not a difference of distances.
  const bool differ = logs.sum < -1e-12 * logs.count;
  return differ ? -logs.count / logs.sum : std::numeric_limits<double>::quiet_NaN();
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::tle& e, const estimator_cloud<Scalar>& cloud) {
  raw_estimate out;
  fill_local(
      cloud, e.k,
      [&](const neighbor_offsets& around) { return tight_dimension(around, e.epsilon); }, out);
  combine_local(e.combine, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::tle&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::tle&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
