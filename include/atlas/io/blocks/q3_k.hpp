// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q3_K: 256 weights of 3 bits, with a scale of 6 bits for each 16.

#include "atlas/io/blocks/q2_k.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Six bits of scale j of 16 in 12 bytes: the lower four are the halves of the first 8 bytes, the
/// lower halves first; the upper two are pairs of bits of the last 4 bytes.
inline int q3_k_scale(const std::byte* packed, std::size_t j) {
  const int low = bits_of(packed[j % 8], j < 8 ? 0 : 4, 4);
  return low | bits_of(packed[8 + j % 4], static_cast<int>(j / 4) * 2, 2) << 4;
}

/// Third bits `[256]`, weight i in bit i / 32 of byte i % 32; two bits `[256]` as in Q2_K; scales s
/// `[16]`; d (half). Weight: d (s - 32) q, q from -4 to 3: a third bit that is not set takes 4
/// away.
struct q3_k_block {
  static constexpr std::size_t weights = 256, bytes = 32 + 64 + 12 + 2;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at + 108);
    for (std::size_t group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(q3_k_scale(at + 96, group) - 32);
      const auto [bytes_of_group, shift] = two_bits_of_group(at + 32, group);
      const std::byte* thirds = at + group % 2 * 16;
      const int place = static_cast<int>(group / 2);
      for (std::size_t i = 0; i < 16; ++i) {
        const int q = bits_of(bytes_of_group[i], shift, 2) + 4 * bits_of(thirds[i], place, 1);
        out[16 * group + i] = scale * static_cast<float>(q - 4);
      }
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
