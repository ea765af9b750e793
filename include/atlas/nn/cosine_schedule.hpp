// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Learning rates over a training run.

#include <cmath>
#include <numbers>

#include "atlas/core/checks.hpp"

namespace atlas::inline ATLAS_ABI {

/// A rise in equal parts over the first `warmup` steps to the peak, then half a cosine (Loshchilov
/// & Hutter 2017) down to `floor` of it at step `steps`, where it stays.
struct cosine_schedule {
  double peak = 1e-3;
  index_t warmup = 100;
  index_t steps = 1000;  ///< with the warm-up
  double floor = 0.1;    ///< share of the peak, in [0, 1]
};

/// The rate of step number `step`, from 1: `peak step / warmup` up to `warmup`.
[[nodiscard]] inline double learning_rate_at(const cosine_schedule& s, index_t step) {
  if (step <= s.warmup) return s.peak * static_cast<double>(step) / static_cast<double>(s.warmup);
  if (step >= s.steps) return s.peak * s.floor;
  const double way = static_cast<double>(step - s.warmup) / static_cast<double>(s.steps - s.warmup);
  return s.peak * (s.floor + (1 - s.floor) * 0.5 * (1 + std::cos(std::numbers::pi * way)));
}

/// \throws value_error naming the field that is out of range
inline void check_schedule(const cosine_schedule& s) {
  check_positive(s.peak, "schedule.peak");
  check_between(s.steps, 1, index_t{1} << 40, "schedule.steps");
  check_between(s.warmup, 0, s.steps, "schedule.warmup");
  if (!(s.floor >= 0 && s.floor <= 1))
    throw value_error("schedule.floor", "a share from 0 to 1", detail::number_text(s.floor));
}

}  // namespace atlas::inline ATLAS_ABI
