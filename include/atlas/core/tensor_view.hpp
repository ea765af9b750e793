// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The narrow waist: a pointer, extents and strides.

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "atlas/core/compiler_checks.hpp"
#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI {

/// Signed, as in Eigen; all shapes, strides and row numbers are of this type.
using index_t = std::ptrdiff_t;

/// Extents or strides of a tensor, slowest dimension first.
template <std::size_t Rank>
using shape = std::array<index_t, Rank>;

namespace detail {

/// A whole number of any type, as an index.
struct whole_number {
  template <class Number>
  requires(std::is_convertible_v<Number, index_t> && !std::is_floating_point_v<Number> &&
           !std::is_same_v<Number, bool>) constexpr whole_number(Number n)  // NOLINT: implicit
      : value(static_cast<index_t>(n)) {
    if constexpr (std::unsigned_integral<Number> && sizeof(Number) >= sizeof(index_t))
      if (value < 0)
        throw shape_error(
            "extents and strides",
            "whole numbers up to " + std::to_string((std::numeric_limits<index_t>::max)()),
            std::to_string(n));
  }
  index_t value;
};

}  // namespace detail

/// A shape for a message: "[3, 4]".
[[nodiscard]] inline std::string shape_text(const index_t* extents, std::size_t rank) {
  std::string text = "[";
  for (std::size_t i = 0; i < rank; ++i) text += (i == 0 ? "" : ", ") + std::to_string(extents[i]);
  return text + "]";
}

template <std::size_t Rank>
[[nodiscard]] std::string shape_text(const shape<Rank>& extents) {
  return shape_text(extents.data(), Rank);
}

namespace detail {

/// \throws shape_error for a negative extent, and for more bytes than can be counted
template <std::size_t Rank>
void check_extents(const shape<Rank>& extents, std::size_t element_bytes) {
  index_t room = (std::numeric_limits<index_t>::max)() / static_cast<index_t>(element_bytes);
  for (const index_t e : extents) {
    if (e < 0) throw shape_error("extents", "no negative extent", shape_text(extents));
    if (e > 0) room /= e;
  }
  if (room == 0)
    throw shape_error("extents", "no more elements than memory can have", shape_text(extents));
}

}  // namespace detail

/// A shape as an argument: `{rows, cols}` of whole numbers of any type, or a `shape<Rank>`.
/// \throws shape_error for a number that `index_t` cannot hold
template <std::size_t Rank>
struct any_shape {
  constexpr any_shape(const shape<Rank>& given) : value(given) {}  // NOLINT: implicit
  constexpr any_shape(detail::whole_number n) requires(Rank == 1)  // NOLINT: implicit
      : value{n.value} {}
  template <class... Numbers>
  requires(Rank > 1 && sizeof...(Numbers) == Rank &&
           (std::is_convertible_v<Numbers, detail::whole_number> &&
            ...)) constexpr any_shape(Numbers... n)  // NOLINT: implicit
      : value{detail::whole_number(n).value...} {}

  shape<Rank> value;
};

/// Strides, in elements, of a dense row-major tensor.
template <std::size_t Rank>
[[nodiscard]] constexpr shape<Rank> row_major_strides(const shape<Rank>& extents) {
  shape<Rank> strides{};
  index_t step = 1;
  for (std::size_t i = Rank; i-- > 0;) {
    strides[i] = step;
    step *= extents[i];
  }
  return strides;
}

/// Borrowed strided memory. Copying a view copies three small arrays; the elements stay where
/// they are and must outlive it. Strides count elements and may be zero or negative.
template <class T, std::size_t Rank>
class tensor_view {
  static_assert(Rank >= 1, "a tensor_view has at least one dimension");

 public:
  using element_type = T;
  using value_type = std::remove_const_t<T>;
  static constexpr std::size_t rank = Rank;

  constexpr tensor_view() = default;
  /// Dense row-major memory.
  constexpr tensor_view(T* data, const any_shape<Rank>& extents)
      : tensor_view(data, extents, row_major_strides<Rank>(extents.value)) {}
  constexpr tensor_view(T* data, const any_shape<Rank>& extents, const any_shape<Rank>& strides)
      : data_(data), extents_(extents.value), strides_(strides.value) {}
  /// From a view of mutable elements to one of constant elements.
  template <class U>
  requires(std::is_convertible_v<U (*)[], T (*)[]> && !std::is_same_v<U, T>) constexpr tensor_view(
      const tensor_view<U, Rank>& other)  // NOLINT: implicit on purpose
      : tensor_view(other.data(), other.extents(), other.strides()) {}

  /// The memory of a temporary would be gone by the next line; keep it under its own type.
  template <class Owner>
  requires(!std::is_lvalue_reference_v<Owner> && std::is_base_of_v<tensor_view, Owner> &&
           !std::is_same_v<std::remove_const_t<Owner>, tensor_view>)
      tensor_view(Owner&&)  // NOLINT: derived only
  = delete;

  [[nodiscard]] constexpr T* data() const { return data_; }
  [[nodiscard]] constexpr index_t extent(std::size_t dimension) const {
    return extents_[dimension];
  }
  [[nodiscard]] constexpr index_t stride(std::size_t dimension) const {
    return strides_[dimension];
  }
  [[nodiscard]] constexpr const shape<Rank>& extents() const { return extents_; }
  [[nodiscard]] constexpr const shape<Rank>& strides() const { return strides_; }

  [[nodiscard]] constexpr index_t size() const {
    index_t n = 1;
    for (const index_t e : extents_) n *= e;
    return n;
  }
  [[nodiscard]] constexpr bool empty() const { return size() == 0; }
  [[nodiscard]] constexpr bool row_major() const {
    return strides_ == row_major_strides<Rank>(extents_);
  }

  template <class... Index>
  requires(sizeof...(Index) == Rank) [[nodiscard]] constexpr T& operator()(Index... i) const {
    std::size_t dimension = 0;
    index_t offset = 0;
    ((offset += static_cast<index_t>(i) * strides_[dimension++]), ...);
    return data_[offset];
  }

  /// The i-th slice along the first dimension; the i-th element of a rank-1 view.
  [[nodiscard]] constexpr decltype(auto) operator[](index_t i) const {
    if constexpr (Rank == 1) {
      return static_cast<T&>(data_[i * strides_[0]]);
    } else {
      shape<Rank - 1> extents{}, strides{};
      for (std::size_t r = 1; r < Rank; ++r) {
        extents[r - 1] = extents_[r];
        strides[r - 1] = strides_[r];
      }
      return tensor_view<T, Rank - 1>(data_ + i * strides_[0], extents, strides);
    }
  }

 private:
  T* data_ = nullptr;
  shape<Rank> extents_{};
  shape<Rank> strides_{};
};

/// What results are held in: row-major memory of its own that can be passed wherever a view is
/// taken. Copies share the memory.
/// \code
/// const auto r = atlas::boltzmann_observables<3>(logits);  // of tensors [H, Q]
/// r.entropy(h, q);                                         // an element
/// r.entropy[h];                                            // a view of a row, [Q]
/// for (double x : r.entropy) sum += x;                     // all elements, row by row
/// std::span<const double> flat = r.entropy.elements();     // the same as a span
/// auto matrix = atlas::as_eigen(r.entropy);                // an Eigen::Map, core/eigen_traits.hpp
/// \endcode
/// `as_mdspan` is in adapters/mdspan.hpp. Spans, maps and iterators are good for as long as a copy
/// of the tensor is.
template <class Scalar, std::size_t Rank>
class owned_tensor : public tensor_view<const Scalar, Rank> {
 public:
  owned_tensor() = default;
  /// Takes over `memory`, dense row-major of these extents.
  owned_tensor(std::shared_ptr<Scalar[]> memory, const any_shape<Rank>& extents)
      : tensor_view<const Scalar, Rank>(memory.get(), extents), memory_(std::move(memory)) {}
  /// Zeros.
  ///
  /// \throws shape_error for a negative extent, and for more bytes than can be counted
  explicit owned_tensor(const any_shape<Rank>& extents)
      : owned_tensor(allocate(extents.value), extents) {}

  /// All elements, row by row.
  [[nodiscard]] const Scalar* begin() const { return memory_.get(); }
  [[nodiscard]] const Scalar* end() const { return memory_.get() + this->size(); }
  [[nodiscard]] std::span<const Scalar> elements() const& { return {begin(), end()}; }
  std::span<const Scalar> elements() const&& = delete;

  [[nodiscard]] tensor_view<Scalar, Rank> mutable_view() & {
    return {memory_.get(), this->extents()};
  }

 private:
  static std::shared_ptr<Scalar[]> allocate(const shape<Rank>& extents) {
    detail::check_extents(extents, sizeof(Scalar));
    std::size_t n = 1;
    for (const index_t e : extents) n *= static_cast<std::size_t>(e);
    return std::shared_ptr<Scalar[]>(new Scalar[n]());
  }

  std::shared_ptr<Scalar[]> memory_;
};

/// Strided memory that belongs to something else, which stays alive as long as a copy of this: for
/// tensors that count their references, so that temporaries of them can be passed. Can be passed
/// wherever a view is taken.
template <class Scalar, std::size_t Rank>
class kept_tensor : public tensor_view<const Scalar, Rank> {
 public:
  kept_tensor() = default;
  /// \param keeper while it lives, so does the memory of `view`
  kept_tensor(const tensor_view<const Scalar, Rank>& view, std::shared_ptr<const void> keeper)
      : tensor_view<const Scalar, Rank>(view), keeper_(std::move(keeper)) {}

 private:
  std::shared_ptr<const void> keeper_;
};

/// Calls `visit(source element, target element)` for every index of two equally shaped tensors.
template <class From, class To, std::size_t Rank, class Visit>
void for_each_element(const tensor_view<From, Rank>& from, const tensor_view<To, Rank>& to,
                      Visit&& visit) {
  for (index_t i = 0; i < from.extent(0); ++i) {
    if constexpr (Rank == 1)
      visit(from[i], to[i]);
    else
      for_each_element(from[i], to[i], visit);
  }
}

/// A dense row-major copy, each element converted to `To`.
template <class To, class From, std::size_t Rank>
[[nodiscard]] owned_tensor<To, Rank> copy_as(const tensor_view<From, Rank>& from) {
  owned_tensor<To, Rank> out(from.extents());
  for_each_element(from, out.mutable_view(),
                   [](const auto& source, To& target) { target = static_cast<To>(source); });
  return out;
}

}  // namespace atlas::inline ATLAS_ABI
