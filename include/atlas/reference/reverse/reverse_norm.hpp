// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of LayerNorm and RMSNorm. With `n = scale (x - mean)` and `y = n (offset + w) + b`:
/// dL/dx = scale (g - mean(g) - n mean(g n)), g = dL/dy (offset + w); RMSNorm has no mean(g).

#include "atlas/reference/layers/norms.hpp"
#include "atlas/reference/reverse/reverse_linear.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A norm to go back through. Gradients of the parameters are null where nobody wants them.
template <class Scalar>
struct norm_reverse {
  const Scalar* weight = nullptr;
  norm_shape shape = {};
  Scalar* weight_gradient = nullptr;
  Scalar* bias_gradient = nullptr;
};

/// Scratch rows of one task.
template <class Scalar>
struct norm_reverse_scratch {
  row_array<Scalar> unit, flow;
};

/// The gradient of what a norm was given, of one row of d numbers, into `s.flow`; adds
/// `output_gradient * n` to `weight_part`.
template <class Scalar>
void reverse_norm_row(const norm_reverse<Scalar>& norm, const Scalar* x, index_t d,
                      const Scalar* output_gradient, norm_reverse_scratch<Scalar>& s,
                      Eigen::Ref<row_array<Scalar>> weight_part) {
  using row = Eigen::Map<const row_array<Scalar>>;
  const auto at = statistics_of_row(x, d, norm.shape);
  s.unit = ((row(x, d).template cast<double>() - at.mean) * at.scale).template cast<Scalar>();
  const row flow(output_gradient, d);
  weight_part += flow * s.unit;
  s.flow = flow * (static_cast<Scalar>(norm.shape.offset) + row(norm.weight, d));
  const Scalar level = norm.shape.centred ? s.flow.mean() : Scalar(0);
  const Scalar along = (s.flow * s.unit).mean();
  s.flow = static_cast<Scalar>(at.scale) * (s.flow - level - s.unit * along);
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
    for (index_t r = first; r < first + rows; ++r) {
      reverse_norm_row<Scalar>(norm, x.row(r).data(), x.cols(), output_gradient.row(r).data(),
                               scratch, parts.row(first / row_tile).array());
      input_gradient.row(r).array() += scratch.flow;
    }
  });
  if (norm.weight_gradient) add_column_sums(parts, threads, norm.weight_gradient);
  if (norm.bias_gradient) add_column_sums(output_gradient, threads, norm.bias_gradient);
}

/// Goes back through normalize_parts.
/// \param x        what it was given, `[N, width]`
/// \param gradient of what it put out, and on return of what it was given
template <class Scalar>
void reverse_norm_parts(const norm_reverse<Scalar>& norm, const row_matrix<Scalar>& x,
                        const row_parts& where, int threads, row_matrix<Scalar>& gradient) {
  const index_t tiles = (x.rows() + row_tile - 1) / row_tile, d = where.width;
  row_matrix<Scalar> weights = row_matrix<Scalar>::Zero(tiles, d), biases = weights;
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    norm_reverse_scratch<Scalar> scratch;
    for (index_t r = first; r < first + rows; ++r)
      for (const index_t column : where.columns) {
        auto flow = gradient.row(r).segment(column, d).array();
        biases.row(first / row_tile).array() += flow;
        reverse_norm_row<Scalar>(norm, x.row(r).data() + column, d, gradient.row(r).data() + column,
                                 scratch, weights.row(first / row_tile).array());
        flow = scratch.flow;
      }
  });
  if (norm.weight_gradient) add_column_sums(weights, threads, norm.weight_gradient);
  if (norm.bias_gradient) add_column_sums(biases, threads, norm.bias_gradient);
}

}  // namespace atlas::inline ATLAS_ABI::detail
