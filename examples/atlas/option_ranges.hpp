// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What numbers on the command line may be.

#include <limits>
#include <string>

#include "atlas/core/tensor_view.hpp"
#include "atlas/stats/null_score.hpp"

namespace atlas_program {

/// Whole numbers that an option may be.
struct whole_range {
  atlas::index_t low = 0;
  atlas::index_t high = unlimited;
  bool or_zero = false;  ///< 0 too, for none

  static constexpr atlas::index_t unlimited = atlas::index_t{1} << 40;
  bool contains(atlas::index_t x) const { return (or_zero && x == 0) || (x >= low && x <= high); }
  /// "a whole number from 1 to 64"
  std::string words() const;
};

/// Finite numbers that an option may be.
struct real_range {
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  bool with_low = true, with_high = true;

  bool contains(double x) const;
  /// "a number of 0 or more and below 1"
  std::string words() const;
};

/// Ranges that several subcommands have.
inline constexpr real_range discard_range{.low = 0, .high = 1, .with_high = false};
inline constexpr real_range open_unit{.low = 0, .high = 1, .with_low = false, .with_high = false};
inline constexpr real_range positive{.low = 0, .with_low = false};
inline constexpr whole_range surrogate_range{.low = atlas::least_draws, .or_zero = true};

}  // namespace atlas_program
