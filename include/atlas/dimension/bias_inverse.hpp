// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension at which the mean estimate of one kind of cloud is a given one.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/dimension_bias.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Whole numbers from 1 to `most`, a quarter apart above 4, and `most` itself.
inline std::vector<index_t> dimension_grid(index_t most) {
  std::vector<index_t> out;
  for (index_t d = 1; d < most; d += (std::max)(index_t{1}, (d + 2) / 4)) out.push_back(d);
  out.push_back(most);
  return out;
}

/// Where the grid is near a dimension.
inline std::size_t place_on_grid(const std::vector<index_t>& grid, double dimension) {
  const auto above = std::lower_bound(grid.begin(), grid.end(), static_cast<index_t>(dimension));
  return above == grid.end() ? grid.size() - 1 : static_cast<std::size_t>(above - grid.begin());
}

/// Least squares among rising sequences, in place (pool adjacent violators: Ayer, Brunk, Ewing,
/// Reid, Silverman, Ann. Math. Stat. 26, 641, 1955).
inline void make_rising(std::vector<double>& y) {
  std::vector<double> level;
  std::vector<std::size_t> width;
  for (const double value : y) {
    level.push_back(value);
    width.push_back(1);
    while (level.size() > 1 && level[level.size() - 2] > level.back()) {
      const auto a = static_cast<double>(width[width.size() - 2]),
                 b = static_cast<double>(width.back());
      const double pooled = (a * level[level.size() - 2] + b * level.back()) / (a + b);
      const std::size_t both = width[width.size() - 2] + width.back();
      level.pop_back();
      width.pop_back();
      level.back() = pooled;
      width.back() = both;
    }
  }
  y.clear();
  for (std::size_t i = 0; i < level.size(); ++i) y.insert(y.end(), width[i], level[i]);
}

/// The logarithm of the mean estimate over that of the dimension: straight between the dimensions
/// that were simulated, rising.
struct bias_curve {
  std::vector<double> log_dimension, log_mean;
  double log_most = 0;  ///< beyond the last: the limit of the columns, or infinite

  /// The least, or the greatest, dimension with this mean: they differ where the curve is flat.
  /// Below dimension 1, where there are no clouds to simulate, the share by which the mean is off
  /// is that at 1.
  double inverse(double target, bool greatest) const {
    const auto& y = log_mean;
    if (target < y.front()) return log_dimension.front() + target - y.front();
    if (target > y.back() || (greatest && target == y.back() && std::isinf(log_most)))
      return log_most;
    const auto at = greatest ? std::upper_bound(y.begin(), y.end(), target)
                             : std::lower_bound(y.begin(), y.end(), target);
    if (at == y.end()) return log_dimension.back();
    const auto above = static_cast<std::size_t>(at - y.begin());
    if (above == 0) return log_dimension.front();
    const double rise = y[above] - y[above - 1];
    const double share = rise > 0 ? (target - y[above - 1]) / rise : 1.0;
    return log_dimension[above - 1] + share * (log_dimension[above] - log_dimension[above - 1]);
  }
};

/// Whole where it is but for the rounding of its logarithm.
inline double dimension_of_log(double log_dimension) {
  const double d = std::exp(log_dimension), whole = std::round(d);
  return std::abs(d - whole) < 1e-12 * whole ? whole : d;
}

/// One kind of cloud, and the part of the grid that is simulated: from low to high.
struct bias_bracket {
  reference_cloud reference = reference_cloud::cube;
  std::vector<index_t> grid;
  bool limited = true;  ///< the grid ends where the columns do, not where the effort does
  std::size_t low = 0, high = 0;
};

template <class Estimator>
void simulate_brackets(bias_curves<Estimator>& curves, const std::vector<bias_bracket>& brackets) {
  std::vector<reference_place> places;
  for (const bias_bracket& b : brackets)
    for (std::size_t i = b.low; i <= b.high; ++i) places.emplace_back(b.reference, b.grid[i]);
  curves.simulate(places);
}

/// The standard deviation of the logarithm of one estimate, of all that is simulated.
template <class Estimator>
double log_deviation(bias_curves<Estimator>& curves, const std::vector<bias_bracket>& brackets) {
  double square = 0, count = 0;
  for (const bias_bracket& b : brackets)
    for (std::size_t i = b.low; i <= b.high; ++i, ++count) {
      const reference_bias& bias = curves.at(b.reference, b.grid[i]);
      square += (bias.deviation / bias.mean) * (bias.deviation / bias.mean);
    }
  return std::sqrt(square / count);
}

template <class Estimator>
bias_curve curve_of(bias_curves<Estimator>& curves, const bias_bracket& b) {
  bias_curve out;
  for (std::size_t i = b.low; i <= b.high; ++i) {
    out.log_dimension.push_back(std::log(static_cast<double>(b.grid[i])));
    out.log_mean.push_back(std::log(curves.at(b.reference, b.grid[i]).mean));
  }
  make_rising(out.log_mean);
  out.log_most = b.limited ? std::log(static_cast<double>(b.grid.back()))
                           : std::numeric_limits<double>::infinity();
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
