// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Estimators of the exponent of a Pareto sample from its smallest values. The argument is always
/// x = ln mu with the first `kept` of `x.size()` observed, the largest of them last, and the others
/// censored; for the regression all are ascending.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI::detail {

struct exponent_estimate {
  double dimension = 0;
  interval bounds;
};

/// Brings the `kept` smallest to the front, in the order in which they come but for the largest,
/// which is the last of them. Sorting takes three times as long.
inline void bring_smallest_forward(std::vector<double>& x, std::size_t kept) {
  std::vector<double> parted = x;
  const auto last = parted.begin() + static_cast<std::ptrdiff_t>(kept) - 1;
  std::nth_element(parted.begin(), last, parted.end());
  const double largest = *last;
  std::size_t count = 0;
  for (const double value : x)
    if (value < largest) parted[count++] = value;
  std::fill(parted.begin() + static_cast<std::ptrdiff_t>(count), last + 1, largest);
  x = std::move(parted);
}

/// `sum_{i<=k} x_(i) + (N - k) x_(k)`: the total time on test. d times it is Gamma(k).
inline double censored_total(std::span<const double> x, std::size_t kept) {
  double sum = 0;
  for (std::size_t i = 0; i < kept; ++i) sum += x[i];
  return sum + static_cast<double>(x.size() - kept) * x[kept - 1];
}

/// Equal-tailed interval of a Gamma(shape, rate) variable.
template <class = lazy>
interval gamma_interval(double shape, double rate, double confidence) {
  const double tail = 0.5 * (1 - confidence);
  return {gamma_quantile(shape, tail) / rate, gamma_quantile(shape, tail, true) / rate};
}

/// Unbiased maximum likelihood under type-II censoring, exact interval (Epstein and Sobel, JASA
/// 48, 486, 1953).
template <class = lazy>
exponent_estimate censored_estimate(std::span<const double> x, std::size_t kept,
                                    double confidence) {
  const double total = censored_total(x, kept);
  const auto k = static_cast<double>(kept);
  return {(k - 1) / total, gamma_interval(k, total, confidence)};
}

/// Posterior mean and credible interval for a Gamma(shape, rate) prior on the dimension.
template <class = lazy>
exponent_estimate bayesian_estimate(std::span<const double> x, std::size_t kept, double confidence,
                                    double shape, double rate) {
  const double posterior_shape = shape + static_cast<double>(kept);
  const double posterior_rate = rate + censored_total(x, kept);
  return {posterior_shape / posterior_rate,
          gamma_interval(posterior_shape, posterior_rate, confidence)};
}

/// Interval of an estimate whose logarithm has this standard error.
template <class = lazy>
interval log_normal_interval(double estimate, double log_error, double confidence) {
  const double reach = std::exp(normal_quantile(0.5 + 0.5 * confidence) * log_error);
  return {estimate / reach, estimate * reach};
}

/// Least squares through the origin of `-ln(1 - i/N)` on `x_(i)` (Facco et al. 2017). A point with
/// i = N, whose ordinate is infinite, is left out.
///
/// Interval: by Renyi's representation x_(i) d = sum_{j<=i} Z_j / (N - j + 1) with standard
/// exponential Z_j, so to first order ln(estimate / d) = -sum_i y_i (x_(i) d - y_i) / sum_i y_i^2,
/// a weighted sum of the Z_j whose variance is known.
template <class = lazy>
exponent_estimate regression_estimate(std::span<const double> x, std::size_t kept,
                                      double confidence) {
  const auto n = static_cast<double>(x.size());
  if (kept == x.size()) --kept;
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const double y = -std::log1p(-static_cast<double>(i + 1) / n);
    xx += x[i] * x[i];
    xy += x[i] * y;
    yy += y * y;
  }
  double variance = 0, tail = 0;
  for (std::size_t i = kept; i-- > 0;) {
    tail -= std::log1p(-static_cast<double>(i + 1) / n);
    const double weight = tail / (n - static_cast<double>(i));
    variance += weight * weight;
  }
  const double estimate = xy / xx;
  return {estimate, log_normal_interval(estimate, std::sqrt(variance) / yy, confidence)};
}

/// `k / sum_{i<=k} x_(i)`: treats the kept values as a whole sample, so it is biased high (by 1.34
/// where a tenth is cut). The interval is that of the biased quantity: by Renyi's representation
/// the sum is sum_j (k - j + 1) / (N - j + 1) Z_j / d.
template <class = lazy>
exponent_estimate truncated_estimate(std::span<const double> x, std::size_t kept,
                                     double confidence) {
  double sum = 0, mean = 0, variance = 0;
  for (std::size_t j = 0; j < kept; ++j) {
    sum += x[j];
    const double weight = static_cast<double>(kept - j) / static_cast<double>(x.size() - j);
    mean += weight;
    variance += weight * weight;
  }
  const double estimate = static_cast<double>(kept) / sum;
  return {estimate, log_normal_interval(estimate, std::sqrt(variance) / mean, confidence)};
}

}  // namespace atlas::inline ATLAS_ABI::detail
