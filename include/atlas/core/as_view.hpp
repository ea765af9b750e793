// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `as_view<Rank>(x)`: what every algorithm of the library does to its tensor arguments. Strided
/// memory is borrowed, never copied. A lazy expression, a nested container, half precision and a
/// temporary that owns its memory are evaluated once into an `owned_tensor`.

#include <cstddef>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/range_traits.hpp"
#include "atlas/core/tensor_arguments.hpp"
#include "atlas/core/tensor_traits.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// The view of `x` that the algorithms work on: a `tensor_view<const Scalar, Rank>` that borrows,
/// or an `owned_tensor<Scalar, Rank>` where something had to be evaluated, or a `kept_tensor` of a
/// type that counts its references (both convert to the former and keep their memory alive).
template <std::size_t Rank, class X>
[[nodiscard]] auto as_view(X&& x) {
  using given = std::remove_cvref_t<X>;
  using traits = tensor_traits<given>;
  static_assert(detail::rank_sentence<given, Rank, tensor_like<given, Rank>>::value);
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

/// Raw memory with strides, counted in elements. Extents and strides are whole numbers of any type.
/// \throws shape_error for an extent that is negative or too large; value_error for a null pointer
///         to elements
template <std::size_t Rank, class Pointer>
requires(std::is_pointer_v<Pointer>)
    [[nodiscard]] auto as_view(const Pointer& data, const any_shape<Rank>& extents,
                               const any_shape<Rank>& strides) {
  using element = std::remove_const_t<std::remove_pointer_t<Pointer>>;
  detail::check_extents(extents.value, sizeof(element));
  const tensor_view<const element, Rank> view(data, extents, strides);
  if (data == nullptr && !view.empty())
    throw value_error("data", "a pointer to elements", "a null pointer");
  return as_view<Rank>(view);
}

/// Raw memory, dense row-major.
template <std::size_t Rank, class Pointer>
requires(std::is_pointer_v<Pointer>)
    [[nodiscard]] auto as_view(const Pointer& data, const any_shape<Rank>& extents) {
  detail::check_extents(extents.value, sizeof(*data));
  return as_view<Rank>(data, extents, row_major_strides<Rank>(extents.value));
}

namespace detail {

/// \throws shape_error unless the range has as many elements as the extents say
template <class Range, std::size_t Rank>
void check_elements(const Range& range, const shape<Rank>& extents) {
  check_extents(extents, sizeof(range_element<Range>));
  const auto elements = static_cast<index_t>(std::size(range));
  index_t wanted = 1;
  for (const index_t e : extents) wanted *= e;
  if (wanted != elements)
    throw shape_error("range", std::to_string(wanted) + " elements for " + shape_text(extents),
                      std::to_string(elements));
}

}  // namespace detail

/// A range of numbers read as a dense row-major tensor of the given extents. Borrowed where the
/// numbers lie side by side; of a temporary that owns them, and where they do not, an
/// `owned_tensor` with a copy.
/// \throws shape_error unless it has as many elements
template <std::size_t Rank, class Range>
requires(detail::number_range<std::remove_cvref_t<Range>> ||
         detail::scattered_range<std::remove_cvref_t<Range>>)
    [[nodiscard]] auto as_view(Range&& range, const any_shape<Rank>& extents) {
  using range_type = std::remove_cvref_t<Range>;
  using element = detail::range_element<range_type>;
  detail::check_elements(range, extents.value);
  if constexpr (detail::scattered_range<range_type>) {
    return as_view<Rank>(detail::copy_range<Rank>(range, extents.value));
  } else {
    const tensor_view<const element, Rank> view(std::data(range), extents);
    if constexpr (detail::owning_temporary<Range>)
      return copy_as<widened_t<element>>(view);
    else
      return as_view<Rank>(view);
  }
}

/// The scalar that `as_view<Rank>` of this type gives.
template <class X, std::size_t Rank>
using scalar_of = typename detail::view_element<std::remove_cvref_t<decltype(as_view<Rank>(
    std::declval<const std::remove_cvref_t<X>&>()))>>::type;

}  // namespace atlas::inline ATLAS_ABI
