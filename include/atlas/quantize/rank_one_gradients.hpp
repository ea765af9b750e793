// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Gradients of single samples of a linear layer `y = W a`: `dL/dW = dL/dy a^T`, of rank one.

#include <algorithm>
#include <cmath>
#include <limits>

#include "atlas/core/checks.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/quantize/magnitude.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// \throws shape_error unless `[n, out]` and `[n, in]`; value_error for NaN
template <class A, class B>
void check_rank_one(const tensor_view<A, 2>& output_gradients, const tensor_view<B, 2>& inputs,
                    index_t out, index_t in) {
  if (out >= 0)
    check_extent(output_gradients.extent(1), out, "output_gradients", "one column per output,");
  check_extent(inputs.extent(1), in, "inputs", "one column per input,");
  check_extent(inputs.extent(0), output_gradients.extent(0), "inputs",
               "as many rows as output_gradients,");
  check_finite(output_gradients, "output_gradients");
  check_finite(inputs, "inputs");
}

inline constexpr const char* product_of_both = "output_gradients, multiplied by inputs,";

/// A product of numbers of which `some` are not 0: if it is 0 all the same, the smallest there is.
inline double largest_product(double product, bool some) {
  return some ? (std::max)(product, std::numeric_limits<double>::denorm_min()) : product;
}

/// `||row i||`, in which no square over- or underflows.
template <class Scalar>
double row_norm(const tensor_view<const Scalar, 2>& rows, index_t i) {
  const int exponent = can_be_squared<Scalar> ? 0 : extreme_exponent(largest_magnitude(rows[i]));
  double sum = 0;
  for (index_t k = 0; k < rows.extent(1); ++k) {
    const double x = std::ldexp(static_cast<double>(rows(i, k)), -exponent);
    sum += x * x;
  }
  return std::ldexp(std::sqrt(sum), exponent);
}

}  // namespace atlas::inline ATLAS_ABI::detail
