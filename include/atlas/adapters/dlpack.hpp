// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// DLPack tensors (of PyTorch, NumPy, JAX, CuPy, TensorFlow, ...) wherever the library takes a
/// tensor. Nothing is included for it: a type is a DLPack tensor by its members, so that the
/// structs of any `dlpack.h` are, and those of `dlpack_structs.hpp`. Results as DLPack tensors are
/// in `to_dlpack.hpp`.
///
/// \code
/// atlas::two_nn(managed->dl_tensor);                  // a DLTensor: borrowed, whatever its
/// strides const atlas::dlpack_holder held(managed);           // takes a managed tensor over
/// atlas::two_nn(held);                                // float32 as it lies, half precision
/// widened atlas::two_nn(atlas::dlpack_as<double>(held));      // other elements by their type
/// \endcode

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "atlas/adapters/dlpack_memory.hpp"
#include "atlas/adapters/dlpack_structs.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/tensor_traits.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// A managed tensor that was taken over. Its deleter is called once, when the last copy of this and
/// the last view of its memory are gone.
class dlpack_holder {
 public:
  /// \param given a `DLManagedTensor` or `DLManagedTensorVersioned`; from here on it is no longer
  ///              the caller's, whether this returns or throws. A Python capsule of it is to be
  ///              renamed to "used_dltensor" or "used_dltensor_versioned".
  /// \throws value_error for a null pointer, and for another major version than 1, whose members
  ///         other than the deleter may be others
  template <dlpack_managed Managed>
  explicit dlpack_holder(Managed* given) {
    if (given == nullptr) throw value_error("DLPack tensor", "a managed tensor", "a null pointer");
    const std::shared_ptr<const void> owner(given, [](Managed* x) {
      if (x->deleter) x->deleter(x);
    });
    if constexpr (dlpack_versioned<Managed>) {
      if (given->version.major != 1)
        throw value_error("DLPack tensor",
                          "version 1 of DLPack (ask the producer for max_version=(1, 0))",
                          "version " + std::to_string(given->version.major) + "." +
                              std::to_string(given->version.minor));
      read_only_ = (given->flags & dlpack::read_only_flag) != 0;
    }
    memory_ = std::make_shared<const detail::dlpack_memory>(
        detail::dlpack_memory_of(given->dl_tensor, owner));
  }

  /// Whether the producer asked that nobody writes to the memory, which atlas never does.
  [[nodiscard]] bool read_only() const { return read_only_; }

  /// What it holds. \throws value_error where it was moved to another holder
  [[nodiscard]] const detail::dlpack_memory& memory() const {
    if (!memory_) throw value_error("DLPack tensor", "a tensor that is held", "one moved away");
    return *memory_;
  }

 private:
  std::shared_ptr<const detail::dlpack_memory> memory_;
  bool read_only_ = false;
};

/// A tensor together with the type of its elements, which DLPack knows only at run time. Made by
/// `dlpack_as` and `with_scalar`.
template <class Scalar>
struct dlpack_elements {
  detail::dlpack_memory memory;
};

/// A DLPack tensor whose elements are `Scalar`: float (half precision as well, it is widened),
/// double, bool, and integers of 8 to 64 bits. Checked where it is used: see
/// `tensor_traits<dlpack_elements>`. The shape and strides of a DLTensor are borrowed like its
/// elements.
template <class Scalar, dlpack_tensor Tensor>
[[nodiscard]] dlpack_elements<Scalar> dlpack_as(const Tensor& tensor) {
  return {detail::dlpack_memory_of(tensor, nullptr)};
}
/// The same of a tensor that is held: what is made of it keeps it alive.
template <class Scalar>
[[nodiscard]] dlpack_elements<Scalar> dlpack_as(const dlpack_holder& held) {
  return {held.memory()};
}

namespace detail {

template <class Visit>
auto dlpack_with_scalar(const dlpack_memory& x, Visit&& visit) {
  if (x.type == dlpack_type_of<double>()) return visit(dlpack_elements<double>{x});
  if (x.type == dlpack_type_of<float>() || x.type == dlpack_type_of<Eigen::half>() ||
      x.type == dlpack_type_of<Eigen::bfloat16>())
    return visit(dlpack_elements<float>{x});
  throw value_error("DLPack tensor", "dtype float32, float64, float16 or bfloat16",
                    "dtype " + dlpack_type_text(x.type) + dlpack_hint(x.type));
}

}  // namespace detail

/// Calls `visit` with `dlpack_as<float>(tensor)` or `dlpack_as<double>(tensor)`, by the tensor's
/// dtype, and returns what it returns (the same type for both).
/// \throws value_error for another dtype, and what `visit` throws
template <dlpack_tensor Tensor, class Visit>
auto with_scalar(const Tensor& tensor, Visit&& visit) {
  return detail::dlpack_with_scalar(detail::dlpack_memory_of(tensor, nullptr), visit);
}
template <class Visit>
auto with_scalar(const dlpack_holder& held, Visit&& visit) {
  return detail::dlpack_with_scalar(held.memory(), visit);
}

/// Tensors on the CPU, or pinned by CUDA or ROCm, with any strides are borrowed (those without are
/// row-major, as DLPack has it); half precision is widened once to float. Whoever fills pinned
/// memory has to be done.
/// \throws value_error for another device or dtype, more lanes than one, elements that are not
///         aligned or beyond the reach of memory, and null pointers; shape_error for another number
///         of dimensions or negative extents. The message says what to pass instead.
template <class Scalar>
struct tensor_traits<dlpack_elements<Scalar>> {
  static_assert(std::is_arithmetic_v<Scalar>,
                "atlas::dlpack_as takes float, double, bool or an integer");
  static constexpr bool borrowed = true;
  template <std::size_t Rank>
  static kept_tensor<Scalar, Rank> view(const dlpack_elements<Scalar>& x) {
    return detail::dlpack_view<Scalar, Rank>(x.memory);
  }
};

/// A DLTensor reads as float.
template <dlpack_tensor X>
struct tensor_traits<X> {
  static constexpr bool borrowed = true;
  template <std::size_t Rank>
  static kept_tensor<float, Rank> view(const X& x) {
    return detail::dlpack_view<float, Rank>(detail::dlpack_memory_of(x, nullptr));
  }
};

/// So does one that is held, which its views keep alive.
template <>
struct tensor_traits<dlpack_holder> {
  static constexpr bool borrowed = false;
  template <std::size_t Rank>
  static kept_tensor<float, Rank> view(const dlpack_holder& x) {
    return detail::dlpack_view<float, Rank>(x.memory());
  }
};

}  // namespace atlas::inline ATLAS_ABI
