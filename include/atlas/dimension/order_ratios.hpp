// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension from ratios of distances to neighbours of higher order: Denti, Doimo, Laio, Mira,
/// "The generalized ratios intrinsic dimension estimator", Sci. Rep. 12, 20005 (2022).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/linked_scores.hpp"
#include "atlas/dimension/two_nn_scores.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// What is known of `-ln W` cut at its quantile of order p, W being Beta(n, n).
struct cut_beta_logs {
  double mean = 0;     ///< of the smaller of it and the cut
  double density = 0;  ///< at the cut
};

/// By the trapezoidal rule in `t`, `W = sin^2(t)`, whose density vanishes at both ends with its
/// first 2n - 2 derivatives; relative error below 1e-6
/// (tests/dimension/order_ratios_test.cpp).
///
/// \param p in (0, 1]
template <class = lazy>
cut_beta_logs cut_logs_of_beta(index_t n, double p) {
  if (n == 1) return {p, 1 - p};  // -ln W is exponential
  constexpr index_t steps = index_t{1} << 12;
  const double power = 2 * static_cast<double>(n) - 1, half_pi = std::acos(0.0);
  std::vector<double> density(static_cast<std::size_t>(steps) + 1);
  double total = 0;
  for (index_t i = 0; i <= steps; ++i) {
    const double t = half_pi * static_cast<double>(i) / static_cast<double>(steps);
    total += density[static_cast<std::size_t>(i)] = std::pow(std::sin(2 * t), power);
  }
  double above = 0, mean = 0, log = 0, w = 1;
  for (index_t i = steps; i > 0 && above < p; --i) {  // from W = 1 down
    const auto at = static_cast<std::size_t>(i);
    const double share = 0.5 * (density[at] + density[at - 1]) / total;
    if (!(share > 0)) continue;  // below the least double
    const double taken = (std::min)(share, p - above);
    const auto sine_at = [&](double place) {
      return std::sin(half_pi * place / static_cast<double>(steps));
    };
    const double last = static_cast<double>(i) - taken / share;
    mean -= taken * 2 * std::log(sine_at(0.5 * (static_cast<double>(i) + last)));
    w = sine_at(last) * sine_at(last);
    log = -std::log(w);
    above += taken;
  }
  const double beyond = p < 1 ? (1 - p) * log : 0;
  // W's density is `sin(2t)^(2n - 2)` over the integral of `sin(2t)^(2n - 1)` in t.
  const double integral = total * half_pi / static_cast<double>(steps);
  return {mean + beyond, std::pow(4 * w * (1 - w), static_cast<double>(n) - 1) * w / integral};
}

/// An estimate, and what each row adds to its logarithm.
struct scored_dimension {
  double dimension = 0;
  std::vector<index_t> rows;  ///< that gave ratios
  Eigen::VectorXd scores;
};

/// The ratio `r_2n / r_n` to the power -d is Beta(n, n) where the density is uniform: the sum of
/// its logarithms, cut at the k-th smallest, over what one of d = 1 would give. Of order 1 that is
/// the censored estimator of `two_nn`, and of higher orders nearly as sharp as the likelihood's.
/// \param table of at least 2n neighbours
template <class = lazy>
scored_dimension dimension_of_order(const neighbor_table& table, index_t n,
                                    double discard_fraction) {
  scored_dimension out;
  std::vector<double> logs;
  for (index_t i = 0; i < table.distances.extent(0); ++i) {
    if (table.indices(i, 2 * n - 1) < 0 || !(table.distances(i, n - 1) > 0)) continue;
    out.rows.push_back(i);
    logs.push_back(std::log(table.distances(i, 2 * n - 1) / table.distances(i, n - 1)));
  }
  const auto kept =
      static_cast<std::size_t>(static_cast<double>(logs.size()) * (1 - discard_fraction) + 1e-9);
  if (kept < 2) return {std::nan(""), {}, {}};
  std::vector<double> sorted = logs;
  const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(kept) - 1;
  std::nth_element(sorted.begin(), last, sorted.end());
  const observed_logs observed{logs, kept, *last};
  const auto count = static_cast<double>(logs.size());
  const double p = static_cast<double>(kept) / count;
  const cut_beta_logs expected = cut_logs_of_beta(n, p);
  double total = 0;
  for (std::size_t i = 0; i < logs.size(); ++i) total += observed.held(i);
  const double rate = count * expected.mean / total;
  const double weight = p < 1 ? (1 - p) / (expected.density * rate) : 0;
  out.scores = scores_of(observed, [&](std::size_t i) {
    return (observed.seen(i) * weight - observed.held(i)) / total;
  });
  out.dimension = rate * (1 - centred_scores(out.scores).squaredNorm());  // E(1/T) is larger
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
