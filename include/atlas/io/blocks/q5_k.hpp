// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q5_K: 256 weights of 5 bits, with a scale and an offset of 6 bits for each 32.

#include "atlas/io/blocks/q4_k.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// As Q4_K, with fifth bits `[256]` before the nibbles: weight i has bit i / 32 of byte i % 32.
struct q5_k_block {
  static constexpr std::size_t weights = 256, bytes = 2 + 2 + 12 + 32 + 128;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at), m = half_at(at + 2);
    for (std::size_t group = 0; group < 8; ++group) {
      const auto [s, o] = six_bits_of(at + 4, group);
      const float scale = d * s, offset = m * o;
      const auto [bytes_of_group, shift] = nibbles_of_group(at + 48, group);
      for (std::size_t i = 0; i < 32; ++i) {
        const int fifth = bits_of(at[16 + i], static_cast<int>(group), 1);
        const int q = bits_of(bytes_of_group[i], shift, 4) | fifth << 4;
        out[32 * group + i] = scale * static_cast<float>(q) - offset;
      }
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
