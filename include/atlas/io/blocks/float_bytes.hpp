// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Numbers in blocks of quantized weights: little-endian, at any address, and bytes cut into parts.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "atlas/io/formats/convert.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A little-endian number at an address of any alignment.
template <class Number>
Number little_endian(const std::byte* at) {
  if constexpr (std::endian::native == std::endian::big) return load_element<Number>(at, true);
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// A half-precision number, which a float holds exactly. Choices are made with masks, so that
/// compilers take many numbers at once.
inline float half_at(const std::byte* at) {
  constexpr std::uint32_t bias = (127U - 15U) << 23;
  const std::uint32_t half = little_endian<std::uint16_t>(at);
  const std::uint32_t magnitude = (half & 0x7fffU) << 13;
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(half & 0x3ffU)) * 0x1p-24F;
  const std::uint32_t is_subnormal = 0U - static_cast<std::uint32_t>(magnitude < (1U << 23));
  const std::uint32_t is_special = 0U - static_cast<std::uint32_t>(magnitude >= (31U << 23));
  const std::uint32_t normal = (magnitude + bias) | (is_special & (255U << 23));  // or inf, NaN
  const std::uint32_t bits =
      (std::bit_cast<std::uint32_t>(subnormal) & is_subnormal) | (normal & ~is_subnormal);
  return std::bit_cast<float>(bits | (half & 0x8000U) << 16);
}

/// A number whose bits are the upper half of a float's.
inline float bfloat_at(const std::byte* at) {
  return std::bit_cast<float>(std::uint32_t{little_endian<std::uint16_t>(at)} << 16);
}

/// `width` bits of a byte from bit `shift` on, as a number from 0.
inline int bits_of(std::byte byte, int shift, int width) {
  return (std::to_integer<int>(byte) >> shift) & ((1 << width) - 1);
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
