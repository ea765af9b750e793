#pragma once
/// \file
/// An interval around an estimate.

namespace atlas {

/// Both ends of a confidence or credible interval; NaN where none can be had.
struct interval {
  double lower = 0;
  double upper = 0;
};

}  // namespace atlas
