// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Weights that are not quantized: F64, F32, F16 and BF16, one number a block.

#include "atlas/io/blocks/float_bytes.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

struct f64_block {
  static constexpr std::size_t weights = 1, bytes = 8;
  static void read(const std::byte* at, float* out) {
    *out = static_cast<float>(little_endian<double>(at));
  }
};

struct f32_block {
  static constexpr std::size_t weights = 1, bytes = 4;
  static void read(const std::byte* at, float* out) { *out = little_endian<float>(at); }
};

struct f16_block {
  static constexpr std::size_t weights = 1, bytes = 2;
  static void read(const std::byte* at, float* out) { *out = half_at(at); }
};

struct bf16_block {
  static constexpr std::size_t weights = 1, bytes = 2;
  static void read(const std::byte* at, float* out) { *out = bfloat_at(at); }
};

}  // namespace atlas::inline ATLAS_ABI::io::detail
