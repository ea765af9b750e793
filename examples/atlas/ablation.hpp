// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What `atlas ablate` trains and measures: models that differ in the number of heads alone.

#include <cstdint>
#include <string>
#include <vector>

#include "atlas/io/tokenizer.hpp"
#include "atlas/reference/training/trainer.hpp"
#include "common.hpp"

namespace atlas_program {

struct ablation_options {
  common_options common;
  std::vector<std::string> texts = {"moby-dick", "addresses"};
  std::vector<atlas::index_t> head_dimensions = {16, 32, 64};
  atlas::index_t model_dimension = 128, layers = 2;
  atlas::index_t steps = 600, batch = 16, tokens_per_block = 128;
  double learning_rate = 2e-3, held_out = 0.1;
  std::vector<double> checkpoints = {0, 0.25, 0.5, 1};
  atlas::index_t points = 1200, min_context = 16, surrogates = 20;
  atlas::index_t local_dimension = 7;  ///< half of the head's at most
  atlas::index_t save_every = 50;
  std::string folder;  ///< empty: nothing is kept
  std::string csv_file;
  /// Factors of a design; empty: `head_dimensions` are swept, and nothing below matters.
  std::vector<std::string> factors;
  std::vector<atlas::index_t> key_value_heads;  ///< levels, or one number; empty: as many as heads
  std::string design = "full", match = "parameters";
  atlas::index_t seeds = 3, passages = 16, permutations = 9999;
};

/// Texts as tokens: the last share of each is held out.
struct ablation_texts {
  std::string tokenizer_text;  ///< of the tokenizer.json that the models are written with
  atlas::owned_tensor<atlas::index_t, 1> training;  ///< `[N]`, one text after the other
  atlas::owned_tensor<atlas::index_t, 2> held_out;  ///< `[B, tokens_per_block]`
  atlas::index_t vocabulary = 0;
};

/// \throws whatever is wrong with the options or the texts
void check_ablation(const ablation_options& options);
ablation_texts read_ablation_texts(const ablation_options& options);

/// All that the results depend on, for the report and to recognise a folder by.
json describe(const ablation_options& options, const ablation_texts& texts);

/// The model before its first step. All head dimensions start from the same numbers and see the
/// same batches.
atlas::trainer untrained(const ablation_options& options, const ablation_texts& texts,
                         atlas::index_t head_dimension);

/// How all models are trained; the seed is that of the batches.
atlas::trainer_options training_of(const ablation_options& options, std::uint64_t seed);

/// Numbers of the steps after which to measure, increasing.
std::vector<atlas::index_t> measured_steps(const ablation_options& options);

/// k of the subspaces of heads of this dimension.
atlas::index_t local_dimension(const ablation_options& options, atlas::index_t head_dimension);

/// `{"step", "perplexity", "loss", "layers"}`, the layers as `atlas measure` has them.
json measure_step(const ablation_options& options, const ablation_texts& texts,
                  const atlas::trainer& training);

}  // namespace atlas_program
