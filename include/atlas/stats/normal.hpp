#pragma once
/// \file
/// The standard normal distribution.

#include <boost/math/special_functions/erf.hpp>
#include <cmath>

#include "atlas/stats/two_sided_p.hpp"

namespace atlas {

/// The z with P(Z <= z) = p, for p in (0, 1).
template <class = void>
double normal_quantile(double p) {
  return -std::sqrt(2.0) * boost::math::erfc_inv(2 * p);
}

/// P(Z <= z).
inline double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

}  // namespace atlas
