// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options and results that all estimators of dimension share, whichever it is.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

/// Options of every estimator; what one cannot honour it refuses by name.
struct dimension_options {
  double confidence = 0.95;  ///< of the interval
  duplicate_policy duplicates = duplicate_policy::merge;
  stored_precision precision = stored_precision::of_scalar;  ///< of the points, to merge by
  double tolerance = 2;  ///< of rows that are merged, in units in the last place
  degenerate_policy degenerate = degenerate_policy::error;
  exclusion exclude = {};  ///< rows that may not be neighbours
  /// `[N]`, the text that each row comes from: rows of one are no independent samples, and the
  /// interval counts contexts. Empty: `exclude.context`; where that is empty too, rows count.
  row_numbers context = {};
  /// `[d]`, as of neighbor_options: lengths after which coordinates begin again. Empty: none does.
  std::vector<double> periods = {};
  bool errors = true;  ///< whether to compute the standard error and the interval
  /// Halves of the rows, for estimators whose rows have no scores: pairs without a row in common.
  index_t resamples = 24;
  std::uint64_t seed = 0;              ///< of these, and of estimators that draw
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// What a standard error and its interval were made from.
enum class error_source {
  none,       ///< they were not asked for, or all rows are of one unit: both are NaN
  scores,     ///< what each row adds, with what rows that share neighbours or contexts share
  halves,     ///< differences of estimates of halves of the rows or contexts
  posterior,  ///< the estimator's own posterior, which takes rows as independent
};

/// What the interval is an interval of.
enum class interval_claim {
  dimension,  ///< as rows become many, of the dimension
  own_mean,   ///< of the mean of the estimator, which is not the dimension, however many rows
};

/// What every estimator returns. Numbers that there are not are NaN.
struct dimension_estimate {
  double dimension = std::numeric_limits<double>::quiet_NaN();
  atlas::interval interval = {std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::quiet_NaN()};
  double standard_error = std::numeric_limits<double>::quiet_NaN();  ///< of the dimension
  error_source error_from = error_source::none;
  interval_claim claim = interval_claim::dimension;
  /// `[N]`, of the neighbourhood of each row; NaN for rows without one. Empty for estimators that
  /// have none.
  std::vector<double> local;
  index_t points_used = 0;    ///< rows that entered
  index_t neighbors = 0;      ///< of each row, that were looked at; 0: not by number
  index_t duplicates = 0;     ///< rows whose nearest neighbour is at distance 0
  index_t merged = 0;         ///< rows that are left out because they coincide with one that is not
  index_t isolated = 0;       ///< rows to which the exclusion left too few neighbours
  index_t contexts = 0;       ///< that are the units; 0: rows are
  bool few_contexts = false;  ///< fewer than 6: too few to know the error by
  /// Why the dimension is no estimate, if it is none.
  cloud_fault fault = cloud_fault::none;
  std::string remark;  ///< what else a reader has to know, as a sentence; or empty
};

}  // namespace atlas::inline ATLAS_ABI
