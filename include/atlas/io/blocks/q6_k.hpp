// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q6_K: 256 weights of 6 bits, with a scale of 8 bits for each 16.

#include "atlas/io/blocks/q2_k.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Lower four bits `[256]`: each half of the weights has 64 bytes, of which the lower halves are
/// its first 64 weights; upper two bits `[256]` as in Q2_K; scales s `[16]`, signed bytes; d
/// (half). Weight: (d s) (q - 32).
struct q6_k_block {
  static constexpr std::size_t weights = 256, bytes = 128 + 64 + 16 + 2;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at + 208);
    for (std::size_t group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(little_endian<std::int8_t>(at + 192 + group));
      const std::byte* lower = at + group / 8 * 64 + group % 4 * 16;
      const int half = group / 4 % 2 == 0 ? 0 : 4;
      const auto [upper, shift] = two_bits_of_group(at + 128, group);
      for (std::size_t i = 0; i < 16; ++i) {
        const int q = bits_of(lower[i], half, 4) | bits_of(upper[i], shift, 2) << 4;
        out[16 * group + i] = scale * static_cast<float>(q - 32);
      }
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
