// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The GELU `x Phi(x)` (Hendrycks & Gimpel 2016) in its exact form, by the normal distribution, as
/// PyTorch's nn.GELU is by default; and its derivative. In vectors, for float and double.

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "atlas/core/compiled.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Numbers that are worked on together, so that what is between stays in the nearest cache.
inline constexpr index_t gelu_run = 256;

template <class Scalar>
using gelu_array = Eigen::Array<Scalar, 1, Eigen::Dynamic, Eigen::RowMajor, 1, gelu_run>;

/// `1 - Phi(|x|)`, given `density` = e^(-x^2 / 2) / sqrt(2 pi). In double by erfc; in float by
/// Abramowitz & Stegun 26.2.17, whose error of 7.5e-8 is about that of the arithmetic.
template <class Scalar, class X>
void normal_tail(const X& x, const gelu_array<Scalar>& density, gelu_array<Scalar>& tail) {
  if constexpr (std::is_same_v<Scalar, float>) {
    tail = 1 / (1 + 0.2316419f * x.abs());
    tail = density * tail *
           (0.319381530f +
            tail * (-0.356563782f +
                    tail * (1.781477937f + tail * (-1.821255978f + tail * 1.330274429f))));
  } else {
    tail = x.unaryExpr([](Scalar v) {
      return Scalar(0.5) * std::erfc(std::abs(v) * Scalar(0.70710678118654752));
    });
  }
}

/// `count` numbers become their GELU.
/// \param slope null, or where the derivative `Phi(x) + x phi(x)` goes
/// Errors of values and slopes are below 4e-7 in float.
template <class Scalar>
void gelu(Scalar* values, index_t count, Scalar* slope) {
  using run_map = Eigen::Map<row_array<Scalar>>;
  constexpr Scalar steep = Scalar(1e30);
  gelu_array<Scalar> density, tail;
  for (index_t i = 0; i < count; i += gelu_run) {
    const index_t n = (std::min)(gelu_run, count - i);
    run_map x(values + i, n);
    density = (x.square() * Scalar(-0.5)).exp() * Scalar(0.3989422804014327);
    normal_tail<Scalar>(x, density, tail);
    // Phi is the tail where x < 0, one less it elsewhere: min and max come in vectors, where
    // choices do not. Next to 0, where this is between the two, they are the same.
    if (slope)
      run_map(slope + i, n) =
          tail + (((x * steep).max)(Scalar(0)).min)(Scalar(1)) * (1 - 2 * tail) + x * density;
    x = (x.max)(Scalar(0)) - x.abs() * tail;
  }
}

}  // namespace atlas::inline ATLAS_ABI::detail

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NN void gelu<float>(float*, index_t, float*);
ATLAS_OF_NN void gelu<double>(double*, index_t, double*);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
