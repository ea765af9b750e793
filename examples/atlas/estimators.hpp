// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What `atlas estimators` measures: estimates on repeated draws of manifolds of known dimension.

#include <limits>
#include <string>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/dimension/any_estimator.hpp"
#include "atlas/stats/uniformity.hpp"
#include "common.hpp"

namespace atlas_program {

/// Of one cloud; NaN for what there is not.
struct repeated_estimate {
  double dimension = 0, standard_error = 0;
  atlas::interval interval = {};
  std::string remark = {};  ///< why there is none, or what else to know
};

/// One estimator on all clouds of one manifold.
struct estimator_trial {
  std::string manifold, about;
  atlas::index_t truth = 0, columns = 0;
  atlas::any_estimator estimator;
  std::vector<repeated_estimate> repeats = {};
  /// Of one cloud, on one thread, with nothing beside; NaN where it was not asked for.
  double seconds = std::numeric_limits<double>::quiet_NaN();
  double mebibytes = std::numeric_limits<double>::quiet_NaN();
};

struct trial_summary {
  atlas::index_t undefined = 0;  ///< clouds without an estimate
  std::string why;               ///< of the first of these
  double mean = 0, sd = 0;       ///< of the estimates; NaN without any
  double bias = 0;               ///< of the mean over the dimension, less 1
  double bias_error = 0;         ///< of that, as so many clouds leave it
  double error = 0;              ///< mean standard error, as the estimator itself says
  double deviation = 0;          ///< root mean square of the estimates over the dimension, less 1
  atlas::index_t intervals = 0;  ///< clouds with one
  /// Shares of intervals that hold the dimension, and the mean of the estimates; with no intervals
  /// all NaN.
  atlas::coverage_estimate of_dimension = {}, of_mean = {};
  atlas::index_t rank = 0;  ///< by the deviation, on this manifold; 0: no estimate
};

/// One for each trial; ranks are among those of the same manifold, 1 for the smallest deviation.
std::vector<trial_summary> summarize_trials(const std::vector<estimator_trial>& trials);

json trials_json(const std::vector<estimator_trial>& trials,
                 const std::vector<trial_summary>& summaries);
std::string trials_text(const std::vector<estimator_trial>& trials,
                        const std::vector<trial_summary>& summaries);
std::string trials_csv(const std::vector<estimator_trial>& trials,
                       const std::vector<trial_summary>& summaries, const common_options& common);

}  // namespace atlas_program
