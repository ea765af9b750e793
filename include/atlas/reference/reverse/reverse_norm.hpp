// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of LayerNorm and RMSNorm. With `n = scale (x - mean)` and `y = n w + b`:
/// dL/dx = scale (g - mean(g) - n mean(g n)), g = dL/dy w; RMSNorm has no mean(g).

#include "atlas/reference/layers/norms.hpp"
#include "atlas/reference/reverse/reverse_linear.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A norm to go back through. Gradients of the parameters are null where nobody wants them.
template <class Scalar>
struct norm_reverse {
  const Scalar* weight = nullptr;
  bool centred = false;
  double epsilon = 0;
  Scalar* weight_gradient = nullptr;
  Scalar* bias_gradient = nullptr;
};

/// Scratch rows of one task.
template <class Scalar>
struct norm_reverse_scratch {
  row_array<Scalar> unit, flow;
};

/// Adds the gradient of one row to `input_gradient`, and `output_gradient * n` to `weight_part`.
template <class Scalar>
void reverse_norm_row(const norm_reverse<Scalar>& norm, const row_matrix<Scalar>& x, index_t row,
                      const row_matrix<Scalar>& output_gradient, norm_reverse_scratch<Scalar>& s,
                      row_matrix<Scalar>& input_gradient,
                      Eigen::Ref<row_array<Scalar>> weight_part) {
  const index_t d = x.cols();
  const auto at = statistics_of_row(x.row(row).data(), d, norm.centred, norm.epsilon);
  s.unit =
      ((x.row(row).array().template cast<double>() - at.mean) * at.scale).template cast<Scalar>();
  const auto flow = output_gradient.row(row).array();
  weight_part += flow * s.unit;
  s.flow = flow * Eigen::Map<const row_array<Scalar>>(norm.weight, d);
  const Scalar level = norm.centred ? s.flow.mean() : Scalar(0);
  const Scalar along = (s.flow * s.unit).mean();
  input_gradient.row(row).array() +=
      static_cast<Scalar>(at.scale) * (s.flow - level - s.unit * along);
}

/// Adds the gradients of the norm's input and parameters.
/// \param x what the norm was given, `[N, d]`
template <class Scalar>
void reverse_norm(const norm_reverse<Scalar>& norm, const row_matrix<Scalar>& x,
                  const row_matrix<Scalar>& output_gradient, int threads,
                  row_matrix<Scalar>& input_gradient) {
  row_matrix<Scalar> parts =
      row_matrix<Scalar>::Zero((x.rows() + row_tile - 1) / row_tile, x.cols());
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    norm_reverse_scratch<Scalar> scratch;
    for (index_t r = first; r < first + rows; ++r)
      reverse_norm_row<Scalar>(norm, x, r, output_gradient, scratch, input_gradient,
                               parts.row(first / row_tile).array());
  });
  if (norm.weight_gradient) add_column_sums(parts, threads, norm.weight_gradient);
  if (norm.bias_gradient) add_column_sums(output_gradient, threads, norm.bias_gradient);
}

}  // namespace atlas::inline ATLAS_ABI::detail
