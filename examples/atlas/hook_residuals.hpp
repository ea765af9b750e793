// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Attention residuals of the weights and values that hooks have seen.

#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "hook_arrays.hpp"

namespace atlas_program {

/// Where rows of the clouds are from, the same in all layers.
struct chosen_places {
  atlas::index_t passages = 0, length = 0;
  atlas::owned_tensor<atlas::index_t, 1> context, position;
};

/// What attention of one layer weights, and by what.
struct layer_attention {
  hook_array weights, values;  ///< `[B, H, T, T]`, `[B, T, H / heads_per_group, d]`
  bool scores = false;         ///< the softmax of `weights` is to be taken
  [[nodiscard]] atlas::index_t heads() const { return weights.extents[1]; }
  [[nodiscard]] atlas::index_t value_heads() const { return values.extents[2]; }
  [[nodiscard]] atlas::index_t value_head(atlas::index_t h) const {
    return h / (heads() / value_heads());
  }
};

/// \throws format_error naming what the layer lacks, shape_error for weights and values that do not
///         go together
layer_attention open_attention(const array_file& file, atlas::index_t layer);

/// The weights of one query over all keys, `[T]`.
/// \throws format_error for weights that are none
template <class Scalar>
std::vector<Scalar> weights_at(const layer_attention& a, atlas::index_t passage,
                               atlas::index_t head, atlas::index_t query);

/// Clouds of residuals, and the position of the key that each row looks at most.
template <class Scalar>
struct residual_clouds {
  atlas::owned_tensor<Scalar, 3> points;
  atlas::owned_tensor<atlas::index_t, 2> attended;
};

/// Scalars are float and double; sums are in double.
/// \throws format_error for weights that are none, and for values that are not finite
template <class Scalar>
residual_clouds<Scalar> residuals_of(const layer_attention& a, const chosen_places& at,
                                     int threads);

/// \throws format_error for a head whose z, where the file has it, is not weights times values
template <class Scalar>
void check_z(const array_file& file, atlas::index_t layer, const layer_attention& a,
             const chosen_places& at, const residual_clouds<Scalar>& clouds);

}  // namespace atlas_program
