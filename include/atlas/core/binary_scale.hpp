// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Powers of two by which numbers are multiplied, which is exact, before they are squared.

#include <algorithm>
#include <cmath>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The exponent e with `2^e |x|` in [1/2, 1) for x = `largest`, kept where `2^e` and `2^-e` are
/// both normal numbers: up to 4, or as little as 2^-52, at the ends of the range. 0 where x is 0 or
/// not finite.
inline int exponent_to_one(double largest) {
  if (!(largest > 0 && largest <= 0x1.fffffffffffffp1023)) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::clamp(-exponent, -1022, 1022);
}

/// `2^exponent_to_one(largest)`: squares of numbers up to `largest` times it neither overflow nor,
/// unless they are nothing beside the largest, underflow.
inline double scale_to_one(double largest) {
  return std::ldexp(1.0, exponent_to_one(largest));
}

/// Largest magnitude in a view; 0 for none.
template <class T, std::size_t Rank>
double largest_magnitude(const tensor_view<T, Rank>& x) {
  double largest = 0;
  for (index_t i = 0; i < x.extent(0); ++i) {
    if constexpr (Rank == 1)
      largest = (std::max)(largest, std::abs(static_cast<double>(x[i])));
    else
      largest = (std::max)(largest, largest_magnitude(x[i]));
  }
  return largest;
}

}  // namespace atlas::inline ATLAS_ABI::detail
