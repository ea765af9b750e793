// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q4_K: 256 weights of 4 bits, with a scale and an offset of 6 bits for each 32.

#include "atlas/io/blocks/q2_k.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Scale and offset of 6 bits.
struct scale_and_offset {
  float scale, offset;
};

/// Those of group j of 8, in 12 bytes. The first four have bytes j and 4 + j, lower 6 bits. Of the
/// others, byte 8 + j - 4 has four bits of each, and the upper two are those that the first four
/// leave in their bytes.
inline scale_and_offset six_bits_of(const std::byte* packed, std::size_t j) {
  const std::size_t k = j % 4;
  int scale = bits_of(packed[k], 0, 6), offset = bits_of(packed[4 + k], 0, 6);
  if (j >= 4) {
    scale = bits_of(packed[8 + k], 0, 4) | bits_of(packed[k], 6, 2) << 4;
    offset = bits_of(packed[8 + k], 4, 4) | bits_of(packed[4 + k], 6, 2) << 4;
  }
  return {static_cast<float>(scale), static_cast<float>(offset)};
}

/// The four bits of the weights of group g of 32, in 128 bytes: each quarter of the 256 weights has
/// 32 bytes, of which the lower halves are its first 32 weights.
inline bits_in_bytes nibbles_of_group(const std::byte* nibbles, std::size_t g) {
  return {nibbles + g / 2 * 32, g % 2 == 0 ? 0 : 4};
}

/// d and m (halves); scales s and offsets o of each 32 weights; nibbles q `[256]`. Weight: (d s) q
/// - (m o).
struct q4_k_block {
  static constexpr std::size_t weights = 256, bytes = 2 + 2 + 12 + 128;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at), m = half_at(at + 2);
    for (std::size_t group = 0; group < 8; ++group) {
      const auto [s, o] = six_bits_of(at + 4, group);
      const float scale = d * s, offset = m * o;
      const auto [bytes_of_group, shift] = nibbles_of_group(at + 16, group);
      for (std::size_t i = 0; i < 32; ++i)
        out[32 * group + i] =
            scale * static_cast<float>(bits_of(bytes_of_group[i], shift, 4)) - offset;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
