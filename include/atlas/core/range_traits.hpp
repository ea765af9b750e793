// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The standard library's containers and C arrays at the narrow waist.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <string>
#include <type_traits>

#include "atlas/core/eigen_traits.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_traits.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Elements that lie in memory as numbers without gaps: numbers, arrays of a fixed size of them
/// (`float[3]`, `std::array<float, 3>`, `Eigen::Vector3f`), arrays of those.
template <class T>
struct packed {
  static constexpr bool value = number<T>;
  static constexpr std::size_t rank = 0;
  using scalar = T;
  static void write_extents(index_t*) {}
};

template <class Inner, std::size_t N>
struct packed_array {
  static constexpr bool value = packed<Inner>::value;
  static constexpr std::size_t rank = packed<Inner>::rank + 1;
  using scalar = typename packed<Inner>::scalar;
  static void write_extents(index_t* extents) {
    extents[0] = static_cast<index_t>(N);
    packed<Inner>::write_extents(extents + 1);
  }
};

template <class T, std::size_t N>
struct packed<T[N]> : packed_array<std::remove_const_t<T>, N> {};

template <class T, std::size_t N>
requires(N > 0 && sizeof(std::array<T, N>) == N * sizeof(T)) struct packed<std::array<T, N>>
    : packed_array<std::remove_const_t<T>, N> {
};

template <class T>
concept eigen_small_vector = eigen_dense<T> && std::is_base_of_v<Eigen::PlainObjectBase<T>, T> &&
                             static_cast<bool>(T::IsVectorAtCompileTime) &&
                             (T::SizeAtCompileTime > 0) &&
                             sizeof(T) == static_cast<std::size_t>(T::SizeAtCompileTime) *
                                              sizeof(typename T::Scalar);

template <eigen_small_vector T>
struct packed<T>
    : packed_array<typename T::Scalar, static_cast<std::size_t>(T::SizeAtCompileTime)> {};

/// Sized, with elements of one type; whatever has a `shape()` is a tensor and has an adapter.
template <class Range>
concept plain_range = !eigen_dense<Range> && requires(const Range& x) {
  { std::size(x) } -> std::convertible_to<std::size_t>;
  *std::begin(x);
}
&&!requires(const Range& x) {
  x.shape();
};

template <class Iterator>
struct pointed_to {
  using type = std::remove_cvref_t<decltype(*std::declval<const Iterator&>())>;
};
/// What libc++ has in the place of a bool of a `std::vector<bool>` is one.
template <class Iterator>
requires(!number<std::remove_cvref_t<decltype(*std::declval<const Iterator&>())>> &&
         std::same_as<std::iter_value_t<Iterator>, bool>)  //
    struct pointed_to<Iterator> {
  using type = bool;
};

template <class Range>
using range_element = typename pointed_to<
    std::remove_cvref_t<decltype(std::begin(std::declval<const Range&>()))>>::type;

template <class Range>
concept contiguous = plain_range<Range> && requires(const Range& x) {
  { std::data(x) } -> std::convertible_to<const range_element<Range>*>;
};

template <class Range>
concept packed_range = contiguous<Range> && packed<range_element<Range>>::value;

template <class Range>
concept number_range = contiguous<Range> && number<range_element<Range>>;

/// Numbers that do not lie side by side: `std::vector<bool>`, `std::deque`, `std::list`.
template <class Range>
concept scattered_range = plain_range<Range> && !contiguous<Range> && number<range_element<Range>>;

template <class Range>
concept nested_range = plain_range<Range> && !packed_range<Range> && !number<range_element<Range>>;

/// Whether the elements belong to something else, as those of a span do.
template <class Range>
inline constexpr bool lent_range = std::ranges::enable_borrowed_range<Range>;

/// Of the type `X&&` is deduced with: a temporary whose elements die with it.
template <class X>
concept owning_temporary = !std::is_lvalue_reference_v<X> && !lent_range<std::remove_cvref_t<X>>;

/// The numbers of a range in order.
template <std::size_t Rank, class Range>
owned_tensor<range_element<Range>, Rank> copy_range(const Range& x, const shape<Rank>& extents) {
  owned_tensor<range_element<Range>, Rank> out(extents);
  range_element<Range>* to = out.mutable_view().data();
  for (const auto& element : x) *to++ = element;
  return out;
}

}  // namespace detail

/// `std::vector`, `std::array`, `std::span`, C arrays and other contiguous ranges of numbers, or of
/// fixed-size arrays of numbers (`std::vector<std::array<float, 3>>` is of rank 2): borrowed.
template <detail::packed_range X>
struct tensor_traits<X> {
  using element = detail::packed<detail::range_element<X>>;
  static constexpr bool borrowed = detail::lent_range<X>;
  template <std::size_t Rank>
  requires(Rank == element::rank + 1) static auto view(const X& x) {
    using scalar = typename element::scalar;
    shape<Rank> extents{static_cast<index_t>(std::size(x))};
    element::write_extents(extents.data() + 1);
    return tensor_view<const scalar, Rank>(reinterpret_cast<const scalar*>(std::data(x)), extents);
  }
};

/// Ranges of numbers that do not lie side by side (`std::vector<bool>`, `std::deque`): copied once.
template <detail::scattered_range X>
struct tensor_traits<X> {
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  requires(Rank == 1) static auto view(const X& x) {
    return detail::copy_range<1>(x, {static_cast<index_t>(std::size(x))});
  }
};

template <std::size_t Rank, class X>
auto as_view(X&& x);

/// Nested containers (`std::vector` of matrices, of vectors, ...): copied once, ragged ones
/// refused.
template <detail::nested_range X>
struct tensor_traits<X> {
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  requires(Rank >= 2 && detail::has_traits<detail::range_element<X>, Rank - 1>)  //
      static auto view(const X& x) {
    using inner = decltype(as_view<Rank - 1>(*std::begin(x)));
    using scalar = typename detail::view_element<inner>::type;
    shape<Rank> extents{static_cast<index_t>(std::size(x))};
    owned_tensor<scalar, Rank> out;
    index_t i = 0;
    for (const auto& item : x) {
      const inner part = as_view<Rank - 1>(item);
      if (i == 0) {
        for (std::size_t r = 1; r < Rank; ++r) extents[r] = part.extent(r - 1);
        out = owned_tensor<scalar, Rank>(extents);
      }
      const auto slot = out.mutable_view()[i];
      if (part.extents() != slot.extents())
        throw shape_error("element " + std::to_string(i) + " of a nested container",
                          "shape " + shape_text(slot.extents()) + " as the first",
                          "ragged shape " + shape_text(part.extents()));
      for_each_element(static_cast<const tensor_view<const scalar, Rank - 1>&>(part), slot,
                       [](const scalar& from, scalar& to) { to = from; });
      ++i;
    }
    return out;
  }
};

}  // namespace atlas::inline ATLAS_ABI
