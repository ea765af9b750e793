#pragma once
/// \file
/// Where the clouds of `atlas measure` come from: a model that reads a text, or a file.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "atlas/attention/clouds.hpp"
#include "atlas/core/tensor_view.hpp"
#include "common.hpp"

namespace atlas_program {

struct measure_options {
  common_options common;
  std::string model, text, clouds_file;
  std::vector<atlas::index> layers;
  atlas::index deepest = 0;
  std::optional<double> relative_depth;
  atlas::index blocks = 12, block_size = 256, min_context = 16, points = 1200;
  std::string local_dimension = "7";  ///< or "auto"
  double discard = 0.1;
  atlas::index surrogates = 20;
  bool perplexity = false;
};

/// What is known of one layer. Tensors that are not known are empty.
struct source_layer {
  atlas::index layer = 0;
  /// `[H, N, d]`, in double only where the file is.
  std::variant<atlas::owned_tensor<float, 3>, atlas::owned_tensor<double, 3>> points;
  atlas::owned_tensor<atlas::index, 1> context, position;
  atlas::owned_tensor<float, 2> output_projection;  ///< `[H * d, d_model]`
};

struct measure_source {
  std::vector<source_layer> layers;
  atlas::index n_rep = 1;
  json description;  ///< what was measured, for the report
};

/// \throws whatever is wrong with the options, the files or the text
measure_source open_source(const measure_options& options);

}  // namespace atlas_program
