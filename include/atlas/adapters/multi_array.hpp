// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Boost.MultiArray at the narrow waist: arrays, references, subarrays and views of any strides and
/// index bases, all borrowed. Nothing is included for it.

#include <array>
#include <cstddef>
#include <type_traits>

#include "atlas/core/as_view.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// What Boost's MultiArray concept asks for.
template <class X>
concept multi_array_of_numbers = requires(const X& x) {
  X::dimensionality;
  x.origin();
  x.index_bases();
  x.shape();
  x.strides();
}
&&number<std::remove_cv_t<typename X::element>>;

/// Only `boost::multi_array` itself owns its elements; it alone can be resized.
template <class X>
concept multi_array_owner = requires(X& x, std::array<index_t, X::dimensionality> extents) {
  x.resize(extents);
};

}  // namespace detail

template <detail::multi_array_of_numbers X>
struct tensor_traits<X> {
  static constexpr bool borrowed = !detail::multi_array_owner<X>;

  template <std::size_t Rank>
  requires(X::dimensionality == Rank) static auto view(const X& x) {
    using scalar = std::remove_cv_t<typename X::element>;
    shape<Rank> extents{}, strides{};
    const scalar* first = x.origin();  // the element of indices 0, which need not exist
    for (std::size_t r = 0; r < Rank; ++r) {
      extents[r] = static_cast<index_t>(x.shape()[r]);
      strides[r] = static_cast<index_t>(x.strides()[r]);
      first += static_cast<index_t>(x.index_bases()[r]) * strides[r];
    }
    return tensor_view<const scalar, Rank>(first, extents, strides);
  }
};

}  // namespace atlas::inline ATLAS_ABI
