// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// xtensor at the narrow waist: containers, adapted memory, views and strided views are borrowed;
/// lazy expressions are evaluated once. xtensor 0.24 and the moved headers of 0.26 and later.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#if __has_include(<xtensor/core/xexpression.hpp>)
#include <xtensor/core/xexpression.hpp>
#include <xtensor/core/xtensor_forward.hpp>
#elif __has_include(<xtensor/xexpression.hpp>)
#include <xtensor/xexpression.hpp>
#include <xtensor/xtensor_forward.hpp>
#else
#error "atlas/adapters/xtensor.hpp needs xtensor's headers (Debian: libxtensor-dev)"
#endif

#include "atlas/core/as_view.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

template <class X>
concept xtensor_of_numbers = xt::is_xexpression<X>::value && number<typename X::value_type>;

/// Has elements in memory, at `data() + data_offset()` with `strides()`: not so lazy functions, and
/// views that pick elements from a list.
template <class X>
concept xtensor_strided = xtensor_of_numbers<X> && requires(const X& x) {
  { *(x.data() + x.data_offset()) } -> std::same_as<const typename X::value_type&>;
  x.strides()[0];
};

/// SIZE_MAX where the number of dimensions is known at run time only.
template <class X>
inline constexpr std::size_t xtensor_rank = xt::get_rank<X>::value;

/// Whether temporaries of the type leave the elements to somebody else: a view of an lvalue.
template <class X>
inline constexpr bool xtensor_borrows = false;
template <class X, class... Slices>
inline constexpr bool xtensor_borrows<xt::xview<X&, Slices...>> = true;

template <std::size_t Rank, class X>
shape<Rank> xtensor_extents(const X& x) {
  if (x.dimension() != Rank)
    throw shape_error("xtensor expression", std::to_string(Rank) + " dimensions",
                      std::to_string(x.dimension()));
  shape<Rank> extents{};
  for (std::size_t r = 0; r < Rank; ++r) extents[r] = static_cast<index_t>(x.shape()[r]);
  return extents;
}

}  // namespace detail

/// Any xtensor expression of numbers.
/// \throws shape_error where the number of dimensions is not the one that the algorithm asks for
template <detail::xtensor_of_numbers X>
struct tensor_traits<X> {
  static constexpr bool borrowed = detail::xtensor_borrows<X>;

  template <std::size_t Rank>
  requires(detail::xtensor_rank<X> == SIZE_MAX ||
           detail::xtensor_rank<X> == Rank) static auto view(const X& x) {
    using scalar = std::remove_const_t<typename X::value_type>;
    const shape<Rank> extents = detail::xtensor_extents<Rank>(x);
    if constexpr (detail::xtensor_strided<X>) {
      shape<Rank> strides{};
      for (std::size_t r = 0; r < Rank; ++r) strides[r] = static_cast<index_t>(x.strides()[r]);
      return tensor_view<const scalar, Rank>(x.data() + x.data_offset(), extents, strides);
    } else {
      owned_tensor<scalar, Rank> out(extents);
      std::copy_n(x.template cbegin<xt::layout_type::row_major>(), out.size(),
                  out.mutable_view().data());
      return out;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI
