#pragma once
/// \file
/// `as_view<Rank>(x)`: what every algorithm of the library does to its tensor arguments. Strided
/// memory is borrowed, never copied. A lazy expression, a nested container, half precision and a
/// temporary that owns its memory are evaluated once into an `owned_tensor`.

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/range_traits.hpp"
#include "atlas/core/tensor_traits.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// Anything that `as_view<Rank>` accepts.
template <class X, std::size_t Rank>
concept tensor_like = detail::has_traits<std::remove_cvref_t<X>, Rank>;

/// The view of `x` that the algorithms work on: a `tensor_view<const Scalar, Rank>` that borrows,
/// or an `owned_tensor<Scalar, Rank>` where something had to be evaluated, or a `kept_tensor` of a
/// type that counts its references (both convert to the former and keep their memory alive).
template <std::size_t Rank, class X>
auto as_view(X&& x) {
  using traits = tensor_traits<std::remove_cvref_t<X>>;
  static_assert(tensor_like<X, Rank>, "no atlas::tensor_traits for this type and rank");
  auto seen = traits::template view<Rank>(x);
  using element = typename detail::view_element<decltype(seen)>::type;
  constexpr bool widen = !std::is_same_v<element, widened_t<element>>;
  constexpr bool owned = std::is_same_v<decltype(seen), owned_tensor<element, Rank>> ||
                         std::is_same_v<decltype(seen), kept_tensor<element, Rank>>;
  constexpr bool dangles = !std::is_lvalue_reference_v<X> && !traits::borrowed && !owned;
  if constexpr (widen || dangles)
    return copy_as<widened_t<element>>(static_cast<const tensor_view<const element, Rank>&>(seen));
  else
    return seen;
}

/// Raw memory with strides, counted in elements.
/// \throws shape_error for a negative extent; value_error for a null pointer to elements
template <std::size_t Rank, class T>
auto as_view(T* data, const shape<Rank>& extents, const shape<Rank>& strides) {
  const tensor_view<const std::remove_const_t<T>, Rank> view(data, extents, strides);
  for (const index_t e : extents)
    if (e < 0) throw shape_error("extents", "no negative extent", detail::shape_text(extents));
  if (data == nullptr && !view.empty())
    throw value_error("data", "a pointer to elements", "a null pointer");
  return as_view<Rank>(view);
}

/// Raw memory, dense row-major.
template <std::size_t Rank, class T>
auto as_view(T* data, const shape<Rank>& extents) {
  return as_view<Rank>(data, extents, row_major_strides<Rank>(extents));
}

/// A contiguous range read as a dense row-major tensor of the given extents.
/// \throws shape_error unless it has as many elements
template <std::size_t Rank, detail::number_range Range>
requires(!std::is_array_v<Range>) auto as_view(const Range& range, const shape<Rank>& extents) {
  const tensor_view<const detail::range_element<Range>, Rank> wanted(nullptr, extents);
  const auto elements = static_cast<index_t>(std::size(range));
  if (wanted.size() != elements)
    throw shape_error(
        "range", std::to_string(wanted.size()) + " elements for " + detail::shape_text(extents),
        std::to_string(elements));
  return as_view<Rank>(std::data(range), extents);
}

/// The scalar that `as_view<Rank>` of this type gives.
template <class X, std::size_t Rank>
using scalar_of = typename detail::view_element<std::remove_cvref_t<decltype(as_view<Rank>(
    std::declval<const std::remove_cvref_t<X>&>()))>>::type;

}  // namespace atlas
