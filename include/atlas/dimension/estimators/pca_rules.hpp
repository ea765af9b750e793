// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many eigenvalues of a covariance are more than noise: functions of the eigenvalues, of how
/// many rows they are of and of how many columns.
///
/// Of n rows, `min(n - 1, D)` eigenvalues can be above 0; these are the directions below. What is
/// no larger than the rounding of the largest counts as 0, so that no rule tells directions in
/// which nothing varies from each other by rounding.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/gamma_ratios.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI {

/// Which directions of a principal component analysis count. e is an eigenvalue, n one less than
/// the number of rows, D the number of columns.
enum class pca_rule {
  fukunaga_olsen,       ///< above a share of the largest (Fukunaga, Olsen 1971)
  fan,                  ///< up to a large gap or most of what is above the noise (Fan et al. 2010)
  largest_gap,          ///< before the largest ratio of an eigenvalue to the next
  participation_ratio,  ///< `(sum e)^2 / sum e^2`; not a whole number
  variance_ratio,       ///< as many as hold a share of the variance
  kaiser,               ///< above their mean
  broken_stick,         ///< leading ones above the expected parts of a stick broken at random
  marchenko_pastur,     ///< above the edge of noise alone, `s^2 (1 + sqrt(D/n))^2`
  gavish_donoho,        ///< above the threshold that is best for denoising (2014, equation 11)
  kritchman_nadler,     ///< tested one after the other against Tracy-Widom's law (2008)
  minka,                ///< that make the Laplace evidence largest (Minka 2000)
  denoised,       ///< the fewest whose rest is no more than the noise of all (Lun et al. 2016)
  parallel,       ///< above a quantile of those of columns that were shuffled (Horn 1965)
  random_matrix,  ///< above a fitted edge of shuffled columns (Aparicio et al. 2020)
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, pca_rule>, 14> names_of(pca_rule) {
  return {{{"FO", pca_rule::fukunaga_olsen},
           {"Fan", pca_rule::fan},
           {"maxgap", pca_rule::largest_gap},
           {"participation_ratio", pca_rule::participation_ratio},
           {"ratio", pca_rule::variance_ratio},
           {"Kaiser", pca_rule::kaiser},
           {"broken_stick", pca_rule::broken_stick},
           {"MP", pca_rule::marchenko_pastur},
           {"GD", pca_rule::gavish_donoho},
           {"KN", pca_rule::kritchman_nadler},
           {"Minka", pca_rule::minka},
           {"denoised", pca_rule::denoised},
           {"parallel", pca_rule::parallel},
           {"scRMT", pca_rule::random_matrix}}};
}

namespace detail {

/// Eigenvalues of a covariance.
struct pca_spectrum {
  Eigen::ArrayXd values;  ///< `[min(rows - 1, columns)]`, descending, 0 where they are rounding
  index_t rows = 0, columns = 0;

  double above_zero() const { return static_cast<double>((values > 0).count()); }
};

/// \param values descending, any number of them
/// \param rows 2 or more
template <class = lazy>
pca_spectrum make_spectrum(const Eigen::ArrayXd& values, index_t rows, index_t columns) {
  pca_spectrum out{values.head((std::min)(values.size(), (std::min)(rows - 1, columns))), rows,
                   columns};
  const double largest = out.values.size() > 0 ? out.values[0] : 0;
  const double rounding = largest * static_cast<double>((std::max)(rows, columns)) *
                          std::numeric_limits<double>::epsilon();
  out.values = (out.values > rounding).select(out.values, 0);
  return out;
}

inline double leading_above(const Eigen::ArrayXd& values, const Eigen::ArrayXd& limits) {
  index_t count = 0;
  while (count < values.size() && values[count] > limits[count]) ++count;
  return static_cast<double>(count);
}

inline double rank_of_gap(const Eigen::ArrayXd& e) {
  index_t best = e.size() - 1;
  double widest = 0;
  for (index_t i = 0; i + 1 < e.size() && e[i] > 0; ++i)
    if (e[i] / e[i + 1] > widest) {
      widest = e[i] / e[i + 1];
      best = i;
    }
  return static_cast<double>(best + 1);
}

/// \param share in (0, 1]; sums differ from it by rounding
inline double rank_of_share(const Eigen::ArrayXd& e, double share) {
  const double wanted = share * e.sum() * (1 - 1e-12);
  double held = 0;
  index_t rank = 0;
  while (rank < e.size() && held < wanted) held += e[rank++];
  return static_cast<double>(rank);
}

/// \param gap, share of what is above the noise: what ends the directions that count
/// \param signal the share of the variance beyond which all is noise
inline double rank_of_fan(Eigen::ArrayXd e, double gap, double share, double signal) {
  const index_t m = e.size();
  const double all = e.sum();
  index_t first = 0;
  for (double held = e[0]; first + 1 < m && !(held / all > signal);) held += e[++first];
  e -= e.tail(m - first).mean();
  const double above = e.sum();
  double held = 0;
  for (index_t i = 0; i < m; ++i) {
    held += e[i];
    if ((i + 1 < m && e[i] / e[i + 1] > gap) || held / above > share)
      return static_cast<double>(i + 1);
  }
  return static_cast<double>(m);
}

/// Expected parts, the largest first: `(1/m) sum_{j >= i} 1/j`.
inline double rank_of_stick(const Eigen::ArrayXd& e) {
  Eigen::ArrayXd part(e.size());
  double sum = 0;
  for (index_t i = e.size(); i-- > 0;)
    part[i] = (sum += 1 / static_cast<double>(i + 1)) / static_cast<double>(e.size());
  const Eigen::ArrayXd share = e / e.sum();
  index_t count = 0;  // a single eigenvalue is its stick, to rounding
  while (count < share.size() && share[count] >= part[count] * (1 - 1e-12)) ++count;
  return static_cast<double>(count);
}

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

inline double noise_variance(const pca_spectrum& s, const noise_law& law) {
  std::vector<double> values;
  for (index_t i = s.values.size(); i-- > 0;)
    if (s.values[i] > 0) values.push_back(s.values[i]);
  return quantile_of_sorted(values, 0.5) / law.median;
}

inline double rank_of_edge(const pca_spectrum& s, const noise_law& law) {
  const auto n = static_cast<double>(s.rows - 1), p = static_cast<double>(s.columns);
  const double root = 1 + std::sqrt(p / n);
  return static_cast<double>((s.values > noise_variance(s, law) * root * root).count());
}

inline double rank_of_denoising(const pca_spectrum& s, const noise_law& law) {
  const auto n = static_cast<double>(s.rows - 1), p = static_cast<double>(s.columns);
  const double beta = (std::min)(n, p) / (std::max)(n, p);
  const double square =
      2 * (beta + 1) + 8 * beta / (beta + 1 + std::sqrt(beta * beta + 14 * beta + 1));
  const double limit = square * (std::max)(n, p) / n * noise_variance(s, law);
  return static_cast<double>((s.values > limit).count());
}

/// At least 1, as its authors have it.
inline double rank_of_rest(const pca_spectrum& s, const noise_law& law) {
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
inline fitted_bulk fit_bulk(const Eigen::ArrayXd& values, double low, double high, double count) {
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

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
