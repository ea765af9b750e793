// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Eigen's matrices and expressions at the narrow waist.

#include <Eigen/Core>
#include <cstddef>
#include <string>
#include <type_traits>

#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_traits.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// `Eigen::Success`, whose own name is a macro beside the headers of X11.
inline constexpr Eigen::ComputationInfo eigen_success{};

template <class Derived>
concept eigen_dense = std::is_base_of_v<Eigen::DenseBase<Derived>, Derived>;

template <class Derived>
concept eigen_strided = eigen_dense<Derived> &&(Derived::Flags& Eigen::DirectAccessBit) != 0;

template <std::size_t Rank, class Scalar>
tensor_view<const Scalar, Rank> eigen_view(const Scalar* data, index_t rows, index_t cols,
                                           index_t down, index_t across) {
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
      const index_t down = X::IsRowMajor ? x.outerStride() : x.innerStride();
      const index_t across = X::IsRowMajor ? x.innerStride() : x.outerStride();
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

/// A result as an `Eigen::Map` of its memory, of rank 1 or 2: nothing is copied, and the tensor has
/// to outlive it.
template <class Scalar, std::size_t Rank>
requires(Rank <= 2) [[nodiscard]] auto as_eigen(const owned_tensor<Scalar, Rank>& x) {
  using matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Rank == 1 ? 1 : Eigen::Dynamic,
                               Rank == 1 ? Eigen::ColMajor : Eigen::RowMajor>;
  if constexpr (Rank == 1)
    return Eigen::Map<const matrix>(x.data(), x.extent(0));
  else
    return Eigen::Map<const matrix>(x.data(), x.extent(0), x.extent(1));
}
template <class Scalar, std::size_t Rank>
auto as_eigen(owned_tensor<Scalar, Rank>&&) = delete;

/// The same of a view, such as a head's slice of a result of rank 3.
/// \throws value_error for negative strides, which Eigen has not
template <class Element, std::size_t Rank>
requires(Rank <= 2) [[nodiscard]] auto as_eigen(const tensor_view<Element, Rank>& x) {
  using scalar = std::remove_const_t<Element>;
  for (const index_t stride : x.strides())
    if (stride < 0) throw value_error("strides", "0 or more for Eigen", std::to_string(stride));
  if constexpr (Rank == 1) {
    using steps = Eigen::InnerStride<Eigen::Dynamic>;
    return Eigen::Map<const Eigen::VectorX<scalar>, 0, steps>(x.data(), x.extent(0),
                                                              steps(x.stride(0)));
  } else {
    using matrix = Eigen::Matrix<scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using steps = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    return Eigen::Map<const matrix, 0, steps>(x.data(), x.extent(0), x.extent(1),
                                              steps(x.stride(0), x.stride(1)));
  }
}

}  // namespace atlas::inline ATLAS_ABI
