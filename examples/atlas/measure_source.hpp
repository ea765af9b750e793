// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Where the clouds of `atlas measure` come from: a model that reads a text, or a file.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "atlas/attention/clouds.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/core/tensor_view.hpp"
#include "common.hpp"
#include "model_source.hpp"
#include "source_layer.hpp"

namespace atlas_program {

struct measure_options {
  common_options common;
  model_options source;
  std::string clouds_file;
  std::string projection_layout;  ///< of a file that does not say; empty: none
  std::string rows = "residual";  ///< of a file of activations
  layer_options layers;
  atlas::index_t min_context = 16, points = 1200;
  std::string local_dimension = "7";  ///< or "auto"
  double discard = 0.1;
  atlas::index_t surrogates = 20;
  std::string surrogate_kind = "automatic";
  std::vector<std::string> apart;  ///< "token", "attended": what neighbours do not have in common
  /// Other dimensions of the subspaces of the deepest layer: numbers, or "auto".
  std::vector<std::string> ranks;
  bool profile = false, perplexity = false;
  bool without_sinks = false;  ///< each head's cloud without the rows that rest on its sink
  atlas::sink_options sinks;
  bool heads = false;    ///< tables of heads, whatever layers are asked for
  std::string csv_file;  ///< of heads; empty: none
};

struct measure_source {
  /// All that were asked for; without clouds where only other ranks look at them.
  std::vector<source_layer> layers;
  std::vector<atlas::index_t> heads;  ///< of each layer, with or without clouds
  atlas::index_t heads_per_group = 1;
  json description;  ///< what was measured, for the report
};

/// Which of so many layers this rank looks at, by their place among them.
using layers_wanted = std::function<bool(std::size_t place, std::size_t layers)>;

/// All layers.
bool every_layer(std::size_t place, std::size_t layers);

/// \throws whatever is wrong with the options, the files or the text
measure_source open_source(const measure_options& options,
                           const layers_wanted& wanted = every_layer);

/// Runs a model once over blocks of text, with everything that is to be seen looking on, not past
/// the last layer that is wanted. Rank 0 alone looks at perplexity.
/// \param description of both
measure_source measure_model(const atlas::transformer& model,
                             const atlas::tensor_view<const atlas::index_t, 2>& blocks,
                             const json& description, const measure_options& options,
                             const layers_wanted& wanted = every_layer);

}  // namespace atlas_program
