// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Q8_0: 32 weights of 8 bits with one scale.

#include "atlas/io/blocks/float_bytes.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Scale d (half); q `[32]`, signed bytes. Weight: d q.
struct q8_0_block {
  static constexpr std::size_t weights = 32, bytes = 2 + 32;
  static void read(const std::byte* at, float* out) {
    const float d = half_at(at);
    for (std::size_t i = 0; i < weights; ++i)
      out[i] = d * static_cast<float>(little_endian<std::int8_t>(at + 2 + i));
  }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
