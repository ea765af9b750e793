// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q2_K: 256 weights of 2 bits, with a scale and an offset of 4 bits for each 16.

#include "atlas/io/blocks/float_bytes.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Where bits of a group of weights are: from bit `shift` on in a byte each.
struct bits_in_bytes {
  const std::byte* bytes;
  int shift;
};

/// The two bits of the weights of group g of 16, in 64 bytes: each half of the 256 weights has 32
/// bytes, of which bits 0 and 1 are its first 32 weights, bits 2 and 3 the next 32, and so on.
inline bits_in_bytes two_bits_of_group(const std::byte* pairs, std::size_t g) {
  return {pairs + g / 8 * 32 + g % 2 * 16, static_cast<int>(g / 2 % 4) * 2};
}

/// For each 16 weights a byte: scale s in the lower half, offset o in the upper one; two bits q
/// `[256]`; d and m (halves). Weight: (d s) q - (m o).
struct q2_k_block {
  static constexpr std::size_t weights = 256, bytes = 16 + 64 + 2 + 2;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at + 80), m = half_at(at + 82);
    for (std::size_t group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(bits_of(at[group], 0, 4));
      const float offset = m * static_cast<float>(bits_of(at[group], 4, 4));
      const auto [bytes_of_group, shift] = two_bits_of_group(at + 16, group);
      for (std::size_t i = 0; i < 16; ++i)
        out[16 * group + i] =
            scale * static_cast<float>(bits_of(bytes_of_group[i], shift, 2)) - offset;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
