#pragma once
/// \file
/// Checks of softmax weights.

#include <cmath>
#include <string>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"

namespace atlas::detail {

/// \throws value_error for weights that are negative or NaN, or rows that do not sum to 1
template <class Scalar>
void check_row_weights(const tensor_view<const Scalar, 2>& weights) {
  constexpr double slack = 1e-3;  // rows in half precision
  for (index t = 0; t < weights.extent(0); ++t) {
    double sum = 0;
    for (index i = 0; i < weights.extent(1); ++i) {
      const auto w = static_cast<double>(weights(t, i));
      if (!(w >= 0))
        throw value_error("weights", "weights of 0 or more",
                          number_text(w) + " for query " + std::to_string(t));
      sum += w;
    }
    if (!(std::abs(sum - 1) <= slack))
      throw value_error("weights", "rows that sum to 1",
                        number_text(sum) + " for query " + std::to_string(t));
  }
}

}  // namespace atlas::detail
