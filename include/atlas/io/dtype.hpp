#pragma once
/// \file
/// The element types of tensors in files.

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace atlas::io {

/// `f16` is IEEE half precision, `bf16` the upper half of an `f32`, `boolean` one byte each.
enum class dtype { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

namespace detail {

/// The spelling of safetensors and the size of one element, in the order of the enumerators.
struct dtype_row {
  std::string_view name;
  std::size_t size;
};
inline constexpr std::array<dtype_row, 13> dtype_rows = {{{"F64", 8},
                                                          {"F32", 4},
                                                          {"F16", 2},
                                                          {"BF16", 2},
                                                          {"I64", 8},
                                                          {"I32", 4},
                                                          {"I16", 2},
                                                          {"I8", 1},
                                                          {"U64", 8},
                                                          {"U32", 4},
                                                          {"U16", 2},
                                                          {"U8", 1},
                                                          {"BOOL", 1}}};

constexpr std::optional<dtype> dtype_from_name(std::string_view name) {
  for (std::size_t i = 0; i < dtype_rows.size(); ++i)
    if (dtype_rows[i].name == name) return static_cast<dtype>(i);
  return std::nullopt;
}

/// Calls `visit(std::type_identity<Element>{})` with the C++ type of the elements.
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
    case dtype::boolean:
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
constexpr std::string_view dtype_name(dtype type) {
  return detail::dtype_rows[static_cast<std::size_t>(type)].name;
}

/// Bytes of one element.
constexpr std::size_t dtype_size(dtype type) {
  return detail::dtype_rows[static_cast<std::size_t>(type)].size;
}

/// The type in files of a C++ element type.
template <class T>
constexpr dtype dtype_of() {
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

}  // namespace atlas::io
