// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Functions of Boost.Math that estimators need, in double; NaN or infinite where they have no
/// value. With the compiled form of the library only its unit includes Boost. The standard
/// library's logarithm of the Gamma function writes to a variable that all threads share.

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/version.hpp"

#if !defined(ATLAS_COMPILED) || defined(ATLAS_DETAIL_UNIT_OF_STATS)
#define ATLAS_DETAIL_SPECIAL_FUNCTIONS_DEFINED
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/lambert_w.hpp>

#include "atlas/stats/boost_policy.hpp"
#endif

namespace atlas::inline ATLAS_ABI::detail {

/// The derivative of `ln Gamma(x)`, x > 0.
template <class = lazy>
[[nodiscard]] double digamma(double x);

/// `ln Gamma(x)`, x > 0.
template <class = lazy>
[[nodiscard]] double log_gamma(double x);

/// `Gamma(x + 1/2) / Gamma(x)`, x > 0.
template <class = lazy>
[[nodiscard]] double gamma_half_step(double x);

/// The w of 0 or more with `w e^w = x`, x >= 0.
template <class = lazy>
[[nodiscard]] double lambert_w(double x);

#ifdef ATLAS_DETAIL_SPECIAL_FUNCTIONS_DEFINED

template <class>
double digamma(double x) {
  return boost::math::digamma(x, boost_policy());
}

template <class>
double log_gamma(double x) {
  return boost::math::lgamma(x, boost_policy());
}

template <class>
double gamma_half_step(double x) {
  return 1 / boost::math::tgamma_delta_ratio(x, 0.5, boost_policy());
}

template <class>
double lambert_w(double x) {
  return boost::math::lambert_w0(x, boost_policy());
}

#endif

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_STATS double digamma<void>(double);
ATLAS_OF_STATS double log_gamma<void>(double);
ATLAS_OF_STATS double gamma_half_step<void>(double);
ATLAS_OF_STATS double lambert_w<void>(double);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
