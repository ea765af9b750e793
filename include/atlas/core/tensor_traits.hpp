// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How a tensor type meets the library: one specialisation of one trait.

#include <Eigen/Core>
#include <cstddef>
#include <type_traits>

#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// How a tensor type meets the library. Specialise it for a type of your own:
/// \code
/// template <> struct atlas::tensor_traits<my_matrix> {
///   static constexpr bool borrowed = false;  // true: a temporary of it does not own its memory
///   template <std::size_t Rank> static auto view(const my_matrix& m) {
///     return atlas::tensor_view<const float, Rank>(m.ptr, {m.rows, m.cols}, {m.ld, 1});
///   }
/// };
/// \endcode
/// `view` returns a `tensor_view` of its memory, an `owned_tensor` that it evaluated, or a
/// `kept_tensor` that keeps its memory alive.
template <class X>
struct tensor_traits;

/// The scalar that algorithms work in for an element type: float and double stay, half precision
/// is widened to float, everything else (labels, positions) stays as it is.
template <class Element>
struct widened {
  using type = Element;
};
template <>
struct widened<Eigen::half> {
  using type = float;
};
template <>
struct widened<Eigen::bfloat16> {
  using type = float;
};
template <class Element>
using widened_t = typename widened<Element>::type;

namespace detail {

template <class X, std::size_t Rank>
concept has_traits = requires(const X& x) {
  tensor_traits<X>::template view<Rank>(x).extents()[Rank - 1];
};

template <class View>
struct view_element;
template <class T, std::size_t Rank>
struct view_element<tensor_view<T, Rank>> {
  using type = std::remove_const_t<T>;
};
template <class T, std::size_t Rank>
struct view_element<owned_tensor<T, Rank>> {
  using type = T;
};
template <class T, std::size_t Rank>
struct view_element<kept_tensor<T, Rank>> {
  using type = T;
};

template <class T>
concept number = std::is_arithmetic_v<T> || !std::is_same_v<T, widened_t<T>>;

}  // namespace detail

/// Views pass through.
template <class T, std::size_t Rank>
struct tensor_traits<tensor_view<T, Rank>> {
  static constexpr bool borrowed = true;
  template <std::size_t R>
  requires(R == Rank) static tensor_view<const T, Rank> view(const tensor_view<T, Rank>& x) {
    return x;
  }
};

template <class T, std::size_t Rank>
struct tensor_traits<owned_tensor<T, Rank>> {
  static constexpr bool borrowed = true;
  template <std::size_t R>
  requires(R == Rank) static owned_tensor<T, Rank> view(const owned_tensor<T, Rank>& x) {
    return x;
  }
};

template <class T, std::size_t Rank>
struct tensor_traits<kept_tensor<T, Rank>> {
  static constexpr bool borrowed = true;
  template <std::size_t R>
  requires(R == Rank) static kept_tensor<T, Rank> view(const kept_tensor<T, Rank>& x) { return x; }
};

}  // namespace atlas::inline ATLAS_ABI
