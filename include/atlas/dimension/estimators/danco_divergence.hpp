// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How far what DANCo measures of two clouds is apart: divergences of Kullback and Leibler in
/// closed form (of angles Ceruti et al. 2014, of distances Rozza et al. 2012).

#include <cmath>
#include <numbers>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimators/danco_statistics.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `ln I_0(x)`, x >= 0: by its series, whose terms are all positive, and where x is large by the
/// asymptotic one. I_0 itself would overflow at 714. Relative error below 1e-14.
inline double log_bessel_i0(double x) {
  double term = 1, sum = 1;
  if (x < 30) {
    for (int j = 1; term > 1e-17 * sum; ++j) {
      term *= 0.25 * x * x / (static_cast<double>(j) * j);
      sum += term;
    }
    return std::log(sum);
  }
  for (int j = 1; j < 20; ++j) {
    const double odd = 2.0 * j - 1;
    term *= odd * odd / (8 * x * j);
    sum += term;
  }
  return x - 0.5 * std::log(2 * std::numbers::pi * x) + std::log(sum);
}

/// `I_1(x) / I_0(x)`, x >= 0, by its continued fraction `1 / (2/x + 1 / (4/x + ..))` (Gauss), from
/// a place on where what is left no longer matters: of order j it is about `exp(-j^2 / x)`.
inline double bessel_ratio(double x) {
  if (x == 0) return 0;
  if (x > 1e5) return 1 - 0.5 / x;
  double below = 0;
  for (int j = 40 + static_cast<int>(8 * std::sqrt(x)); j > 0; --j)
    below = 1 / (2.0 * j / x + below);
  return below;
}

/// Of von Mises' laws with mean directions `nu` and concentrations `tau`, the first from the
/// second.
inline double divergence_of_angles(double nu1, double tau1, double nu2, double tau2) {
  return log_bessel_i0(tau2) - log_bessel_i0(tau1) +
         bessel_ratio(tau1) * (tau1 - tau2 * std::cos(nu1 - nu2));
}

/// `-sum_{i=0..k} (-1)^i C(k, i) psi(1 + i / q)`. The sum cancels the faster the larger k is: of
/// k = 50 no digit is left. It is the integral over t from 0 to 1 of `(1 - t^(1/q))^k / (1 - t)`,
/// whose integrand is positive; by the trapezoidal rule in x, `t = 1 / (1 + exp(pi sinh x))`.
template <class = lazy>
double alternating_digammas(double k, double q) {
  constexpr int reach = 120;
  constexpr double step = 3.8 / reach;
  double sum = 0;
  for (int i = -reach; i <= reach; ++i) {
    const double x = step * i, y = std::numbers::pi * std::sinh(x);
    // t, and 1 - t, to all their digits; dt over 1 - t is t pi cosh(x) dx.
    const double log_t = y > 0 ? -y - std::log1p(std::exp(-y)) : -std::log1p(std::exp(y));
    const double rest = -std::expm1(log_t / q);
    sum += std::pow(rest, k) * std::exp(log_t) * std::numbers::pi * std::cosh(x);
  }
  return sum * step;
}

/// Of the laws of `r_1 / r_(k+1)` in two dimensions, the first from the second; 0 where both are
/// equal. (Others leave out the constant `-1 - H_(k-1)`, which moves no minimum.)
/// \param q the second dimension over the first
inline double divergence_of_ratios(double k, double q) {
  double harmonic = 0;  // of k - 1
  for (double i = 1; i < k; ++i) harmonic += 1 / i;
  return (harmonic + 1 / k) * q - std::log(q) + (k - 1) * alternating_digammas(k, q) - 1 - harmonic;
}

/// What is measured of a cloud, from what is of another.
inline double danco_divergence(const danco_means& cloud, const danco_means& other, index_t k) {
  return divergence_of_ratios(static_cast<double>(k), other.dimension / cloud.dimension) +
         divergence_of_angles(cloud.angle, cloud.concentration, other.angle, other.concentration);
}

}  // namespace atlas::inline ATLAS_ABI::detail
