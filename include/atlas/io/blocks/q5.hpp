// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q5_0 and Q5_1: 32 weights of 5 bits with one scale, without and with an offset.

#include "atlas/io/blocks/q4.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Calls `take(i, q)` with the five bits of each weight i of 32: the fifth is bit i of four bytes,
/// the others are as in Q4.
template <class Take>
void for_each_five_bits(const std::byte* fifth, const std::byte* nibbles, Take&& take) {
  const auto fifths = little_endian<std::uint32_t>(fifth);
  for_each_nibble(nibbles, [&](std::size_t i, int q) {
    take(i, q | static_cast<int>((fifths >> i & 1U) << 4));
  });
}

/// Scale d (half); fifth bits `[32]`; nibbles `[32]`. Weight: d (q - 16).
struct q5_0_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 4 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at);
    for_each_five_bits(at + 2, at + 6,
                       [&](std::size_t i, int q) { out[i] = d * static_cast<float>(q - 16); });
  }
};

/// Scale d and offset m (halves); fifth bits `[32]`; nibbles `[32]`. Weight: d q + m.
struct q5_1_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 2 + 4 + 16;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at), m = half_at(at + 2);
    for_each_five_bits(at + 4, at + 8,
                       [&](std::size_t i, int q) { out[i] = d * static_cast<float>(q) + m; });
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
