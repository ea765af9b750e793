// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What is left of a logarithm of a distance when Gaussian noise is taken from it.

#include <algorithm>
#include <cmath>
#include <numbers>

#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Up to this standard deviation eight terms of the series are right to 1e-13 of themselves.
inline constexpr double least_noise = 0.05;

/// Up to this standard deviation the part of the normal density below 0 is less than 1e-22.
inline constexpr double little_noise = 0.1;

/// The mean of ln X, X being normal with mean 1 and this very small standard deviation t:
/// `-sum_m (2m - 1)!! / (2m) t^(2m)`.
inline double mean_log_of_least_noise(double deviation) {
  constexpr double terms[] = {0.5, 0.75, 2.5, 13.125, 94.5, 866.25, 9652.5, 126689.0625};
  const double square = deviation * deviation;
  double sum = 0;
  for (int m = 7; m >= 0; --m) sum = (sum + terms[m]) * square;
  return -sum;
}

/// The mean of ln X, X being normal with mean 1 and this small standard deviation: the trapezoidal
/// rule with steps of half a standard deviation, places on both sides taken together.
template <class = lazy>
double mean_log_of_little_noise(double deviation) {
  double sum = 0;
  for (int i = 1; i <= 19; ++i) {
    const double z = 0.5 * i, off = deviation * z;
    sum += std::exp(-0.5 * z * z) * std::log1p(-off * off);
  }
  return 0.5 * sum / std::sqrt(2 * std::numbers::pi);
}

/// The same for any standard deviation, where X is above 0: with `x = exp(u - exp(-u))` both
/// integrands vanish doubly exponentially at both ends, and the trapezoidal rule in u is right to
/// rounding.
template <class = lazy>
double mean_log_of_much_noise(double deviation) {
  const double step = (std::min)(0.125, 0.3 * deviation);
  const double end = std::log(1 + 10 * deviation) + 1;
  double sum = 0, total = 0;
  for (double u = -4; u < end; u += step) {
    const double tail = std::exp(-u), log = u - tail, x = std::exp(log);
    const double z = (x - 1) / deviation;
    const double weight = std::exp(-0.5 * z * z) * x * (1 + tail);
    total += weight;
    sum += weight * log;
  }
  return sum / total;
}

/// The mean of `ln(X / r)`, X being normal with mean r and standard deviation s where it is above
/// 0; absolute error below 1e-10 (tests/estimators/mle_test.cpp).
template <class = lazy>
double mean_log_of_noisy(double r, double s) {
  const double deviation = s / r;
  if (deviation <= least_noise) return mean_log_of_least_noise(deviation);
  if (deviation <= little_noise) return mean_log_of_little_noise(deviation);
  // Half of a normal distribution: the mean of ln|Z| is -(gamma + ln 2) / 2.
  if (deviation > 1e10)
    return std::log(s) - std::log(r) - 0.5 * (std::numbers::egamma + std::numbers::ln2);
  return mean_log_of_much_noise(deviation);
}

}  // namespace atlas::inline ATLAS_ABI::detail
