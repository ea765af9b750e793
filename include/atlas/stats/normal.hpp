#pragma once
/// \file
/// The standard normal distribution.

#include <boost/math/special_functions/erf.hpp>
#include <cmath>

namespace atlas {

/// The z with P(Z <= z) = p, for p in (0, 1).
template <class = void>
double normal_quantile(double p) {
  return -std::sqrt(2.0) * boost::math::erfc_inv(2 * p);
}

/// P(|Z| >= |z|): the two-sided p value of a z score.
inline double two_sided_p(double z) {
  return std::erfc(std::abs(z) / std::sqrt(2.0));
}

}  // namespace atlas
