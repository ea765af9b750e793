// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q2_K: 256 weights of 2 bits, with a scale and an offset of 4 bits for each 16.

#include "atlas/io/blocks/float_bytes.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// The two bits of weight i in 64 bytes: each half of the weights has 32 bytes, of which bits 0 and
/// 1 are its first 32 weights, bits 2 and 3 the next 32, and so on.
inline int two_bits_of(const std::byte* pairs, std::size_t i) {
  return bits_of(pairs[i / 128 * 32 + i % 32], static_cast<int>(i / 32 % 4) * 2, 2);
}

/// For each 16 weights a byte: scale s in the lower half, offset o in the upper one; two bits q
/// `[256]`; d and m (halves). Weight: (d s) q - (m o).
struct q2_k_block {
  static constexpr std::size_t weights = 256, bytes = 16 + 64 + 2 + 2;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at + 80), m = half_at(at + 82);
    for (std::size_t i = 0; i < weights; ++i) {
      const std::byte scales = at[i / 16];
      const float scale = d * static_cast<float>(bits_of(scales, 0, 4));
      const float offset = m * static_cast<float>(bits_of(scales, 4, 4));
      out[i] = scale * static_cast<float>(two_bits_of(at + 16, i)) - offset;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
