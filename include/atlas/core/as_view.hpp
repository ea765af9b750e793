#pragma once
/// \file
/// `as_view<Rank>(x)`: what every algorithm of the library does to its tensor arguments. Strided
/// memory is borrowed, never copied. A lazy expression, a nested container, half precision and a
/// temporary that owns its memory are evaluated once into an `owned_tensor`.

#include <Eigen/Core>
#include <array>
#include <concepts>
#include <cstddef>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// How a tensor type meets the library. Specialise it for a type of your own:
/// \code
/// template <> struct atlas::tensor_traits<my_matrix> {
///   static constexpr bool borrowed = false;  // true: a temporary of it does not own its memory
///   template <std::size_t Rank> static auto view(const my_matrix& m) {
///     return atlas::tensor_view<const float, Rank>(m.ptr, {m.rows, m.cols}, {m.ld, 1});
///   }
/// };
/// \endcode
/// `view` returns a `tensor_view` of its memory or an `owned_tensor` that it evaluated.
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

inline std::string shape_text(const index* extents, std::size_t rank) {
  std::string text = "[";
  for (std::size_t i = 0; i < rank; ++i) text += (i == 0 ? "" : ", ") + std::to_string(extents[i]);
  return text + "]";
}

template <std::size_t Rank>
std::string shape_text(const shape<Rank>& extents) {
  return shape_text(extents.data(), Rank);
}

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

template <class Derived>
concept eigen_dense = std::is_base_of_v<Eigen::DenseBase<Derived>, Derived>;

template <class Derived>
concept eigen_strided = eigen_dense<Derived> &&(Derived::Flags& Eigen::DirectAccessBit) != 0;

template <class T>
concept number = std::is_arithmetic_v<T> || !std::is_same_v<T, widened_t<T>>;

template <class Range>
concept number_range = std::ranges::contiguous_range<const Range> &&
                       std::ranges::sized_range<const Range> && !eigen_dense<Range> &&
                       number<std::ranges::range_value_t<const Range>>;

template <class Range>
concept nested_range = std::ranges::sized_range<const Range> && !eigen_dense<Range> &&
                       !number<std::ranges::range_value_t<const Range>>;

template <std::size_t Rank, class Scalar>
tensor_view<const Scalar, Rank> eigen_view(const Scalar* data, index rows, index cols, index down,
                                           index across) {
  if constexpr (Rank == 1) {
    if (rows != 1 && cols != 1)
      throw shape_error("as_view<1>", "a vector",
                        "an Eigen matrix of " + shape_text<2>({rows, cols}));
    return cols == 1 ? tensor_view<const Scalar, 1>(data, {rows}, {down})
                     : tensor_view<const Scalar, 1>(data, {cols}, {across});
  } else {
    return tensor_view<const Scalar, 2>(data, {rows, cols}, {down, across});
  }
}

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

/// Eigen matrices, arrays, maps, references and blocks of either storage order: borrowed.
/// Expressions without memory of their own: evaluated once.
template <detail::eigen_dense X>
struct tensor_traits<X> {
  static constexpr bool borrowed =
      detail::eigen_strided<X> && !std::is_base_of_v<Eigen::PlainObjectBase<X>, X> && !requires {
    []<class P, int O, class S>(const Eigen::Ref<P, O, S>*) {}(static_cast<X*>(nullptr));
  };

  template <std::size_t Rank>
  requires(Rank <= 2) static auto view(const X& x) {
    using scalar = typename X::Scalar;
    if constexpr (detail::eigen_strided<X>) {
      const index down = X::IsRowMajor ? x.outerStride() : x.innerStride();
      const index across = X::IsRowMajor ? x.innerStride() : x.outerStride();
      return detail::eigen_view<Rank, scalar>(x.data(), x.rows(), x.cols(), down, across);
    } else {
      using rows = Eigen::Array<scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
      const auto shaped = detail::eigen_view<Rank, scalar>(nullptr, x.rows(), x.cols(), 1, 1);
      owned_tensor<scalar, Rank> out(shaped.extents());
      Eigen::Map<rows> target(out.mutable_view().data(), x.rows(), x.cols());
      if constexpr (std::is_base_of_v<Eigen::ArrayBase<X>, X>)
        target = x;
      else
        target.matrix() = x;
      return out;
    }
  }
};

/// `std::vector`, `std::array`, `std::span` and other contiguous ranges of numbers: rank 1.
template <detail::number_range X>
struct tensor_traits<X> {
  static constexpr bool borrowed = std::ranges::borrowed_range<X>;
  template <std::size_t Rank>
  requires(Rank == 1) static auto view(const X& x) {
    using scalar = std::remove_cv_t<std::ranges::range_value_t<const X>>;
    return tensor_view<const scalar, 1>(std::ranges::data(x),
                                        {static_cast<index>(std::ranges::size(x))});
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
  requires(Rank >= 2) static auto view(const X& x) {
    using inner = decltype(as_view<Rank - 1>(*std::ranges::begin(x)));
    using scalar = typename detail::view_element<inner>::type;
    shape<Rank> extents{static_cast<index>(std::ranges::size(x))};
    owned_tensor<scalar, Rank> out;
    index i = 0;
    for (const auto& item : x) {
      const inner part = as_view<Rank - 1>(item);
      if (i == 0) {
        for (std::size_t r = 1; r < Rank; ++r) extents[r] = part.extent(r - 1);
        out = owned_tensor<scalar, Rank>(extents);
      }
      const auto slot = out.mutable_view()[i];
      if (part.extents() != slot.extents())
        throw shape_error("element " + std::to_string(i) + " of a nested container",
                          "shape " + detail::shape_text(slot.extents()) + " as the first",
                          "ragged shape " + detail::shape_text(part.extents()));
      for_each_element(static_cast<const tensor_view<const scalar, Rank - 1>&>(part), slot,
                       [](const scalar& from, scalar& to) { to = from; });
      ++i;
    }
    return out;
  }
};

/// Anything that `as_view<Rank>` accepts.
template <class X, std::size_t Rank>
concept tensor_like = detail::has_traits<std::remove_cvref_t<X>, Rank>;

/// The view of `x` that the algorithms work on: a `tensor_view<const Scalar, Rank>` that borrows,
/// or an `owned_tensor<Scalar, Rank>` where something had to be evaluated (which converts to the
/// former and keeps its memory alive).
template <std::size_t Rank, class X>
auto as_view(X&& x) {
  using traits = tensor_traits<std::remove_cvref_t<X>>;
  static_assert(tensor_like<X, Rank>, "no atlas::tensor_traits for this type and rank");
  auto seen = traits::template view<Rank>(x);
  using element = typename detail::view_element<decltype(seen)>::type;
  constexpr bool widen = !std::is_same_v<element, widened_t<element>>;
  constexpr bool owned = std::is_same_v<decltype(seen), owned_tensor<element, Rank>>;
  constexpr bool dangles = !std::is_lvalue_reference_v<X> && !traits::borrowed && !owned;
  if constexpr (widen || dangles)
    return copy_as<widened_t<element>>(static_cast<const tensor_view<const element, Rank>&>(seen));
  else
    return seen;
}

/// Raw memory, dense row-major.
template <std::size_t Rank, class T>
auto as_view(T* data, const shape<Rank>& extents) {
  return as_view<Rank>(tensor_view<const std::remove_const_t<T>, Rank>(data, extents));
}

/// Raw memory with strides, counted in elements.
template <std::size_t Rank, class T>
auto as_view(T* data, const shape<Rank>& extents, const shape<Rank>& strides) {
  return as_view<Rank>(tensor_view<const std::remove_const_t<T>, Rank>(data, extents, strides));
}

/// A contiguous range read as a dense row-major tensor of the given extents.
template <std::size_t Rank, detail::number_range Range>
auto as_view(const Range& range, const shape<Rank>& extents) {
  const tensor_view<const std::ranges::range_value_t<const Range>, Rank> view(
      std::ranges::data(range), extents);
  for (const index e : extents)
    if (e < 0) throw shape_error("extents", "no negative extent", detail::shape_text(extents));
  if (view.size() != static_cast<index>(std::ranges::size(range)))
    throw shape_error("range",
                      std::to_string(view.size()) + " elements for " + detail::shape_text(extents),
                      std::to_string(std::ranges::size(range)));
  return as_view<Rank>(view);
}

/// The scalar that `as_view<Rank>` of this type gives.
template <class X, std::size_t Rank>
using scalar_of = typename detail::view_element<std::remove_cvref_t<decltype(as_view<Rank>(
    std::declval<const std::remove_cvref_t<X>&>()))>>::type;

}  // namespace atlas
