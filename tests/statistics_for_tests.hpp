// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Goodness of fit, to test samples with.

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <vector>

namespace atlas_test {

inline double normal_cdf(double x) {
  return boost::math::cdf(boost::math::normal(), x);
}

/// p of the Kolmogorov-Smirnov test of a sample against a distribution (asymptotic, with the
/// correction of Stephens 1970).
template <class Cdf>
double ks_p(std::vector<double> sample, Cdf&& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double gap = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double f = cdf(sample[i]), rank = static_cast<double>(i);
    gap = std::max({gap, f - rank / n, (rank + 1) / n - f});
  }
  const double x = gap * (std::sqrt(n) + 0.12 + 0.11 / std::sqrt(n));
  double p = 0;
  for (int k = 1; k <= 100; ++k) p += (k % 2 == 1 ? 2 : -2) * std::exp(-2 * k * k * x * x);
  return std::clamp(p, 0.0, 1.0);
}

}  // namespace atlas_test
