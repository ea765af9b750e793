// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q4_0 and Q4_1: 32 weights of 4 bits with one scale, without and with an offset.

#include "atlas/io/blocks/float_bytes.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Four bits of weight i of 32: the lower halves of 16 bytes are the first 16 weights, the upper
/// halves the others.
inline int nibble_of(const std::byte* nibbles, std::size_t i) {
  return bits_of(nibbles[i % 16], i < 16 ? 0 : 4, 4);
}

/// Scale d (half); q `[32]` in nibbles. Weight: d (q - 8).
struct q4_0_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at);
    for (std::size_t i = 0; i < weights; ++i)
      out[i] = d * static_cast<float>(nibble_of(at + 2, i) - 8);
  }
};

/// Scale d and offset m (halves); q `[32]` in nibbles. Weight: d q + m. A half times a few bits is
/// exact in float, so that a fused multiply-add gives the same bits; so it is in all blocks that
/// add.
struct q4_1_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 2 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at), m = half_at(at + 2);
    for (std::size_t i = 0; i < weights; ++i)
      out[i] = d * static_cast<float>(nibble_of(at + 4, i)) + m;
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
