// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The cases of `atlas calibrate`: data of known answers, and what the library's intervals, z and p
/// make of them.

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/random.hpp"

namespace atlas_program::calibration {

enum class quantity_kind {
  interval,
  score,        ///< z with its p
  probability,  ///< p alone
  verdict,  ///< p that is not uniform but up to 0.05 in 5 % of clouds, as a smaller one of two is
};

/// What is looked at in every cloud of a case.
struct quantity {
  std::string name;
  quantity_kind kind = quantity_kind::interval;
  /// Of an interval: the true value. NaN: the estimates' own mean over all clouds.
  double truth = std::numeric_limits<double>::quiet_NaN();
  /// Of a score: degrees of freedom of Student's t; infinite for the normal distribution.
  double degrees = std::numeric_limits<double>::infinity();
  /// Of a p that can be a few values only: the step between them.
  double step = 0;
  /// What a case that shows a mistake, or what a null rejects, is printed for: it should be off.
  bool warning = false;
  /// Coverages that are taken as right.
  atlas::interval wanted_coverage = {0.93, 0.97};
};

/// What one cloud gave: an estimate with its interval, z with p, or p alone.
struct observation {
  double value = 0;
  double p = 0;
  atlas::interval interval = {};
};

/// Rows of the table that come from the same clouds.
struct simulation_case {
  std::string item;  ///< as `--what` names it
  std::string data;
  atlas::index_t clouds = 0, quick_clouds = 0;  ///< none: left out of quick runs
  std::vector<quantity> quantities = {};
  /// One observation a quantity, of a cloud that is drawn from this stream; on one thread.
  std::function<std::vector<observation>(atlas::random_stream&)> simulate = {};
};

/// One quantity of one case over all clouds.
struct calibration_row {
  std::string item, data;
  quantity of;
  std::vector<observation> observations;
  /// Numbers between 0 and 1, one a cloud, to spread p of few values by.
  std::vector<double> jitter;
};

inline observation estimate_of(double value, const atlas::interval& interval) {
  return {value, 0, interval};
}
/// Whatever has members z and p.
template <class Null>
observation score_of(const Null& null) {
  return {null.z, null.p, {}};
}
inline observation probability_of(double p) {
  return {p, p, {}};
}

/// The cases, by what they are about.
std::vector<simulation_case> interval_cases();
std::vector<simulation_case> context_cases();
std::vector<simulation_case> profile_cases();
std::vector<simulation_case> surrogate_cases();
std::vector<simulation_case> manifold_cases();
std::vector<simulation_case> head_cases();
std::vector<simulation_case> statistics_cases();

}  // namespace atlas_program::calibration
