// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Values of the metadata of GGUF files.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "atlas/core/lazy.hpp"
#include "atlas/io/blocks/float_bytes.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// The types of values, by their numbers in files.
enum class gguf_type : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  text,
  array,
  u64,
  i64,
  f64
};

namespace detail {

/// The name of a type in the format's description, and the bytes of one value (of the number before
/// a text or an array, which says how long it is).
struct gguf_type_row {
  std::string_view name;
  std::size_t bytes;
};
inline constexpr std::array gguf_type_rows = std::to_array<gguf_type_row>({{"UINT8", 1},
                                                                           {"INT8", 1},
                                                                           {"UINT16", 2},
                                                                           {"INT16", 2},
                                                                           {"UINT32", 4},
                                                                           {"INT32", 4},
                                                                           {"FLOAT32", 4},
                                                                           {"BOOL", 1},
                                                                           {"STRING", 8},
                                                                           {"ARRAY", 8},
                                                                           {"UINT64", 8},
                                                                           {"INT64", 8},
                                                                           {"FLOAT64", 8}});

constexpr const gguf_type_row& gguf_type_row_of(gguf_type type) {
  return gguf_type_rows[static_cast<std::size_t>(type)];
}

/// Calls `visit` with the value of this type at an address; whole numbers have 64 bits.
template <class Visit>
decltype(auto) visit_gguf_number(gguf_type type, const std::byte* at, Visit&& visit) {
  switch (type) {
    case gguf_type::u8:
      return visit(std::uint64_t{little_endian<std::uint8_t>(at)});
    case gguf_type::i8:
      return visit(std::int64_t{little_endian<std::int8_t>(at)});
    case gguf_type::u16:
      return visit(std::uint64_t{little_endian<std::uint16_t>(at)});
    case gguf_type::i16:
      return visit(std::int64_t{little_endian<std::int16_t>(at)});
    case gguf_type::u32:
      return visit(std::uint64_t{little_endian<std::uint32_t>(at)});
    case gguf_type::i32:
      return visit(std::int64_t{little_endian<std::int32_t>(at)});
    case gguf_type::f32:
      return visit(double{little_endian<float>(at)});
    case gguf_type::boolean:
      return visit(std::to_integer<int>(*at) != 0);
    case gguf_type::i64:
      return visit(little_endian<std::int64_t>(at));
    case gguf_type::f64:
      return visit(little_endian<double>(at));
    default:
      break;
  }
  return visit(little_endian<std::uint64_t>(at));
}

}  // namespace detail

/// One value of the metadata, or an array of values of one type: its bytes where they lie in the
/// file, so that a vocabulary is not copied. Valid as long as the file that it is from.
struct gguf_value {
  gguf_type type = gguf_type::u8;  ///< of the value, or of an array's elements
  bool is_array = false;
  std::uint64_t count = 1;           ///< of elements
  std::span<const std::byte> bytes;  ///< of all elements; each text after its length

  /// Calls `visit(x)` for each element, x a `std::uint64_t`, `std::int64_t`, `double`, `bool` or
  /// `std::string_view`; once for what is no array. O(bytes).
  template <class Visit>
  void for_each(Visit&& visit) const {
    const std::byte* at = bytes.data();
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t size = detail::gguf_type_row_of(type).bytes;
      if (type != gguf_type::text) {
        detail::visit_gguf_number(type, at, visit);
        at += size;
        continue;
      }
      const auto length = static_cast<std::size_t>(detail::little_endian<std::uint64_t>(at));
      visit(std::string_view(reinterpret_cast<const char*>(at) + size, length));
      at += size + length;
    }
  }

  /// A text, a truth, a whole number or any number, unless the value is an array or something else.
  [[nodiscard]] std::optional<std::string_view> text() const { return only<std::string_view>(); }
  [[nodiscard]] std::optional<bool> flag() const { return only<bool>(); }
  [[nodiscard]] std::optional<std::int64_t> whole() const {
    if (const auto value = only<std::int64_t>()) return value;
    const auto value = only<std::uint64_t>();
    if (!value || !std::in_range<std::int64_t>(*value)) return std::nullopt;
    return static_cast<std::int64_t>(*value);
  }
  [[nodiscard]] std::optional<double> number() const {
    if (const auto value = only<double>()) return value;
    if (const auto value = only<std::uint64_t>()) return static_cast<double>(*value);
    if (const auto value = only<std::int64_t>()) return static_cast<double>(*value);
    return std::nullopt;
  }

 private:
  template <class Wanted>
  std::optional<Wanted> only() const {
    std::optional<Wanted> found;
    if (!is_array)
      for_each([&]<class Value>(const Value& value) {
        if constexpr (std::is_same_v<Value, Wanted>) found = value;
      });
    return found;
  }
};

namespace detail {

/// What a value is, for messages: "UINT32", "ARRAY of STRING".
inline std::string gguf_type_text(const gguf_value& value) {
  return (value.is_array ? "ARRAY of " : "") + std::string(gguf_type_row_of(value.type).name);
}

/// A value as JSON, which takes some 16 bytes of memory an element.
template <class = lazy>
nlohmann::json json_of(const gguf_value& value) {
  kept_json<> kept(nlohmann::json::array());
  nlohmann::json& elements = kept.value;
  value.for_each([&]<class Value>(const Value& x) {
    // Not JSON otherwise.
    if constexpr (std::is_same_v<Value, std::string_view>)
      elements.push_back(replace_malformed_utf8(x));
    else
      elements.push_back(x);
  });
  return std::move(value.is_array ? elements : elements[0]);
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
