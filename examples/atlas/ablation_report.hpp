// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What `atlas ablate` found: one row a model, measured step and layer.

#include <string>
#include <vector>

#include "common.hpp"

namespace atlas_program {

/// An overlap and what it is compared with.
struct overlap_score {
  double overlap = 0, null_mean = 0, null_sd = 0, z = 0, p = 0;
};

/// Dimensions are means over heads. NaN for what was not measured.
struct ablation_row {
  atlas::index_t head_dimension = 0, heads = 0, local_dimension = 0, step = 0, layer = 0;
  double perplexity = 0, perplexity_error = 0, loss = 0;
  overlap_score head_coordinates, residual_stream, turned;
  double p_holm = 0;           ///< of the overlap in head coordinates, over all rows
  double dimension = 0;        ///< TwoNN, all neighbours
  double dimension_other = 0;  ///< of other contexts
  double surrogate = 0;        ///< Gaussian clouds, neighbours of other contexts
  atlas::index_t points = 0;   ///< of each cloud
};

/// \param models `[{"head_dimension", "heads", "measurements"}, ...]`
std::vector<ablation_row> ablation_rows(const json& models);

std::string ablation_table(const std::vector<ablation_row>& rows);
/// \param common of the run, which each row says
std::string ablation_csv(const std::vector<ablation_row>& rows, const common_options& common);

/// In how many rows of each step the overlap departs from its Haar null.
json departures_json(const std::vector<ablation_row>& rows);
std::string departures_text(const std::vector<ablation_row>& rows);

}  // namespace atlas_program
