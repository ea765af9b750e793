// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of the MLP's activations.

#include "atlas/reference/layers/mlp.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// An activation of a row and its derivative. ReLU has the derivative 0 at 0.
template <class Scalar>
struct activation_slope {
  row_array<Scalar> value, slope;
};

template <class Scalar>
void activate_with_slope(const Eigen::Ref<const row_array<Scalar>>& x, activation kind,
                         activation_slope<Scalar>& out) {
  constexpr Scalar one = 1, half = Scalar(0.5), cubic = gelu_cubic<Scalar>;
  constexpr Scalar density = half * gelu_scale<Scalar>;  // of the normal distribution at 0
  switch (kind) {
    case activation::relu:
      out.value = (x.max)(Scalar(0));
      out.slope = (x > Scalar(0)).template cast<Scalar>();
      break;
    case activation::silu:
      out.slope = one / (one + (-x).exp());
      out.value = x * out.slope;
      out.slope *= one + x - out.value;
      break;
    case activation::gelu_tanh:
      out.value = (gelu_scale<Scalar> * (x + cubic * x.cube())).tanh();
      out.slope = half * (one + out.value) + half * gelu_scale<Scalar> * x *
                                                 (one - out.value.square()) *
                                                 (one + 3 * cubic * x.square());
      out.value = half * x * (one + out.value);
      break;
    case activation::gelu:
      out.value =
          x.unaryExpr([](Scalar v) { return half * (1 + std::erf(v * root_half<Scalar>)); });
      out.slope = out.value + density * x * (-half * x.square()).exp();
      out.value *= x;
      break;
  }
}

/// Goes back through activate_rows.
///
/// \param expanded `[N, width]`, or `[N, 2 width]` for a gated
/// MLP: what is activated, and on return its gradient.
///
/// \param activated `[N, width]`: the gradient
/// of what came out, and on return what came out.
template <class Scalar>
void reverse_activation(row_matrix<Scalar>& expanded, row_matrix<Scalar>& activated,
                        activation kind, int threads) {
  const index_t width = activated.cols();
  const bool gated = expanded.cols() == 2 * width;
  for_row_tiles(expanded.rows(), threads, [&](index_t first, index_t rows) {
    activation_slope<Scalar> gate;
    for (index_t r = first; r < first + rows; ++r) {
      auto flow = activated.row(r).array();
      auto in = expanded.row(r).head(width).array();
      activate_with_slope<Scalar>(in, kind, gate);
      in = flow * gate.slope;
      if (!gated) {
        flow = gate.value;
        continue;
      }
      auto up = expanded.row(r).tail(width).array();
      in *= up;
      gate.slope = flow * gate.value;
      flow = gate.value * up;
      up = gate.slope;
    }
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
