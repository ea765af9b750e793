// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q5_0 and Q5_1: 32 weights of 5 bits with one scale, without and with an offset.

#include "atlas/io/blocks/q4.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Five bits of weight i of 32: the fifth is bit i of four bytes, the others are as in Q4.
inline int five_bits_of(const std::byte* fifth, const std::byte* nibbles, std::size_t i) {
  return nibble_of(nibbles, i) | bits_of(fifth[i / 8], static_cast<int>(i % 8), 1) << 4;
}

/// Scale d (half); fifth bits `[32]`; nibbles `[32]`. Weight: d (q - 16).
struct q5_0_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 4 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at);
    for (std::size_t i = 0; i < weights; ++i)
      out[i] = d * static_cast<float>(five_bits_of(at + 2, at + 6, i) - 16);
  }
};

/// Scale d and offset m (halves); fifth bits `[32]`; nibbles `[32]`. Weight: d q + m.
struct q5_1_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 2 + 4 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at), m = half_at(at + 2);
    for (std::size_t i = 0; i < weights; ++i)
      out[i] = d * static_cast<float>(five_bits_of(at + 4, at + 8, i)) + m;
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
