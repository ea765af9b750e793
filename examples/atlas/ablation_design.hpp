// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The factors of `atlas ablate --factors`, and the model of each cell of their design.

#include <string>
#include <vector>

#include "ablation.hpp"
#include "atlas/reference/config.hpp"
#include "atlas/stats/factorial_design.hpp"

namespace atlas_program {

/// What a factor sets.
enum class ablation_setting { head_dimension, key_value_heads, grouped, rotary, rms, gated };

struct ablation_factor {
  std::string name;       ///< as it is typed
  std::string low, high;  ///< levels, for tables
  ablation_setting setting = ablation_setting::head_dimension;
};

struct ablation_cell {
  atlas::factor_set high = 0;  ///< factors that are high
  atlas::transformer_config config;
  atlas::index_t parameters = 0;
};

/// What is to be trained, each cell once a seed.
struct ablation_plan {
  std::vector<ablation_factor> factors;
  atlas::factorial_design design;
  std::vector<ablation_cell> cells;
  atlas::index_t parameters = 0;       ///< that cells are matched to, as the lowest one has
  atlas::index_t local_dimension = 0;  ///< k of the heads' subspaces, the same in all cells
  std::vector<std::uint64_t> seeds;
};

/// Names that `--factors` takes, those of `--design` and those of `--match`.
const std::vector<std::string>& ablation_factor_names();
const std::vector<std::string>& ablation_design_names();
const std::vector<std::string>& ablation_match_names();

/// \param vocabulary of the models
/// \throws value_error naming the option for factors, levels or a design that cannot be
ablation_plan ablation_plan_of(const ablation_options& options, atlas::index_t vocabulary);

/// A product of factors: "rotary x rms".
std::string effect_text(const ablation_plan& plan, atlas::factor_set effect);

/// Level of a factor in a cell, for tables.
const std::string& level_text(const ablation_plan& plan, std::size_t factor,
                              const ablation_cell& cell);

/// `{"resolution", "words", "factors": [{"name", "low", "high", "not_separable_from"}], "cells"}`
json design_json(const ablation_plan& plan);
/// What the design can and cannot separate, in sentences.
std::string design_text(const ablation_plan& plan);

/// `atlas ablate --factors`. Its runs are shared among ranks.
void run_factorial_ablation(const ablation_options& options);

}  // namespace atlas_program
