// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Labels, positions and tokens: whole numbers of any type in any container, as `index_t`.

#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// \throws value_error for a number that `index_t` cannot hold
template <std::integral Number>
index_t as_index(Number n, std::string_view argument) {
  if constexpr (std::unsigned_integral<Number> && sizeof(Number) >= sizeof(index_t))
    if (n > static_cast<Number>((std::numeric_limits<index_t>::max)()))
      throw value_error(
          argument, "whole numbers up to " + std::to_string((std::numeric_limits<index_t>::max)()),
          std::to_string(n));
  return static_cast<index_t>(n);
}

/// A dense copy.
/// \throws value_error for a number that `index_t` cannot hold
template <std::size_t Rank, whole_tensor<Rank> Numbers>
owned_tensor<index_t, Rank> copy_indices(const Numbers& numbers, std::string_view argument) {
  using scalar = scalar_of<Numbers, Rank>;
  const auto held = as_view<Rank>(numbers);
  const tensor_view<const scalar, Rank>& view = held;
  owned_tensor<index_t, Rank> out(view.extents());
  for_each_element(view, out.mutable_view(),
                   [&](scalar from, index_t& to) { to = as_index(from, argument); });
  return out;
}

/// A view of the numbers where they are `index_t` already, a copy otherwise.
template <std::size_t Rank, whole_tensor<Rank> Numbers>
auto view_indices(const Numbers& numbers, std::string_view argument) {
  if constexpr (std::is_same_v<scalar_of<Numbers, Rank>, index_t>)
    return as_view<Rank>(numbers);
  else
    return copy_indices<Rank>(numbers, argument);
}

}  // namespace detail

/// `[N]`, a whole number for every row, as options hold them: labels of contexts, positions. Made
/// of whole numbers of any type in any container, which are copied; empty by default.
/// \code
/// const std::vector<std::uint32_t> text(2000);  // one for each row
/// atlas::two_nn(points, {.context = text});
/// \endcode
class row_numbers : public owned_tensor<index_t, 1> {
 public:
  row_numbers() = default;
  /// Shares the memory.
  row_numbers(const owned_tensor<index_t, 1>& numbers)  // NOLINT: implicit on purpose
      : owned_tensor<index_t, 1>(numbers) {}
  /// \throws value_error for a number that `index_t` cannot hold
  template <class Numbers>
  requires(!std::is_base_of_v<owned_tensor<index_t, 1>, Numbers> && whole_tensor<Numbers, 1>)  //
      row_numbers(const Numbers& numbers)  // NOLINT: implicit on purpose
      : owned_tensor<index_t, 1>(detail::copy_indices<1>(numbers, "row numbers")) {}
};

template <>
struct tensor_traits<row_numbers> : tensor_traits<owned_tensor<index_t, 1>> {};

}  // namespace atlas::inline ATLAS_ABI
