// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options and results of `hidalgo`.

#include <cstdint>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/coincident_rows.hpp"
#include "atlas/dimension/estimate.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "atlas/neighbors/exclusion.hpp"

namespace atlas::inline ATLAS_ABI {

/// The model, its priors and how long it is sampled.
struct hidalgo_options {
  index_t components = 2;      ///< K, parts of different dimension
  index_t neighbors = 3;       ///< q, of each row, that tend to be of its own part; 2 or more
  double zeta = 0.8;           ///< how much they do; 0.5: not at all
  gamma_prior prior = {1, 1};  ///< of each dimension
  double concentration = 1;    ///< of the Dirichlet prior of the weights
  index_t chains = 4;          ///< each from a start of its own; 2 or more
  index_t burn_in = 500;       ///< sweeps of each chain that are not kept
  index_t sweeps = 1000;       ///< of each chain that are kept
  double confidence = 0.95;    ///< of the intervals
  exclusion exclude = {};      ///< rows that may not be neighbours
  duplicate_policy duplicates = duplicate_policy::merge;
  stored_precision precision = stored_precision::of_scalar;  ///< of the points, to merge by
  double tolerance = 2;  ///< of rows that are merged, in units in the last place
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// The posterior of one number.
struct posterior_summary {
  double mean = 0, sd = 0;
  atlas::interval interval;    ///< central, of `confidence`
  double r_hat = 0;            ///< near 1 where chains agree (below 1.01 by the usual rule)
  double effective_draws = 0;  ///< independent draws that all chains are worth
};

/// The posterior of all parts and of which rows are of which.
struct hidalgo_result {
  std::vector<posterior_summary> dimensions;  ///< `[K]`, ascending in every draw
  std::vector<posterior_summary> weights;     ///< `[K]`, of the parts in that order
  /// `[N, K]`, the probability of each row to be of each part; NaN for rows that have no ratio.
  owned_tensor<double, 2> membership;
  /// `[N]`, the part of highest probability; -1 for rows that have no ratio.
  std::vector<index_t> part;
  error_source error_from = error_source::posterior;  ///< which takes rows as independent
  double worst_r_hat = 0;                             ///< of all dimensions and weights
  bool converged = false;                             ///< whether it is below 1.05
  index_t points_used = 0;                            ///< rows with a ratio
  index_t duplicates = 0;  ///< rows whose nearest neighbour is at distance 0
  index_t merged = 0;      ///< rows without a part because they coincide with one that has one
  index_t isolated = 0;    ///< rows to which the exclusion left fewer than q neighbours
};

}  // namespace atlas::inline ATLAS_ABI
