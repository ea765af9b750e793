// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `std::mdspan` and what looks like it (Kokkos', CUDA's) at the narrow waist. Nothing is included
/// for it: a type is one by having `extent`, `stride` and `data_handle`.

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "atlas/core/as_view.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

template <class X>
concept mdspan_of_numbers = requires(const X& x, std::size_t r) {
  { X::rank() } -> std::convertible_to<std::size_t>;
  static_cast<index_t>(x.extent(r));
  x.data_handle();
}
&&number<std::remove_cv_t<typename X::element_type>>;

/// Elements lie in memory: the handle is a pointer and reading goes by no accessor of its own.
template <class X>
concept mdspan_in_memory = mdspan_of_numbers<X> &&
    std::is_convertible_v<decltype(std::declval<const X&>().data_handle()),
                          const typename X::element_type*> &&
    (
        !requires { typename X::reference; } ||
        requires { requires std::is_lvalue_reference_v<typename X::reference>; });

/// The layout gives every dimension one stride, whatever its extents.
template <class X>
concept mdspan_strided = mdspan_in_memory<X> && requires(const X& x) {
  static_cast<index_t>(x.stride(std::size_t{}));
} &&(
    !requires { X::is_always_strided(); } || requires { requires X::is_always_strided(); });

template <class X, class Element, std::size_t Rank, std::size_t... R>
void copy_mdspan(const X& x, const tensor_view<Element, Rank>& out, std::index_sequence<R...>) {
  const auto wanted = row_major_strides<Rank>(out.extents());
  for (index_t at = 0; at < out.size(); ++at) {
    const auto coordinate = [&](std::size_t r) {
      return static_cast<typename X::index_type>(at / wanted[r] % out.extent(r));
    };
    out.data()[at] = x.accessor().access(x.data_handle(),
                                         static_cast<std::size_t>(x.mapping()(coordinate(R)...)));
  }
}

template <class Mdspan, class Scalar, std::size_t Rank, std::size_t... R>
Mdspan mdspan_of(const owned_tensor<Scalar, Rank>& x, std::index_sequence<R...>) {
  return Mdspan(x.data(), static_cast<typename Mdspan::index_type>(x.extent(R))...);
}

}  // namespace detail

/// A result as an mdspan of its memory: nothing is copied, and the tensor has to outlive it.
/// \code
/// using matrix = std::mdspan<const double, std::dextents<std::size_t, 2>>;
/// const auto entropy = atlas::as_mdspan<matrix>(result.entropy);
/// \endcode
/// \tparam Mdspan of constant elements, row-major, of the tensor's number of dimensions
template <class Mdspan, class Scalar, std::size_t Rank>
[[nodiscard]] Mdspan as_mdspan(const owned_tensor<Scalar, Rank>& x) {
  static_assert(Mdspan::rank() == Rank, "atlas: the mdspan has the tensor's number of dimensions");
  return detail::mdspan_of<Mdspan>(x, std::make_index_sequence<Rank>());
}
template <class Mdspan, class Scalar, std::size_t Rank>
Mdspan as_mdspan(owned_tensor<Scalar, Rank>&&) = delete;

/// Borrowed where the layout is strided and elements are read from memory; else (a layout such as
/// tiles, an accessor that scales) evaluated once.
template <detail::mdspan_of_numbers X>
struct tensor_traits<X> {
  static constexpr bool borrowed = true;

  template <std::size_t Rank>
  requires(X::rank() == Rank) static auto view(const X& x) {
    using scalar = std::remove_cv_t<typename X::element_type>;
    shape<Rank> extents{}, strides{};
    for (std::size_t r = 0; r < Rank; ++r) extents[r] = static_cast<index_t>(x.extent(r));
    if constexpr (detail::mdspan_strided<X>) {
      for (std::size_t r = 0; r < Rank; ++r) strides[r] = static_cast<index_t>(x.stride(r));
      return tensor_view<const scalar, Rank>(x.data_handle(), extents, strides);
    } else {
      owned_tensor<scalar, Rank> out(extents);
      detail::copy_mdspan(x, out.mutable_view(), std::make_index_sequence<Rank>());
      return out;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI
