// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Activations of the MLP, plain or gated (SwiGLU, Shazeer 2020).

#include <cmath>

#include "atlas/reference/config.hpp"
#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Constants of the GELU: sqrt(2 / pi) and the cubic term of its tanh form, sqrt(1 / 2).
template <class Scalar>
inline constexpr Scalar gelu_scale = Scalar(0.7978845608028654);
template <class Scalar>
inline constexpr Scalar gelu_cubic = Scalar(0.044715);
template <class Scalar>
inline constexpr Scalar root_half = Scalar(0.7071067811865476);

/// In place, on one row. GELU: Hendrycks & Gimpel 2016, exact and with tanh.
template <class Scalar>
void activate(Eigen::Ref<row_array<Scalar>> x, activation kind) {
  constexpr Scalar one = 1, half = Scalar(0.5);
  switch (kind) {
    case activation::relu:
      x = (x.max)(Scalar(0));
      break;
    case activation::silu:
      x = x / (one + (-x).exp());
      break;
    case activation::gelu_tanh:
      x = half * x * (one + (gelu_scale<Scalar> * (x + gelu_cubic<Scalar> * x.cube())).tanh());
      break;
    case activation::gelu:
      x = x.unaryExpr([](Scalar v) { return half * v * (1 + std::erf(v * root_half<Scalar>)); });
      break;
  }
}

/// Activates the first `width` columns of each row; where there are as many again (a gated MLP),
/// multiplies by them.
template <class Scalar>
void activate_rows(row_matrix<Scalar>& x, index_t width, activation kind, int threads) {
  const bool gated = x.cols() == 2 * width;
  for_row_tiles(x.rows(), threads, [&](index_t first, index_t rows) {
    for (index_t r = first; r < first + rows; ++r) {
      auto gate = x.row(r).head(width).array();
      activate<Scalar>(gate, kind);
      if (gated) gate *= x.row(r).tail(width).array();
    }
  });
}

}  // namespace atlas::inline ATLAS_ABI::detail
