// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Results as DLPack tensors, for PyTorch, NumPy, JAX and others to take over.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "atlas/adapters/dlpack_memory.hpp"
#include "atlas/adapters/dlpack_structs.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// A managed tensor, the memory that it is of, and its shape and strides, in one piece.
template <class Managed, class Scalar, std::size_t Rank>
struct dlpack_export {
  explicit dlpack_export(const owned_tensor<Scalar, Rank>& x) : tensor(x) {
    using tensor_type = decltype(managed.dl_tensor);
    for (std::size_t r = 0; r < Rank; ++r) {
      extents[r] = tensor.extent(r);
      strides[r] = tensor.stride(r);
    }
    tensor_type& out = managed.dl_tensor;
    out.data = const_cast<Scalar*>(tensor.data());
    out.device.device_type = static_cast<decltype(out.device.device_type)>(dlpack_cpu);
    out.device.device_id = 0;
    out.ndim = static_cast<decltype(out.ndim)>(Rank);
    constexpr dlpack_type type = dlpack_type_of<Scalar>();
    out.dtype.code = static_cast<std::uint8_t>(type.code);
    out.dtype.bits = static_cast<std::uint8_t>(type.bits);
    out.dtype.lanes = 1;
    out.shape = extents;
    out.strides = strides;
    out.byte_offset = 0;
    managed.manager_ctx = this;
    managed.deleter = [](Managed* self) { delete static_cast<dlpack_export*>(self->manager_ctx); };
  }

  Managed managed{};
  owned_tensor<Scalar, Rank> tensor;
  std::int64_t extents[Rank], strides[Rank];
};

template <class Managed, class Scalar, std::size_t Rank>
Managed* exported_dlpack(const owned_tensor<Scalar, Rank>& x, std::uint64_t flags) {
  auto* made = new dlpack_export<Managed, Scalar, Rank>(x);
  if constexpr (dlpack_versioned<Managed>) {
    made->managed.version.major = 1;
    made->managed.version.minor = 0;
    made->managed.flags = flags;
  }
  return &made->managed;
}

}  // namespace detail

/// A result as a DLPack tensor of its memory: nothing is copied, and the memory lives until the
/// deleter of what is returned is called. It is flagged as read-only, since copies of a result
/// share their memory; `copy_to_dlpack` gives one that may be written to.
///
/// \code
/// PyCapsule_New(atlas::to_dlpack(result.entropy), "dltensor_versioned", delete_capsule);
/// \endcode
/// \tparam Managed `DLManagedTensorVersioned` of any header. A plain `DLManagedTensor` has no flag
///                 that would say so and is not taken.
template <dlpack_versioned Managed = dlpack::managed_tensor_versioned, class Scalar,
          std::size_t Rank>
[[nodiscard]] Managed* to_dlpack(const owned_tensor<Scalar, Rank>& x) {
  return detail::exported_dlpack<Managed>(x, dlpack::read_only_flag);
}

/// A row-major copy of a tensor, as a DLPack tensor that its owner may write to.
/// \tparam Managed `DLManagedTensorVersioned`, in which the copy is flagged as one, or
///                 `DLManagedTensor`, of any header
template <dlpack_managed Managed = dlpack::managed_tensor_versioned, class T, std::size_t Rank>
[[nodiscard]] Managed* copy_to_dlpack(const tensor_view<T, Rank>& x) {
  using scalar = std::remove_const_t<T>;
  const tensor_view<const scalar, Rank> from(x);
  return detail::exported_dlpack<Managed>(copy_as<scalar>(from), dlpack::copied_flag);
}

}  // namespace atlas::inline ATLAS_ABI
