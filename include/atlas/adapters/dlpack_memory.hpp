// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a DLPack tensor says of its memory, checked, as a view. Behind `dlpack.hpp`.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// Values of `DLDataTypeCode` and of `DLDeviceType`.
inline constexpr unsigned dlpack_int = 0, dlpack_uint = 1, dlpack_float = 2, dlpack_bfloat = 4,
                          dlpack_complex = 5, dlpack_bool = 6;
inline constexpr int dlpack_cpu = 1, dlpack_cuda_host = 3, dlpack_rocm_host = 11;

struct dlpack_type {
  unsigned code, bits;
  bool operator==(const dlpack_type&) const = default;
};

/// What a tensor says of itself, whichever header its type is from, and what keeps it alive.
struct dlpack_memory {
  const void* data = nullptr;
  std::uint64_t byte_offset = 0;
  int device_type = 0, device_id = 0, ndim = 0;
  dlpack_type type = {};
  unsigned lanes = 0;
  const std::int64_t* shape = nullptr;
  const std::int64_t* strides = nullptr;
  std::shared_ptr<const void> keeper = {};
};

template <class Tensor>
dlpack_memory dlpack_memory_of(const Tensor& x, std::shared_ptr<const void> keeper) {
  return {x.data,
          static_cast<std::uint64_t>(x.byte_offset),
          static_cast<int>(x.device.device_type),
          static_cast<int>(x.device.device_id),
          static_cast<int>(x.ndim),
          {static_cast<unsigned>(x.dtype.code), static_cast<unsigned>(x.dtype.bits)},
          static_cast<unsigned>(x.dtype.lanes),
          x.shape,
          x.strides,
          std::move(keeper)};
}

/// The type of tensors whose elements are `Scalar`.
template <class Scalar>
constexpr dlpack_type dlpack_type_of() {
  constexpr unsigned bits = 8 * sizeof(Scalar);
  if constexpr (std::is_same_v<Scalar, bool>)
    return {dlpack_bool, bits};
  else if constexpr (std::is_same_v<Scalar, Eigen::bfloat16>)
    return {dlpack_bfloat, bits};
  else if constexpr (std::is_integral_v<Scalar>)
    return {std::is_signed_v<Scalar> ? dlpack_int : dlpack_uint, bits};
  else
    return {dlpack_float, bits};
}

template <class = lazy>
std::string dlpack_type_text(dlpack_type type) {
  constexpr const char* names[] = {"int",    "uint",    "float", "opaque handle",
                                   "bfloat", "complex", "bool"};
  if (type == dlpack_type{dlpack_bool, 8}) return "bool";
  if (type.code < std::size(names)) return names[type.code] + std::to_string(type.bits);
  return "type code " + std::to_string(type.code) + " of " + std::to_string(type.bits) + " bits";
}

template <class = lazy>
std::string dlpack_device_text(int type, int number) {
  constexpr const char* names[] = {"0",      "CPU",       "CUDA",      "CUDA host",    "OpenCL",
                                   "5",      "6",         "Vulkan",    "Metal",        "VPI",
                                   "ROCm",   "ROCm host", "extension", "CUDA managed", "oneAPI",
                                   "WebGPU", "Hexagon",   "MAIA",      "Trainium"};
  const bool known = type >= 0 && type < static_cast<int>(std::size(names));
  return "device " + (known ? names[type] : std::to_string(type)) + ", number " +
         std::to_string(number);
}

/// How a tensor of another type is read or made readable.
template <class = lazy>
std::string dlpack_hint(dlpack_type type) {
  if (type.code == dlpack_complex) return " (complex: pass its real part, its imaginary part, ...)";
  if (type.code == dlpack_bool && type.bits == 8) return " (pass atlas::dlpack_as<bool>(tensor))";
  const bool narrow = type == dlpack_type{dlpack_float, 16} ||
                      type == dlpack_type{dlpack_bfloat, 16} ||
                      type == dlpack_type{dlpack_float, 32};
  if (narrow) return " (pass atlas::dlpack_as<float>(tensor))";
  if (type == dlpack_type{dlpack_float, 64}) return " (pass atlas::dlpack_as<double>(tensor))";
  const bool whole = type.code == dlpack_int || type.code == dlpack_uint;
  if (whole && (type.bits == 8 || type.bits == 16 || type.bits == 32 || type.bits == 64))
    return std::string(" (pass atlas::dlpack_as<std::") + (type.code == dlpack_uint ? "u" : "") +
           "int" + std::to_string(type.bits) + "_t>(tensor))";
  return " (convert it to float32 first)";
}

template <class Scalar>
std::string dlpack_expected() {
  if constexpr (std::is_same_v<Scalar, float>) return "dtype float32, float16 or bfloat16";
  return "dtype " + dlpack_type_text(dlpack_type_of<Scalar>());
}

template <class = lazy>
void check_dlpack_device(const dlpack_memory& x) {
  if (x.device_type != dlpack_cpu && x.device_type != dlpack_cuda_host &&
      x.device_type != dlpack_rocm_host)
    throw value_error("DLPack tensor",
                      "memory of the CPU (copy it there first, such as tensor.cpu())",
                      dlpack_device_text(x.device_type, x.device_id));
}

template <class = lazy>
void check_dlpack_lanes(const dlpack_memory& x) {
  if (x.lanes != 1)
    throw value_error("DLPack tensor", "dtype of 1 lane (give vectors a dimension of their own)",
                      std::to_string(x.lanes) + " lanes of " + dlpack_type_text(x.type));
}

/// \throws shape_error for another number of dimensions, or extents that are not there
template <class = lazy>
void check_dlpack_rank(const dlpack_memory& x, std::size_t rank) {
  const std::string wanted = std::to_string(rank) + (rank == 1 ? " dimension" : " dimensions");
  if (x.ndim > 0 && x.shape == nullptr)
    throw value_error("DLPack tensor", "a shape of " + wanted, "a null pointer as its shape");
  if (x.ndim == static_cast<int>(rank)) return;
  std::string got = std::to_string(x.ndim);
  if (x.ndim >= 0 && x.ndim <= 64) {
    got += ": shape [";
    for (int i = 0; i < x.ndim; ++i) got += (i == 0 ? "" : ", ") + std::to_string(x.shape[i]);
    got += "]";
  }
  throw shape_error("DLPack tensor", wanted, got);
}

/// \throws value_error where an element is further away than memory reaches
/// \param extents, strides of a tensor that has elements
template <class = lazy>
void check_dlpack_reach(const index_t* extents, const index_t* strides, std::size_t rank,
                        std::size_t bytes) {
  constexpr index_t most = (std::numeric_limits<index_t>::max)();
  index_t room = most / static_cast<index_t>(bytes);
  for (std::size_t r = 0; r < rank; ++r) {
    const index_t steps = extents[r] - 1;
    if (steps == 0 || strides[r] == 0) continue;
    const bool countable = strides[r] >= -most;
    const index_t step = countable && strides[r] < 0 ? -strides[r] : strides[r];
    if (!countable || step > room / steps)
      throw value_error(
          "DLPack tensor", "strides within reach of memory",
          "strides " + shape_text(strides, rank) + " of shape " + shape_text(extents, rank));
    room -= step * steps;
  }
}

/// The first element. \throws value_error for none, and for one that is not aligned
template <class = lazy>
const void* dlpack_first(const dlpack_memory& x, std::size_t alignment) {
  if (x.data == nullptr)
    throw value_error("DLPack tensor", "a pointer to elements", "a null pointer");
  if (x.byte_offset > static_cast<std::uint64_t>((std::numeric_limits<index_t>::max)()))
    throw value_error("DLPack tensor", "a byte_offset within reach of memory",
                      std::to_string(x.byte_offset));
  const auto* first = static_cast<const std::byte*>(x.data) + x.byte_offset;
  const auto beyond = reinterpret_cast<std::uintptr_t>(first) % alignment;
  if (beyond != 0)
    throw value_error("DLPack tensor",
                      "elements at multiples of " + std::to_string(alignment) +
                          " bytes (copy the tensor first, such as tensor.clone() or array.copy())",
                      "an address " + std::to_string(beyond) + " beyond one");
  return first;
}

/// Elements as they lie, of a tensor that was found to have them of type `Element`.
template <class Element, std::size_t Rank>
tensor_view<const Element, Rank> dlpack_elements_view(const dlpack_memory& x) {
  shape<Rank> extents{};
  for (std::size_t r = 0; r < Rank; ++r) extents[r] = static_cast<index_t>(x.shape[r]);
  check_extents(extents, sizeof(Element));
  shape<Rank> strides = row_major_strides<Rank>(extents);
  if (x.strides != nullptr)
    for (std::size_t r = 0; r < Rank; ++r) strides[r] = static_cast<index_t>(x.strides[r]);
  const tensor_view<const Element, Rank> nothing(nullptr, extents);
  if (nothing.empty()) return nothing;
  check_dlpack_reach(extents.data(), strides.data(), Rank, sizeof(Element));
  return {static_cast<const Element*>(dlpack_first(x, alignof(Element))), extents, strides};
}

/// The elements widened to float.
template <class Half, std::size_t Rank>
kept_tensor<float, Rank> dlpack_widened(const dlpack_memory& x) {
  const auto keeper = std::make_shared<const owned_tensor<float, Rank>>(
      copy_as<float>(dlpack_elements_view<Half, Rank>(x)));
  return {*keeper, keeper};
}

template <class Scalar, std::size_t Rank>
kept_tensor<Scalar, Rank> dlpack_view(const dlpack_memory& x) {
  check_dlpack_device(x);
  check_dlpack_lanes(x);
  check_dlpack_rank(x, Rank);
  if constexpr (std::is_same_v<Scalar, float>) {
    if (x.type == dlpack_type_of<Eigen::half>()) return dlpack_widened<Eigen::half, Rank>(x);
    if (x.type == dlpack_type_of<Eigen::bfloat16>()) {
      return dlpack_widened<Eigen::bfloat16, Rank>(x);
    }
  }
  if (!(x.type == dlpack_type_of<Scalar>()))
    throw value_error("DLPack tensor", dlpack_expected<Scalar>(),
                      "dtype " + dlpack_type_text(x.type) + dlpack_hint(x.type));
  return {dlpack_elements_view<Scalar, Rank>(x), x.keeper};
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
