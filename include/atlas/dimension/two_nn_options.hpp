// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options and results of `two_nn`.

#include "atlas/core/interval.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/dimension/cloud_fault.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/goodness_of_fit.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

enum class two_nn_estimator {
  censored,    ///< maximum likelihood with the discarded ratios as censored: unbiased; the default
  regression,  ///< least squares through the origin, Facco's own
  truncated,   ///< forgets that it discarded: 1.34 times too high at the usual cut; kept to
               ///< reproduce published numbers
  bayesian,    ///< posterior mean under a Gamma prior
};

/// What to do with rows that coincide. A row at distance 0 of another has no ratio, and leaves
/// other rows with two neighbours at one distance: where such rows are dropped after the search, a
/// cloud of which a fifth is there twice reads a third too high.
enum class duplicate_policy {
  merge,  ///< they are one point (`distinct_rows`), of the first row's labels; the others are
          ///< counted
  drop,   ///< rows whose nearest neighbour is at distance 0 give no ratio; they are counted
  error,  ///< such rows are a value_error
};

/// What to do with a cloud of fewer than two ratios that are not 1.
enum class degenerate_policy {
  error,   ///< it is a value_error
  report,  ///< its dimension is NaN, and its fault says why
};

/// Gamma prior on the dimension.
struct gamma_prior {
  double shape = 1e-3;
  double rate = 1e-3;
};

struct two_nn_options {
  two_nn_estimator estimator = two_nn_estimator::censored;
  double discard_fraction = 0.1;  ///< share of the largest ratios that is not observed, in [0, 1)
  double confidence = 0.95;       ///< of the interval
  duplicate_policy duplicates = duplicate_policy::merge;
  stored_precision precision = stored_precision::of_scalar;  ///< of the points, to merge by
  double tolerance = 2;  ///< of rows that are merged, in units in the last place
  degenerate_policy degenerate = degenerate_policy::error;
  exclusion exclude = {};  ///< rows that may not be neighbours
  /// `[N]`, the text that each row comes from: rows of one are no independent samples, and the
  /// interval counts contexts. Empty: `exclude.context`; where that is empty too, rows count.
  row_numbers context = {};
  gamma_prior prior = {};              ///< of the Bayesian estimator
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct two_nn_result {
  double dimension = 0;
  /// Of the estimator's own mean: sampling error, with what rows that share neighbours and rows of
  /// one context have in common. From ratios alone that of independent ones. NaN where all rows are
  /// of one context.
  atlas::interval interval;
  double standard_error = 0;  ///< of the dimension; NaN likewise
  index_t points_used = 0;    ///< rows that gave a ratio, the censored ones included
  index_t points_kept = 0;    ///< ratios observed, the rest of points_used being censored
  index_t duplicates = 0;     ///< rows whose nearest neighbour is at distance 0
  index_t merged = 0;         ///< rows that are left out because they coincide with one that is not
  index_t isolated = 0;       ///< rows to which the exclusion left fewer than two neighbours
  index_t contexts = 0;       ///< that gave ratios, where these are the units; 0: rows are
  bool few_contexts = false;  ///< fewer than 6: too few to know the error by
  goodness_of_fit fit;        ///< of the ratios to those of any one dimension
  two_nn_estimator estimator = two_nn_estimator::censored;
  /// Why the dimension is no estimate, if it is none: as `fault_of_cloud`, or more than half of the
  /// rows merged or with a duplicate. From a table or ratios the latter alone.
  cloud_fault fault = cloud_fault::none;
  two_nn_options options;  ///< that it was made with, but for the callback
};

}  // namespace atlas::inline ATLAS_ABI
