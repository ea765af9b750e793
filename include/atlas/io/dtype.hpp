// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The element types of tensors in files.

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// The types of safetensors. `f16` is IEEE half precision, `bf16` the upper half of an `f32`,
/// `boolean` one byte each. From `c64` on (complex numbers, and floating point of 8 bits and fewer)
/// they are known by name and size only: such tensors lie in files beside others, unread.
enum class dtype {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  c64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4
};

namespace detail {

/// The spelling of safetensors, the bits of one element, and whether such elements can be read.
struct dtype_row {
  dtype type;
  std::string_view name;
  std::size_t bits;
  bool read;
};
inline constexpr std::array dtype_rows =
    std::to_array<dtype_row>({{dtype::f64, "F64", 64, true},
                              {dtype::f32, "F32", 32, true},
                              {dtype::f16, "F16", 16, true},
                              {dtype::bf16, "BF16", 16, true},
                              {dtype::i64, "I64", 64, true},
                              {dtype::i32, "I32", 32, true},
                              {dtype::i16, "I16", 16, true},
                              {dtype::i8, "I8", 8, true},
                              {dtype::u64, "U64", 64, true},
                              {dtype::u32, "U32", 32, true},
                              {dtype::u16, "U16", 16, true},
                              {dtype::u8, "U8", 8, true},
                              {dtype::boolean, "BOOL", 8, true},
                              {dtype::c64, "C64", 64, false},
                              {dtype::f8_e4m3, "F8_E4M3", 8, false},
                              {dtype::f8_e5m2, "F8_E5M2", 8, false},
                              {dtype::f8_e8m0, "F8_E8M0", 8, false},
                              {dtype::f8_e4m3fnuz, "F8_E4M3FNUZ", 8, false},
                              {dtype::f8_e5m2fnuz, "F8_E5M2FNUZ", 8, false},
                              {dtype::f6_e2m3, "F6_E2M3", 6, false},
                              {dtype::f6_e3m2, "F6_E3M2", 6, false},
                              {dtype::f4, "F4", 4, false}});

/// \throws value_error for what is no enumerator
constexpr const dtype_row& dtype_row_of(dtype type) {
  for (const dtype_row& row : dtype_rows)
    if (row.type == type) return row;
  throw value_error("dtype", "a type of tensors in files", std::to_string(static_cast<int>(type)));
}

constexpr std::optional<dtype> dtype_from_name(std::string_view name) {
  for (const dtype_row& row : dtype_rows)
    if (row.name == name) return row.type;
  return std::nullopt;
}

/// Calls `visit(std::type_identity<Element>{})` with the C++ type of the elements, which must be
/// one that is read.
template <class Visit>
decltype(auto) with_element(dtype type, Visit&& visit) {
  switch (type) {
    case dtype::f64:
      return visit(std::type_identity<double>{});
    case dtype::f32:
      return visit(std::type_identity<float>{});
    case dtype::f16:
      return visit(std::type_identity<Eigen::half>{});
    case dtype::bf16:
      return visit(std::type_identity<Eigen::bfloat16>{});
    case dtype::i64:
      return visit(std::type_identity<std::int64_t>{});
    case dtype::i32:
      return visit(std::type_identity<std::int32_t>{});
    case dtype::i16:
      return visit(std::type_identity<std::int16_t>{});
    case dtype::i8:
      return visit(std::type_identity<std::int8_t>{});
    case dtype::u64:
      return visit(std::type_identity<std::uint64_t>{});
    case dtype::u32:
      return visit(std::type_identity<std::uint32_t>{});
    case dtype::u16:
      return visit(std::type_identity<std::uint16_t>{});
    case dtype::u8:
      return visit(std::type_identity<std::uint8_t>{});
    default:
      break;
  }
  return visit(std::type_identity<bool>{});
}

/// Integers are told by size and sign, so that `long` and `long long` both have a type.
template <class T>
constexpr dtype integer_dtype() {
  constexpr bool is_signed = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 8) return is_signed ? dtype::i64 : dtype::u64;
  if constexpr (sizeof(T) == 4) return is_signed ? dtype::i32 : dtype::u32;
  if constexpr (sizeof(T) == 2) return is_signed ? dtype::i16 : dtype::u16;
  return is_signed ? dtype::i8 : dtype::u8;
}

}  // namespace detail

/// As safetensors spells it: "F32", "BF16", "BOOL", ...
[[nodiscard]] constexpr std::string_view dtype_name(dtype type) {
  return detail::dtype_row_of(type).name;
}

/// Bits of one element, as some are smaller than a byte.
[[nodiscard]] constexpr std::size_t dtype_bits(dtype type) {
  return detail::dtype_row_of(type).bits;
}

/// Bytes of one element of a type that is read.
[[nodiscard]] constexpr std::size_t dtype_size(dtype type) {
  return dtype_bits(type) / 8;
}

/// Whether elements of this type can be read. Others are known by name and size only.
[[nodiscard]] constexpr bool is_read(dtype type) {
  return detail::dtype_row_of(type).read;
}

/// Whether the elements are real numbers in floating point that are read.
[[nodiscard]] constexpr bool is_floating_point(dtype type) {
  return type == dtype::f64 || type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// The type in files of a C++ element type.
template <class T>
[[nodiscard]] constexpr dtype dtype_of() {
  using element = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<element, bool>)
    return dtype::boolean;
  else if constexpr (std::is_integral_v<element>)
    return detail::integer_dtype<element>();
  else if constexpr (std::is_same_v<element, double>)
    return dtype::f64;
  else if constexpr (std::is_same_v<element, float>)
    return dtype::f32;
  else if constexpr (std::is_same_v<element, Eigen::half>)
    return dtype::f16;
  else {
    static_assert(std::is_same_v<element, Eigen::bfloat16>, "no element type of files");
    return dtype::bf16;
  }
}

}  // namespace atlas::inline ATLAS_ABI::io
