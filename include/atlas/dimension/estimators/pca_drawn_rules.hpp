// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rules of `pca_rules.hpp` that compare eigenvalues with those of clouds whose columns were
/// shuffled.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimators/pca_noise_rules.hpp"
#include "atlas/dimension/local_values.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Leading eigenvalues above the quantile of those of the same place of the draws.
/// \param draws `[draws, m]`, of clouds whose columns were shuffled
template <class = lazy>
double rank_above_draws(const Eigen::ArrayXd& values, const Eigen::ArrayXXd& draws,
                        double quantile) {
  Eigen::ArrayXd limits(values.size());
  for (index_t i = 0; i < values.size(); ++i) {
    std::vector<double> column(draws.col(i).begin(), draws.col(i).end());
    std::sort(column.begin(), column.end());
    limits[i] = quantile_of_sorted(column, quantile);
  }
  return leading_above(values, limits);
}

/// Marchenko and Pastur's law by its first two moments.
struct fitted_bulk {
  double mean = 0, ratio = 0;

  double edge(double sign) const {
    const double root = 1 + sign * std::sqrt(ratio);
    return mean * root * root;
  }
};

/// Of the values strictly between two, among `count` of which those not given are 0.
template <class = lazy>
fitted_bulk fit_bulk(const Eigen::ArrayXd& values, double low, double high, double count) {
  double n = 0, sum = 0, square = 0;
  for (const double x : values) {
    if (!(x > low && x < high)) continue;
    n += 1;
    sum += x;
    square += x * x;
  }
  if (count > 0) n = count;
  return {sum / n, n * square / (sum * sum) - 1};
}

/// Aparicio, Bordyuh, Blumberg, Rabadan, Patterns 1, 100035 (2020): the bulk of the eigenvalues is
/// fitted between its own edges, until they stay, and what is above it by more than a unit of
/// Tracy and Widom's law counts. 0 where nothing is left to fit.
/// \param values, shuffled of the correlations of the cloud and of its shuffled columns, not scaled
/// \param rows, columns of the cloud, without columns that are constant
template <class = lazy>
double rank_above_bulk(Eigen::ArrayXd values, Eigen::ArrayXd shuffled, index_t rows,
                       index_t columns) {
  constexpr double all = std::numeric_limits<double>::infinity();
  const auto n = static_cast<double>(rows);
  values *= n / static_cast<double>(columns);
  shuffled *= n / static_cast<double>(columns);
  const fitted_bulk start = fit_bulk(shuffled, -all, all, n);
  double high = start.edge(1);
  fitted_bulk bulk = fit_bulk(values, start.edge(-1), high, 0);
  for (int round = 0; round < 1000; ++round) {
    const double change = 1 - bulk.edge(1) / high;
    if (!(change * change > 1e-6)) break;
    high = bulk.edge(1);
    bulk = fit_bulk(values, bulk.edge(-1), high, 0);
  }
  bulk = fit_bulk(values, bulk.edge(-1), bulk.edge(1), 0);
  const double unit = std::pow(n / bulk.ratio, -2.0 / 3) * std::pow(bulk.ratio, 5.0 / 6) *
                      std::pow(1 + std::sqrt(bulk.ratio), 4.0 / 3);
  return static_cast<double>((values > bulk.edge(1) + unit).count());
}

}  // namespace atlas::inline ATLAS_ABI::detail
