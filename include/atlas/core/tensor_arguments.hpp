// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What public functions ask of their tensor arguments. An argument of another rank, or of other
/// elements, stops the compiler with one sentence that says what to pass instead.

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

#include "atlas/core/tensor_traits.hpp"

namespace atlas::inline ATLAS_ABI {

/// Anything that `as_view<Rank>` accepts: the question, which has an answer for every type.
template <class X, std::size_t Rank>
concept tensor_like = detail::has_traits<std::remove_cvref_t<X>, Rank>;

namespace detail {

/// Meant as a tensor, whether it is one or not. Options, tables of neighbours and functions are
/// not, so that other overloads may take them; nor are numbers, which are what a scalar that is
/// given as a template argument of another overload would be.
template <class X>
concept meant_as_tensor = std::is_pointer_v<X> || requires {
  sizeof(tensor_traits<X>);
} || requires(const X& x) {
  std::begin(x);
} || requires(const X& x) {
  x.data();
} || requires(const X& x) {
  x.shape();
} || requires(const X& x) {
  x.rows();
};

/// Where `Right` is false, the compiler stops with the sentence of this rank.
template <class X, std::size_t Rank, bool Right>
struct rank_sentence {
  static_assert(Right || Rank != 1,
                "atlas: this takes a tensor of rank 1, [n]: a vector, span or array of numbers, or "
                "an Eigen vector; a pointer needs as_view<1>(x, {n}), a type of your own "
                "tensor_traits");
  static_assert(Right || Rank != 2,
                "atlas: this takes a tensor of rank 2, [rows, cols]: a matrix; a flat container or "
                "a pointer needs as_view<2>(x, {rows, cols}), a type of your own tensor_traits");
  static_assert(Right || Rank != 3,
                "atlas: this takes a tensor of rank 3, such as [heads, rows, cols]: a vector of "
                "matrices; a flat container or a pointer needs as_view<3>(x, {heads, rows, cols}), "
                "a type of your own tensor_traits");
  static_assert(Right || (Rank >= 1 && Rank <= 3),
                "atlas: this takes a tensor of another rank: a flat container or a pointer needs "
                "as_view<Rank>(x, {extents...}), a type of your own tensor_traits");
  static constexpr bool value = Right;
};

enum class element_kind { real, number, whole };

template <element_kind Kind, class Element>
inline constexpr bool element_is_of_kind = Kind == element_kind::real
                                               ? std::is_same_v<Element, float> ||
                                                     std::is_same_v<Element, double>
                                               : (Kind == element_kind::whole
                                                      ? std::is_integral_v<Element>
                                                      : std::is_arithmetic_v<Element>);

/// The sentence for elements of another kind.
template <class X, element_kind Kind, bool Right>
struct element_sentence {
  static_assert(Right || Kind != element_kind::real,
                "atlas: this takes elements of float or double (half precision is widened); "
                "convert others first, as in matrix.cast<double>()");
  static_assert(Right || Kind != element_kind::number,
                "atlas: this takes numbers; of complex ones pass the real or the imaginary part");
  static_assert(Right || Kind != element_kind::whole,
                "atlas: labels, positions and tokens are whole numbers, of any integer type");
  static constexpr bool value = Right;
};

template <class X, std::size_t Rank, element_kind Kind>
constexpr bool tensor_argument() {
  if constexpr (has_traits<X, Rank>) {
    using seen = decltype(tensor_traits<X>::template view<Rank>(std::declval<const X&>()));
    using element = widened_t<typename view_element<std::remove_cvref_t<seen>>::type>;
    return element_sentence<X, Kind, element_is_of_kind<Kind, element>>::value;
  } else {
    return rank_sentence<X, Rank, !meant_as_tensor<X>>::value && false;
  }
}

}  // namespace detail

/// A tensor of this rank of float or double, or of half precision, which is widened. What is meant
/// as a tensor and is none does not compile, with a sentence: ask `tensor_like` where a type is
/// only to be asked about.
template <class X, std::size_t Rank>
concept real_tensor =
    detail::tensor_argument<std::remove_cvref_t<X>, Rank, detail::element_kind::real>();

/// A tensor of this rank of numbers of any type, which are read as doubles.
template <class X, std::size_t Rank>
concept number_tensor =
    detail::tensor_argument<std::remove_cvref_t<X>, Rank, detail::element_kind::number>();

/// A tensor of this rank of whole numbers of any type: labels, positions, tokens.
template <class X, std::size_t Rank>
concept whole_tensor =
    detail::tensor_argument<std::remove_cvref_t<X>, Rank, detail::element_kind::whole>();

}  // namespace atlas::inline ATLAS_ABI
