// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How far a value is from what a number of simulations gave.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI {

/// The fewest simulations that a mean and a standard deviation are taken from: with fewer, the
/// deviation itself is known to no more than a quarter, and Student's t has no use.
inline constexpr index_t least_draws = 10;

/// How far a value is from a null.
struct null_score {
  double z = 0;  ///< in standard deviations; NaN where the null has no spread beyond rounding
  double p = 0;  ///< two-sided, of a value as far from the null's mean; NaN likewise
};

namespace detail {

inline void check_draws(index_t draws, std::string_view argument) {
  if (draws < least_draws)
    throw value_error(argument, "at least " + std::to_string(least_draws), std::to_string(draws));
  check_between(draws, least_draws, index_t{1} << 30, argument);
}

/// Whether simulations differ by more than the rounding of numbers as large as they or the value
/// that is compared with them. What differs by less has no spread to count in.
inline bool has_spread(double sd, double mean, double value) {
  constexpr double rounding = 1e-13;
  return sd > rounding * (std::max)(std::abs(mean), std::abs(value));
}

}  // namespace detail

/// A value against a null of which only n simulations are known: it is compared with one more of
/// them. `z = (value - mean) / (sd sqrt(1 + 1/n))` has Student's t distribution with n - 1 degrees
/// of freedom where the simulations are normal and the value is one of their kind, and p is of that
/// distribution. Both are NaN where the simulations agree up to rounding.
/// \param mean, sd of the simulations, sd with n - 1
/// \param draws    n, at least `least_draws`
/// \throws value_error for fewer draws
template <class = lazy>
[[nodiscard]] null_score score_against_draws(double value, double mean, double sd, index_t draws) {
  detail::check_draws(draws, "draws");
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (!detail::has_spread(sd, mean, value)) return {none, none};
  const auto n = static_cast<double>(draws);
  const double z = (value - mean) / (sd * std::sqrt(1 + 1 / n));
  return {z, two_sided_t_p(z, n - 1)};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS null_score score_against_draws<void>(double, double, double, index_t);
}  // namespace atlas::inline ATLAS_ABI
#endif
