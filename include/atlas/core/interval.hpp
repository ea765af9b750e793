// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// An interval around an estimate.

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI {

/// Both ends of a confidence or credible interval; NaN where none can be had.
struct interval {
  double lower = 0;
  double upper = 0;
};

}  // namespace atlas::inline ATLAS_ABI
