// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `atlas redundancy`: what was measured of each head, what follows from it, and how it is shown.

#include <array>
#include <string>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/reference/perplexity_change.hpp"
#include "atlas/stats/stratified_correlation.hpp"
#include "common.hpp"
#include "head_measures.hpp"

namespace atlas_program {

/// Heads of one layer that were left out together, in one way, on one text.
struct left_out {
  atlas::index_t layer = 0;
  std::vector<atlas::index_t> heads;  ///< one, or a pair
  std::string way;                    ///< "zero", "mean" or "resample"
  atlas::perplexity_result read;      ///< of the text without them
};

/// All that was measured on one text.
struct redundancy_text {
  std::string name;  ///< "text" or "held_out"
  atlas::perplexity_result baseline;
  std::vector<std::vector<head_measures>> layers;  ///< of each layer, its heads
  std::vector<left_out> results;
};

struct redundancy_run {
  common_options common;
  std::vector<atlas::index_t> layers;
  std::vector<std::string> ways;
  atlas::index_t permutations = 9999;
  /// Query heads that share keys and values are alike in all: only they are compared and shuffled
  /// with each other. 1: heads of a layer.
  atlas::index_t heads_per_group = 1;
  std::array<redundancy_text, 2> texts;
};

/// "within layers", or what else heads are compared within.
std::string within_text(const redundancy_run& run);

/// The rise of the mean loss, nats a token, and its interval over passages.
struct loss_rise {
  double value = 0, standard_error = 0;
  atlas::interval interval;
};
loss_rise rise_of(const atlas::perplexity_result& baseline, const atlas::perplexity_result& read,
                  std::uint64_t seed);

/// How well one property of a head predicts what it is worth, within strata, on one text.
struct prediction {
  bool defined = false;
  std::string why;  ///< not defined
  atlas::stratified_correlation r;
  double error = 0;   ///< of the coefficient, from halves of the passages
  double p_holm = 0;  ///< over all predictors and ways on this text
};

/// Of one predictor and way on both texts; `beyond` is given head norm.
struct prediction_row {
  std::string way, predictor;
  std::array<prediction, 2> plain, beyond;
  bool holds(bool given_norm) const;  ///< on both texts, with the same sign
};

/// Two heads left out together.
struct pair_result {
  left_out what;
  loss_rise joint, interaction;  ///< joint less the sum of the two alone
  double overlap = 0, ceiling = 0;
};

struct redundancy_findings {
  std::vector<prediction_row> predictions;
  /// Of each way, the rank correlation of what heads are worth on the two texts: no predictor that
  /// is one of heads can do better.
  std::vector<atlas::stratified_correlation> texts_agree;
  std::array<std::vector<pair_result>, 2> pairs;  ///< of each text
  /// Of each way and text, the rank correlation of the overlap of two heads with their interaction,
  /// over pairs within strata; NaN where it cannot be had.
  std::vector<std::array<atlas::stratified_correlation, 2>> overlap_of_pairs;
  std::vector<std::array<double, 2>> overlap_p_holm;  ///< their p, adjusted over ways
  std::string verdict;
};

redundancy_findings find_redundancy(const redundancy_run& run);

json redundancy_json(const redundancy_run& run, const redundancy_findings& found);
std::string redundancy_csv(const redundancy_run& run);
std::string redundancy_tables(const redundancy_run& run, const redundancy_findings& found);

}  // namespace atlas_program
