// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// From the bytes of a tensor in a file to elements of the type that the caller wants.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/dtype.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// One element from memory that need not be aligned.
template <class Element>
Element load_element(const std::byte* at, bool swap_bytes) {
  if constexpr (std::is_same_v<Element, bool>) return std::to_integer<int>(*at) != 0;
  std::byte raw[sizeof(Element)];
  std::memcpy(raw, at, sizeof raw);
  if (swap_bytes) std::reverse(std::begin(raw), std::end(raw));
  Element value;
  std::memcpy(static_cast<void*>(&value), raw, sizeof raw);
  return value;
}

/// bool counts as the smallest integer, which the standard's comparisons of integers do not take.
template <class T>
using counted = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

template <class To>
bool exactly_integral(double value) {
  const double above = std::ldexp(1.0, std::numeric_limits<To>::digits);
  const double below = std::is_signed_v<To> ? -above : 0.0;
  return value >= below && value < above && value == std::trunc(value);
}

/// \returns false when `value` cannot be a `To`: a fraction, or out of an integer's range
template <class To, class From>
bool convert_element(From value, To& out) {
  if constexpr (!std::is_integral_v<To>) {
    if constexpr (std::is_arithmetic_v<From>)
      out = static_cast<To>(value);
    else
      out = static_cast<To>(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<From>) {
    const auto whole = static_cast<counted<From>>(value);
    if (std::is_same_v<To, bool> ? whole > 1 || std::cmp_less(whole, 0)
                                 : !std::in_range<counted<To>>(whole))
      return false;
    out = static_cast<To>(whole);
  } else {
    const double wide = static_cast<double>(value);
    if (!exactly_integral<To>(wide)) return false;
    out = static_cast<To>(wide);
  }
  return true;
}

}  // namespace atlas::inline ATLAS_ABI::io::detail

namespace atlas::inline ATLAS_ABI::io {

/// Elements of a file, as it has them, as numbers of another type; `out.size()` of them.
/// \param swap_bytes of each element, where the file has the other byte order
/// \throws format_error for a type that is not read, and for the first element that `To` cannot
///         hold, naming `where`
template <class To>
void convert_elements(dtype type, const std::byte* data, bool swap_bytes, std::span<To> out,
                      const std::string& where) {
  if (!is_read(type))
    throw format_error(where, "F64, F32, F16, BF16, integers or BOOL (no other type is read)",
                       std::string(dtype_name(type)));
  detail::with_element(type, [&]<class From>(std::type_identity<From>) {
    if (std::is_same_v<From, To> && !std::is_same_v<From, bool> && !swap_bytes) {
      if (!out.empty()) std::memcpy(static_cast<void*>(out.data()), data, out.size_bytes());
      return;
    }
    constexpr std::size_t size = dtype_size(dtype_of<From>());
    for (std::size_t i = 0; i < out.size(); ++i)
      if (!detail::convert_element(detail::load_element<From>(data + i * size, swap_bytes), out[i]))
        throw format_error(where,
                           "elements that fit into " + std::string(dtype_name(dtype_of<To>())),
                           "another value at element " + std::to_string(i));
  });
}

}  // namespace atlas::inline ATLAS_ABI::io

namespace atlas::inline ATLAS_ABI::io::detail {

/// The extents as an array of `Rank`. A scalar (no extents) may be taken as a vector of one.
/// \throws shape_error naming `where`
template <std::size_t Rank>
shape<Rank> fixed_rank(const std::vector<index_t>& extents, const std::string& where) {
  if (Rank == 1 && extents.empty()) return {1};
  if (extents.size() != Rank)
    throw shape_error(where, std::to_string(Rank) + " dimensions",
                      "shape " + atlas::shape_text(extents.data(), extents.size()));
  shape<Rank> fixed{};
  std::copy(extents.begin(), extents.end(), fixed.begin());
  return fixed;
}

/// The number of elements times their size; none when their bits do not fit into an `index_t`, or
/// leave a part of a byte.
inline std::optional<std::size_t> byte_count(const std::vector<index_t>& extents, dtype type) {
  constexpr auto most = static_cast<std::size_t>((std::numeric_limits<index_t>::max)());
  std::size_t count = dtype_bits(type) < 8 ? dtype_bits(type) : dtype_size(type);
  bool empty = false;
  for (const index_t e : extents) {
    if (e < 0) return std::nullopt;
    // An extent of zero does not excuse the others: strides are products of some of them.
    const auto factor = static_cast<std::size_t>(e > 0 ? e : 1);
    if (count > most / factor) return std::nullopt;
    count *= factor;
    empty = empty || e == 0;
  }
  if (empty) return 0;
  if (dtype_bits(type) >= 8) return count;
  return count % 8 == 0 ? std::optional(count / 8) : std::nullopt;
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
