// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Numbers in blocks of quantized weights: little-endian, at any address, and bytes cut into parts.

#include <Eigen/Core>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "atlas/io/formats/convert.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A little-endian number at an address of any alignment.
template <class Number>
Number little_endian(const std::byte* at) {
  return load_element<Number>(at, std::endian::native == std::endian::big);
}

/// A half-precision number, which a float holds exactly.
inline float half_at(const std::byte* at) {
  return static_cast<float>(little_endian<Eigen::half>(at));
}

/// `width` bits of a byte from bit `shift` on, as a number from 0.
inline int bits_of(std::byte byte, int shift, int width) {
  return (std::to_integer<int>(byte) >> shift) & ((1 << width) - 1);
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
