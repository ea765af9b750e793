// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension of a lattice that makes counts within radii likeliest, or its mean: Macocco,
/// Glielmo, Grilli, Laio, Phys. Rev. Lett. 130, 067401 (2023), equation 3.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/decreasing_root.hpp"
#include "atlas/dimension/lattice_counts.hpp"
#include "atlas/dimension/lattice_volume.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The likelihood of a dimension given the numbers of rows within radii, summed over the rows of
/// the same radii: of K rows each is one of the n inner ones with probability `p = V(inner) /
/// V(outer)`.
class lattice_likelihood {
 public:
  explicit lattice_likelihood(const std::vector<lattice_counts>& rows) {
    for (const lattice_counts& row : rows) {
      if (row.outer < 0) continue;
      lattice_counts& sum = groups_[{row.outer, row.inner}];
      sum.outer = row.outer;
      sum.inner = row.inner;
      sum.within_outer += row.within_outer;
      sum.within_inner += row.within_inner;
      largest_ = (std::max)(largest_, row.outer);
    }
  }

  double outer_rows() const {
    double sum = 0;
    for (const auto& [radii, group] : groups_) sum += group.within_outer;
    return sum;
  }
  double inner_rows() const {
    double sum = 0;
    for (const auto& [radii, group] : groups_) sum += group.within_inner;
    return sum;
  }

  lattice_volumes volumes(double d) const { return volumes_up_to(largest_, d); }

  /// Of one row, or group, the derivative of the logarithm of its likelihood by d.
  static double slope(const lattice_counts& c, const lattice_volumes& v) {
    const double log_p = at(v.logarithm, c.inner) - at(v.logarithm, c.outer);
    const double change = at(v.slope, c.inner) - at(v.slope, c.outer);  // of it, with d
    return (c.within_inner - c.within_outer * std::exp(log_p)) * change / -std::expm1(log_p);
  }

  double slope(double d) const {
    const lattice_volumes v = volumes(d);
    double sum = 0;
    for (const auto& [radii, group] : groups_) sum += slope(group, v);
    return sum;
  }

  /// Minus the expected second derivative.
  double information(double d) const {
    const lattice_volumes v = volumes(d);
    double sum = 0;
    for (const auto& [radii, c] : groups_) {
      const double log_p = at(v.logarithm, c.inner) - at(v.logarithm, c.outer);
      const double change = at(v.slope, c.inner) - at(v.slope, c.outer);
      sum += c.within_outer * std::exp(log_p) * change * change / -std::expm1(log_p);
    }
    return sum;
  }

  /// Of the dimension where p has a uniform prior, and there is one group; up to a constant.
  double log_posterior(double d) const {
    const lattice_volumes v = volumes(d);
    const lattice_counts& c = groups_.begin()->second;
    const double log_p = at(v.logarithm, c.inner) - at(v.logarithm, c.outer);
    const double change = at(v.slope, c.inner) - at(v.slope, c.outer);
    return (c.within_inner + 1) * log_p +
           (c.within_outer - c.within_inner) * std::log(-std::expm1(log_p)) + std::log(-change);
  }

 private:
  static double at(const std::vector<double>& values, index_t radius) {
    return values[static_cast<std::size_t>(radius)];
  }

  std::map<std::pair<index_t, index_t>, lattice_counts> groups_;
  index_t largest_ = 0;
};

/// The most likely dimension; NaN of no inner rows, or no others.
template <class = lazy>
double most_likely_lattice(const lattice_likelihood& likelihood) {
  if (!(likelihood.inner_rows() > 0 && likelihood.inner_rows() < likelihood.outer_rows()))
    return std::nan("");
  return root_by_halving([&](double d) { return likelihood.slope(d); }, 1e6);
}

/// Mean of the posterior by the trapezoidal rule over twelve standard deviations to both sides.
template <class = lazy>
double mean_lattice(const lattice_likelihood& likelihood, double most_likely) {
  constexpr int steps = 1200;
  const double reach = 12 / std::sqrt(likelihood.information(most_likely));
  const double low = (std::max)(most_likely - reach, 1e-3 * most_likely);
  const double step = (most_likely + reach - low) / steps;
  const double peak = likelihood.log_posterior(most_likely);
  double total = 0, sum = 0;
  for (int s = 0; s <= steps; ++s) {
    const double d = low + static_cast<double>(s) * step;
    const double density = std::exp(likelihood.log_posterior(d) - peak);
    total += density;
    sum += density * d;
  }
  return sum / total;
}

}  // namespace atlas::inline ATLAS_ABI::detail
