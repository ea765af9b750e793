// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The figures of a report. To add one, write a file `figure_*.cpp` with a function of this shape,
/// name it here and in the list of `figures.cpp`.

#include <vector>

#include "figure.hpp"
#include "results.hpp"

namespace atlas_program {

/// Figures that the results have the numbers for: none, one, or several.
using figure_maker = std::vector<figure> (*)(const report_results& results);

std::vector<figure> overlap_by_layer(const report_results& results);
std::vector<figure> overlap_matrices(const report_results& results);
std::vector<figure> overlap_by_rank(const report_results& results);
std::vector<figure> overlap_by_source(const report_results& results);
std::vector<figure> dimension_by_layer(const report_results& results);
std::vector<figure> dimension_map(const report_results& results);
std::vector<figure> dimension_by_scale(const report_results& results);
std::vector<figure> neighbours_in_passage(const report_results& results);
std::vector<figure> phase_map(const report_results& results);
std::vector<figure> crystallization_curves(const report_results& results);
std::vector<figure> autoencoders_against_pca(const report_results& results);
std::vector<figure> quantization_by_bits(const report_results& results);
std::vector<figure> pareto_fronts(const report_results& results);
std::vector<figure> ablation_along_training(const report_results& results);
std::vector<figure> worth_of_heads(const report_results& results);
std::vector<figure> predictors_of_worth(const report_results& results);
std::vector<figure> pairs_left_out(const report_results& results);
std::vector<figure> heads_before_and_after(const report_results& results);
std::vector<figure> effects_of_factors(const report_results& results);
std::vector<figure> dimensions_of_cloud(const report_results& results);
std::vector<figure> estimators_on_manifolds(const report_results& results);
std::vector<figure> calibration_coverage(const report_results& results);
std::vector<figure> study_findings(const report_results& results);

/// All of them, in the order of the report.
std::vector<figure> all_figures(const report_results& results);

}  // namespace atlas_program
