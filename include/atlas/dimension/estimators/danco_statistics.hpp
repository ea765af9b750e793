// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What DANCo measures of a cloud: how the nearest of k + 1 neighbours is away against the last,
/// and how the angles that k neighbours are seen under concentrate.
///
/// Ceruti, Bassis, Rozza, Lombardi, Casiraghi, Campadelli, "DANCo: An intrinsic dimensionality
/// estimator exploiting angle and norm concentration", Pattern Recognition 47, 2569 (2014), and,
/// for distances, Rozza, Lombardi, Ceruti, Casiraghi, Campadelli, Machine Learning 89, 37 (2012).

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/neighbor_offsets.hpp"
#include "atlas/linalg/reshape.hpp"

namespace atlas::inline ATLAS_ABI {

/// How the mean direction of a neighbourhood's angles is taken.
enum class danco_angles {
  directed,  ///< by both of its coordinates, from 0 to pi, with a concentration that stays finite
  folded,    ///< by their quotient, from -pi/2 to pi/2, as two packages of R and Python have it
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, danco_angles>, 2> names_of(
    danco_angles) {
  return {{{"directed", danco_angles::directed}, {"folded", danco_angles::folded}}};
}

namespace detail {

/// Means over rows.
struct danco_means {
  double dimension = 0;      ///< of maximum likelihood by the distances
  double angle = 0;          ///< mean direction
  double concentration = 0;  ///< of von Mises' law
};

/// The same of each row.
struct danco_rows {
  std::vector<index_t> rows;      ///< that have k + 1 neighbours, not all equally far
  Eigen::ArrayXd log_ratios;      ///< `ln(r_1 / r_(k+1))`, below 0
  Eigen::ArrayXd angles;          ///< mean directions
  Eigen::ArrayXd concentrations;  ///< of von Mises' law
};

/// The concentration of von Mises' law with that mean resultant length, in [0, 1): Fisher,
/// Statistical Analysis of Circular Data, 1993; good to two digits.
inline double concentration_of_length(double r) {
  if (r < 0.53) return 2 * r + r * r * r + 5 * r * r * r * r * r / 6;
  if (r < 0.85) return -0.4 + 1.39 * r + 0.43 / (1 - r);
  return 1 / (r * r * r - 4 * r * r + 3 * r);
}

struct mean_angle {
  double direction = 0, concentration = 0;
};

/// Of the angles between all pairs of neighbours, seen from the row.
///
/// Where all neighbours are on one side of a curve all angles are 0 and the concentration is
/// infinite, which one row in a thousand would hand on to the mean. Directed angles therefore have
/// a resultant of at most 1 less half of one angle's share.
///
/// \param unit `[k, d]`, becomes directions
template <class = lazy>
mean_angle angle_of_neighbors(row_matrix<double>& unit, row_matrix<double>& products,
                              danco_angles kind) {
  const index_t k = unit.rows();
  for (index_t j = 0; j < k; ++j) unit.row(j) /= unit.row(j).norm();
  reshape(products, k, k);
  products.noalias() = unit * unit.transpose();
  double cosine = 0, sine = 0;
  for (index_t i = 0; i < k; ++i)
    for (index_t j = 0; j < i; ++j) {
      const double c = std::clamp(products(i, j), -1.0, 1.0);
      cosine += c;
      sine += std::sqrt((1 - c) * (1 + c));
    }
  const double pairs = 0.5 * static_cast<double>(k * (k - 1));
  const double length = (std::min)(std::hypot(cosine, sine) / pairs, 1 - 1e-15);
  if (kind == danco_angles::folded)
    return {std::atan(sine / cosine), concentration_of_length(length)};
  return {std::atan2(sine, cosine), concentration_of_length((std::min)(length, 1 - 0.5 / pairs))};
}

/// Of the rows of the table that have k + 1 neighbours. Others are counted.
template <class Scalar>
danco_rows measure_rows(const estimator_cloud<Scalar>& cloud, index_t k, danco_angles kind,
                        raw_estimate& out) {
  danco_rows found;
  for (const index_t i : rows_with_neighbors(cloud.table, k + 1, out))
    if (cloud.table.distances(i, 0) < cloud.table.distances(i, k)) found.rows.push_back(i);
  const auto count = static_cast<index_t>(found.rows.size());
  found.log_ratios.resize(count);
  found.angles.resize(count);
  found.concentrations.resize(count);
  for_each_neighborhood(cloud, k, found.rows, [&](index_t n, neighbor_offsets& around) {
    const mean_angle angle = angle_of_neighbors(around.offsets, around.products, kind);
    found.log_ratios[n] =
        std::log(cloud.table.distances(around.row, 0) / cloud.table.distances(around.row, k));
    found.angles[n] = angle.direction;
    found.concentrations[n] = angle.concentration;
  });
  // Of one column folded angles have no concentration; those packages take 1.
  if (kind == danco_angles::folded && cloud.points.extent(1) == 1) found.concentrations = 1;
  return found;
}

/// What a row adds to the derivative of the log-likelihood `ln(k d) + (d - 1) ln rho + (k - 1)
/// ln(1 - rho^d)`, and to its second.
struct likelihood_slope {
  double first = 0, second = 0;
};

/// \param log `ln rho`, below 0
inline likelihood_slope slope_of_ratio(double log, double d, double k) {
  const double power = std::exp(d * log), rest = -std::expm1(d * log);
  return {1 / d + log - (k - 1) * log * power / rest,
          -1 / (d * d) - (k - 1) * log * log * power / (rest * rest)};
}

template <class = lazy>
likelihood_slope slope_of_ratios(const Eigen::ArrayXd& logs, double d, double k) {
  likelihood_slope sum;
  for (const double log : logs) {
    const likelihood_slope s = slope_of_ratio(log, d, k);
    sum.first += s.first;
    sum.second += s.second;
  }
  return sum;
}

/// The maximum of the likelihood, whose slope falls from +inf to below 0: by Newton's method, kept
/// between bounds that close in. (Packages look for it with a general optimiser from a whole number
/// on, and now and then have that number back.)
/// \param logs one or more, below 0
template <class = lazy>
double dimension_of_ratios(const Eigen::ArrayXd& logs, index_t neighbors) {
  const auto k = static_cast<double>(neighbors);
  double low = 0, high = 1;
  while (slope_of_ratios(logs, high, k).first > 0) {
    low = high;
    high *= 2;
  }
  double d = 0.5 * (low + high);
  for (int round = 0; round < 100; ++round) {
    const likelihood_slope s = slope_of_ratios(logs, d, k);
    (s.first > 0 ? low : high) = d;
    double next = d - s.first / s.second;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - d) <= 1e-14 * d) return next;
    d = next;
  }
  return d;
}

/// \param rows one or more
inline danco_means means_of_rows(const danco_rows& rows, index_t k) {
  return {dimension_of_ratios(rows.log_ratios, k), rows.angles.mean(), rows.concentrations.mean()};
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
