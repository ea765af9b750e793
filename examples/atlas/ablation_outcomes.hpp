// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One run of `atlas ablate --factors`: a model of a cell, trained from a seed and measured.

#include <functional>
#include <string>

#include "ablation.hpp"
#include "ablation_design.hpp"
#include "ablation_outcome_names.hpp"

namespace atlas_program {

/// Name of a run, and of the part of a folder that keeps it.
std::string run_name(std::size_t cell, std::uint64_t seed);

/// Trains and measures. The initial numbers are of the seed and the cell: models of one seed that
/// began alike in some tensors would have in common what no swap of two of them keeps.
/// \param keep  called with the trained model; or empty
/// \return `{"cell", "seed", "perplexity", "layers", "plateau", "outcomes"}`
/// \throws whatever is wrong with the clouds, naming the run
json ablation_run_json(const ablation_options& options, const ablation_texts& texts,
                       const ablation_plan& plan, std::size_t cell, std::uint64_t seed,
                       const std::function<void(const atlas::transformer&)>& keep);

/// Blocks that heads are measured on: so many of those held out, spread over all of them.
atlas::owned_tensor<atlas::index_t, 2> measured_passages(const ablation_options& options,
                                                         const ablation_texts& texts);

}  // namespace atlas_program
