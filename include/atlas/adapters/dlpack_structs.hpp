// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The C structs of DLPack 1, member by member, for those who have no `dlpack.h`. Tensors cross
/// libraries as pointers to memory laid out like this, so that a pointer of the one type may be
/// cast to the other. Source: DLPack's specification of its C interface, major version 1.

#include <cstdint>
#include <type_traits>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI::dlpack {

/// Of `DLPackVersion`. Minor versions add types and flags and change no member.
struct version {
  std::uint32_t major, minor;
};

/// Of `DLDevice`.
struct device {
  std::int32_t device_type, device_id;
};

/// Of `DLDataType`: numbers of `bits` each, `lanes` of them an element.
struct data_type {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

/// `DLTensor`: memory that somebody else owns.
struct tensor {
  void* data;
  dlpack::device device;
  std::int32_t ndim;
  data_type dtype;
  std::int64_t* shape;    ///< `[ndim]`
  std::int64_t* strides;  ///< `[ndim]`, in elements; null for row-major
  std::uint64_t byte_offset;
};

/// `DLManagedTensor`, in capsules that are named "dltensor".
struct managed_tensor {
  tensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(managed_tensor*);  ///< null where nothing has to be done
};

/// `DLManagedTensorVersioned`, in capsules that are named "dltensor_versioned".
struct managed_tensor_versioned {
  dlpack::version version;
  void* manager_ctx;
  void (*deleter)(managed_tensor_versioned*);  ///< null where nothing has to be done
  std::uint64_t flags;
  tensor dl_tensor;
};

/// `DLPACK_FLAG_BITMASK_READ_ONLY` and `DLPACK_FLAG_BITMASK_IS_COPIED`.
inline constexpr std::uint64_t read_only_flag = 1, copied_flag = 2;

}  // namespace atlas::inline ATLAS_ABI::dlpack

namespace atlas::inline ATLAS_ABI {

/// `DLTensor` of any header: known by its members.
template <class X>
concept dlpack_tensor = requires(const X& x) {
  static_cast<const void*>(x.data);
  static_cast<int>(x.device.device_type);
  static_cast<int>(x.device.device_id);
  static_cast<int>(x.ndim);
  static_cast<unsigned>(x.dtype.code);
  static_cast<unsigned>(x.dtype.bits);
  static_cast<unsigned>(x.dtype.lanes);
  static_cast<const std::int64_t*>(x.shape);
  static_cast<const std::int64_t*>(x.strides);
  static_cast<std::uint64_t>(x.byte_offset);
};

/// `DLManagedTensor` or `DLManagedTensorVersioned` of any header.
template <class X>
concept dlpack_managed = requires(X& x) {
  x.deleter(&x);
  x.manager_ctx;
}
&&dlpack_tensor<decltype(X::dl_tensor)>;

/// `DLManagedTensorVersioned` of any header.
template <class X>
concept dlpack_versioned = dlpack_managed<X> && requires(X& x) {
  x.version.major;
  x.version.minor;
  x.flags;
};

}  // namespace atlas::inline ATLAS_ABI
