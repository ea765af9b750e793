// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The linear maps of a model's layers, and what they see while it reads a text.

#include <Eigen/Core>
#include <string>
#include <vector>

#include "atlas/linalg/row_matrix.hpp"
#include "model_source.hpp"

namespace atlas_program {

/// `y = W a`.
struct linear_map {
  std::string name;
  atlas::index_t layer = 0;
  bool input_major = false;          ///< stored `[in, out]`
  atlas::row_matrix<float> weights;  ///< W, `[out, in]`
  Eigen::MatrixXd input_moments;     ///< E[a a^T], over tokens
  Eigen::VectorXd input_mean;        ///< E[a]
  Eigen::MatrixXd output_moments;    ///< E[g g^T] of g = dL/dy, over tokens; empty if not asked
  Eigen::MatrixXd weight_fisher;     ///< E[(dL/dW)^T (dL/dW)], over blocks; empty if not asked
  atlas::row_matrix<double> gradient_mean;  ///< E[dL/dW], likewise
  atlas::row_matrix<float> inputs;          ///< a sample of a, `[n, in]`; empty if not asked
};

struct linear_map_options {
  std::vector<atlas::index_t> layers;
  bool output_moments = false, weight_fisher = false;
  atlas::index_t sampled_inputs = 0;  ///< tokens, spread evenly
};

/// What the maps of some layers see while the model reads blocks of a text; in the model's order.
std::vector<linear_map> collect_linear_maps(
    const atlas::transformer& model, const atlas::tensor_view<const atlas::index_t, 2>& blocks,
    const linear_map_options& options, const common_options& common);

/// Puts other weights, `[out, in]`, in the place of a map's.
void replace_weights(atlas::transformer& model, const linear_map& map,
                     const atlas::row_matrix<float>& weights);

/// "h.3.mlp.c_fc" of "transformer.h.3.mlp.c_fc.weight".
std::string short_name(const linear_map& map);

}  // namespace atlas_program
