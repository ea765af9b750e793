// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rules of `pca_rules.hpp` that know how eigenvalues of noise lie: edges, tests, evidence.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimators/pca_rules.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/special_functions.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The median of the law of Marchenko and Pastur of variance 1, by the trapezoidal rule in the
/// angle of which its edges are the ends; to 1e-9.
/// \param beta columns over rows, in (0, 1]
template <class = lazy>
double marchenko_pastur_median(double beta) {
  constexpr index_t steps = index_t{1} << 14;
  const double middle = 1 + beta, half = 2 * std::sqrt(beta), step = std::numbers::pi / steps;
  const auto place = [&](double t) { return middle - half * std::cos(t); };
  const auto density = [&](double t) {
    const double x = place(t), s = half * std::sin(t);
    return x > 1e-12 ? s * s / (2 * std::numbers::pi * beta * x) : 2 / std::numbers::pi;
  };
  double below = 0, last = density(0);
  for (index_t i = 1; i <= steps; ++i) {
    const double t = step * static_cast<double>(i), next = density(t);
    const double part = 0.5 * (last + next) * step;
    if (below + part >= 0.5) return place(t - step * (1 - (0.5 - below) / part));
    below += part;
    last = next;
  }
  return middle;
}

/// What rules know of noise alone. It depends on the shape of the cloud, not on what is in it.
struct noise_law {
  double median = 1;       ///< of eigenvalues, as a multiple of the variance
  double tracy_widom = 0;  ///< upper quantile of Tracy and Widom's law for real matrices
};

/// The quantile is of a Gamma law that is moved (Chiani, J. Multivar. Anal. 129, 69, 2014): that of
/// 5 % is 2e-4 off, that of 0.1 % 0.03 (pca_rules_test.cpp).
/// \param level of the test, in (0, 1)
template <class = lazy>
noise_law noise_of(index_t rows, index_t columns, double level) {
  const auto n = static_cast<double>(rows - 1), p = static_cast<double>(columns);
  const double beta = (std::min)(n, p) / (std::max)(n, p);
  return {marchenko_pastur_median(beta) * (std::max)(n, p) / n,
          0.186054 * gamma_quantile(46.446, level, true) - 9.84801};
}

template <class = lazy>
double noise_variance(const pca_spectrum& s, const noise_law& law) {
  std::vector<double> values;
  for (index_t i = s.values.size(); i-- > 0;)
    if (s.values[i] > 0) values.push_back(s.values[i]);
  return quantile_of_sorted(values, 0.5) / law.median;
}

template <class = lazy>
double rank_of_edge(const pca_spectrum& s, const noise_law& law) {
  const auto n = static_cast<double>(s.rows - 1), p = static_cast<double>(s.columns);
  const double root = 1 + std::sqrt(p / n);
  return static_cast<double>((s.values > noise_variance(s, law) * root * root).count());
}

template <class = lazy>
double rank_of_denoising(const pca_spectrum& s, const noise_law& law) {
  const auto n = static_cast<double>(s.rows - 1), p = static_cast<double>(s.columns);
  const double beta = (std::min)(n, p) / (std::max)(n, p);
  const double square =
      2 * (beta + 1) + 8 * beta / (beta + 1 + std::sqrt(beta * beta + 14 * beta + 1));
  const double limit = square * (std::max)(n, p) / n * noise_variance(s, law);
  return static_cast<double>((s.values > limit).count());
}

/// At least 1, as its authors have it.
template <class = lazy>
double rank_of_rest(const pca_spectrum& s, const noise_law& law) {
  const double noise = static_cast<double>(s.columns) * noise_variance(s, law);
  double rest = 0;
  for (index_t i = s.values.size(); i-- > 0;)
    if ((rest += s.values[i]) > noise) return static_cast<double>(i + 1);
  return 1;
}

/// Kritchman and Nadler's variance of noise beside k signals: what is left of the variance after
/// the signals, each less what noise has added to it, found by repetition.
template <class = lazy>
double noise_beside(const pca_spectrum& s, index_t k) {
  const auto n = static_cast<double>(s.rows - 1);
  const auto left = static_cast<double>(s.columns - k);
  const double rest = s.values.tail(s.values.size() - k).sum();
  double noise = rest / left;
  for (int round = 0; round < 30; ++round) {
    double sum = rest;
    for (index_t i = 0; i < k; ++i) {
      const double t = s.values[i] + noise - noise * left / n;
      const double root = std::sqrt((std::max)(t * t - 4 * s.values[i] * noise, 0.0));
      sum += s.values[i] - 0.5 * (t + root);
    }
    const double next = sum / left;
    if (std::abs(next - noise) <= 1e-5 * noise) return next;
    noise = next;
  }
  return noise;
}

/// The k-th eigenvalue is tested as the largest of noise beside k - 1 signals, with the variance of
/// the noise as these leave it. O(m^2) time.
template <class = lazy>
double rank_of_tests(const pca_spectrum& s, const noise_law& law) {
  const auto n = static_cast<double>(s.rows - 1);
  const index_t most = (std::min)(s.rows - 1, s.columns) - 1;
  for (index_t k = 0; k < most; ++k) {
    const double a = std::sqrt(n - 0.5), b = std::sqrt(static_cast<double>(s.columns - k) - 0.5);
    const double middle = (a + b) * (a + b), width = (a + b) * std::cbrt(1 / a + 1 / b);
    if (n * s.values[k] <= noise_beside(s, k) * (middle + law.tracy_widom * width))
      return static_cast<double>(k);
  }
  return static_cast<double>(most);
}

/// Terms of Minka's evidence that grow with the number of directions.
class laplace_evidence {
 public:
  /// \param s eigenvalues, of which the largest is made 1
  explicit laplace_evidence(const pca_spectrum& s)
      : n_(static_cast<double>(s.rows)), e_(Eigen::ArrayXd::Zero(s.columns)) {
    e_.head(s.values.size()) = s.values / s.values[0];
  }

  /// With one more direction than before: the logarithm of the evidence. O(D) time.
  double next() {
    const index_t i = k_++, d = e_.size();
    const auto left = static_cast<double>(d - i), k = static_cast<double>(k_);
    const double rest = static_cast<double>(d) - k, log_n = std::log(n_);
    volume_ += log_gamma(left / 2) - std::log(std::numbers::pi) * left / 2;
    for (index_t j = i + 1; j < d; ++j) gaps_ += log_of(e_[i] - e_[j]);
    for (index_t j = 0; j < i; ++j) inverse_gaps_ += log_of((e_[j] - e_[i]) / (e_[j] * e_[i]));
    signal_ += log_of(e_[i]);
    const double noise = e_.tail(d - k_).sum() / rest;
    double against_noise = 0;
    for (index_t j = 0; j < k_; ++j) against_noise += log_of((e_[j] - noise) / (e_[j] * noise));
    const double m = static_cast<double>(d) * k - k * (k + 1) / 2;
    const double hessian = m * log_n + gaps_ + inverse_gaps_ + rest * against_noise;
    return volume_ - k * std::numbers::ln2 - n_ / 2 * signal_ - n_ * rest / 2 * log_of(noise) +
           std::log(2 * std::numbers::pi) * (m + k) / 2 - hessian / 2 - k * log_n / 2;
  }

 private:
  static double log_of(double x) {
    return std::log((std::max)(x, (std::numeric_limits<double>::min)()));
  }

  double n_;
  Eigen::ArrayXd e_;
  index_t k_ = 0;
  double volume_ = 0, gaps_ = 0, inverse_gaps_ = 0, signal_ = 0;
};

/// Over 1 to one less than the eigenvalues above 0; O(m D) time.
template <class = lazy>
double rank_of_evidence(const pca_spectrum& s) {
  const auto most = static_cast<index_t>(s.above_zero());
  if (most < 2) return static_cast<double>(most);
  laplace_evidence evidence(s);
  index_t best = 1;
  double largest = -std::numeric_limits<double>::infinity();
  for (index_t k = 1; k < most; ++k)
    if (const double log = evidence.next(); log > largest) {
      largest = log;
      best = k;
    }
  return static_cast<double>(best);
}

}  // namespace atlas::inline ATLAS_ABI::detail
