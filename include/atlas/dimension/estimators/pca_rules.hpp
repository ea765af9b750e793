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
#include <limits>
#include <string_view>
#include <utility>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

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

template <class = lazy>
double leading_above(const Eigen::ArrayXd& values, const Eigen::ArrayXd& limits) {
  index_t count = 0;
  while (count < values.size() && values[count] > limits[count]) ++count;
  return static_cast<double>(count);
}

template <class = lazy>
double rank_of_gap(const Eigen::ArrayXd& e) {
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
template <class = lazy>
double rank_of_share(const Eigen::ArrayXd& e, double share) {
  const double wanted = share * e.sum() * (1 - 1e-12);
  double held = 0;
  index_t rank = 0;
  while (rank < e.size() && held < wanted) held += e[rank++];
  return static_cast<double>(rank);
}

/// \param gap, share of what is above the noise: what ends the directions that count
/// \param signal the share of the variance beyond which all is noise
template <class = lazy>
double rank_of_fan(Eigen::ArrayXd e, double gap, double share, double signal) {
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
template <class = lazy>
double rank_of_stick(const Eigen::ArrayXd& e) {
  Eigen::ArrayXd part(e.size());
  double sum = 0;
  for (index_t i = e.size(); i-- > 0;)
    part[i] = (sum += 1 / static_cast<double>(i + 1)) / static_cast<double>(e.size());
  const Eigen::ArrayXd share = e / e.sum();
  index_t count = 0;  // a single eigenvalue is its stick, to rounding
  while (count < share.size() && share[count] >= part[count] * (1 - 1e-12)) ++count;
  return static_cast<double>(count);
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
