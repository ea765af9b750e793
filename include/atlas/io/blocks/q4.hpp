// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q4_0 and Q4_1: 32 weights of 4 bits with one scale, without and with an offset.

#include "atlas/io/blocks/float_bytes.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Calls `take(i, q)` with the four bits of each weight i of 32: the lower halves of 16 bytes are
/// the first 16 weights, the upper halves the others.
template <class Take>
void for_each_nibble(const std::byte* nibbles, Take&& take) {
  for (std::size_t i = 0; i < 16; ++i) take(i, bits_of(nibbles[i], 0, 4));
  for (std::size_t i = 0; i < 16; ++i) take(i + 16, bits_of(nibbles[i], 4, 4));
}

/// Scale d (half); q `[32]` in nibbles. Weight: d (q - 8).
struct q4_0_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at);
    for_each_nibble(at + 2, [&](std::size_t i, int q) { out[i] = d * static_cast<float>(q - 8); });
  }
};

/// Scale d and offset m (halves); q `[32]` in nibbles. Weight: d q + m. A half times a few bits is
/// exact in float, so that a fused multiply-add gives the same bits; so it is in all blocks that
/// add.
struct q4_1_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 2 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at), m = half_at(at + 2);
    for_each_nibble(at + 4, [&](std::size_t i, int q) { out[i] = d * static_cast<float>(q) + m; });
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
