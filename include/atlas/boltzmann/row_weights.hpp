// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Checks of softmax weights.

#include <cmath>
#include <string>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr double weight_sum_slack = 1e-3;  ///< of a row's sum from 1, for half precision

/// \throws value_error for weights of query t that are negative or NaN, or do not sum to 1
template <class Row>
void check_weights_of_row(const Row& weights, index_t t) {
  double sum = 0, least = 0;
  for (index_t i = 0; i < weights.size(); ++i) {
    const auto w = static_cast<double>(weights[i]);
    sum += w;
    least = w < least ? w : least;
  }
  // A NaN is in the sum.
  if (least >= 0 && std::abs(sum - 1) <= weight_sum_slack) return;
  for (index_t i = 0; i < weights.size(); ++i)
    if (const auto w = static_cast<double>(weights[i]); !(w >= 0))
      throw value_error("weights", "weights of 0 or more",
                        number_text(w) + " for query " + std::to_string(t));
  throw value_error("weights", "rows that sum to 1",
                    number_text(sum) + " for query " + std::to_string(t));
}

/// The same of all rows.
template <class Scalar>
void check_row_weights(const tensor_view<const Scalar, 2>& weights) {
  for (index_t t = 0; t < weights.extent(0); ++t) check_weights_of_row(weights[t], t);
}

}  // namespace atlas::inline ATLAS_ABI::detail
