#pragma once
/// \file
/// P values of z scores; apart from the quantiles of normal.hpp, whose Boost headers take longer to
/// compile than all else that needs a p value.

#include <cmath>

namespace atlas {

/// P(|Z| >= |z|): the two-sided p value of a z score.
inline double two_sided_p(double z) {
  return std::erfc(std::abs(z) / std::sqrt(2.0));
}

}  // namespace atlas
