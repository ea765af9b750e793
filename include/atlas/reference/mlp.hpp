#pragma once
/// \file
/// Activations of the MLP, plain or gated (SwiGLU, Shazeer 2020).

#include <cmath>

#include "atlas/reference/config.hpp"
#include "atlas/reference/norms.hpp"

namespace atlas::detail {

/// In place, on one row. GELU: Hendrycks & Gimpel 2016, exact and with tanh.
inline void activate(Eigen::Ref<Eigen::Array<float, 1, Eigen::Dynamic>> x, activation kind) {
  switch (kind) {
    case activation::relu:
      x = x.max(0.0f);
      break;
    case activation::silu:
      x = x / (1.0f + (-x).exp());
      break;
    case activation::gelu_tanh:
      x = 0.5f * x * (1.0f + (0.7978845608028654f * (x + 0.044715f * x.cube())).tanh());
      break;
    case activation::gelu:
      x = x.unaryExpr([](float v) { return 0.5f * v * (1 + std::erf(v * 0.7071067811865476f)); });
      break;
  }
}

/// Activates the first `width` columns of each row; where there are as many again (a gated MLP),
/// multiplies by them.
inline void activate_rows(float_matrix& x, index width, activation kind, int threads) {
  const bool gated = x.cols() == 2 * width;
  for_row_tiles(x.rows(), threads, [&](index first, index rows) {
    for (index r = first; r < first + rows; ++r) {
      auto gate = x.row(r).head(width).array();
      activate(gate, kind);
      if (gated) gate *= x.row(r).tail(width).array();
    }
  });
}

}  // namespace atlas::detail
