// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What is known of one layer's clouds, wherever they come from.

#include <variant>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/dimension/coincident_rows.hpp"

namespace atlas_program {

/// Tensors that are not known are empty.
struct source_layer {
  atlas::index_t layer = 0;
  /// `[H, N, d]`, in double only where the file is.
  std::variant<atlas::owned_tensor<float, 3>, atlas::owned_tensor<double, 3>> points;
  std::vector<atlas::stored_precision>
      precision;  ///< `[H]` of a file's heads; empty: of the scalar
  atlas::owned_tensor<atlas::index_t, 1> context, position, token;
  atlas::owned_tensor<atlas::index_t, 2> attended;  ///< `[H, N]`, token of the key attended to
  /// `[H, N]`, 1 for rows that are left out of the head's cloud; empty: none.
  atlas::owned_tensor<char, 2> left_out;
  atlas::owned_tensor<float, 2> output_projection;  ///< `[H * d, d_model]`
};

}  // namespace atlas_program
