// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// DLPack tensors by hand, and another header's structs, which have enumerators where those of
/// atlas have numbers.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "atlas/adapters/dlpack_structs.hpp"

namespace dlpack_for_tests {

/// Codes of the specification.
constexpr std::uint8_t int_code = 0, uint_code = 1, float_code = 2, bfloat_code = 4,
                       complex_code = 5, bool_code = 6, float8_code = 10;

/// A tensor with the arrays that it points to.
template <class Element>
struct made_tensor {
  std::vector<Element> elements;
  std::vector<std::int64_t> shape, strides;
  atlas::dlpack::data_type type = {float_code, 8 * sizeof(Element), 1};

  /// Null strides where there are none.
  atlas::dlpack::tensor tensor() {
    return {elements.data(),
            {1, 0},
            static_cast<std::int32_t>(shape.size()),
            type,
            shape.data(),
            strides.empty() ? nullptr : strides.data(),
            0};
  }
};

/// 3 rows of 4 columns; element (i, k) is 10 i + k.
template <class Element>
made_tensor<Element> numbered() {
  made_tensor<Element> made;
  for (int i = 0; i < 3; ++i)
    for (int k = 0; k < 4; ++k) made.elements.push_back(static_cast<Element>(10 * i + k));
  made.shape = {3, 4};
  return made;
}

enum their_device_type { their_cpu = 1, their_cuda = 2 };
enum their_code { their_float = 2 };
struct their_tensor {
  void* data;
  struct {
    their_device_type device_type;
    int device_id;
  } device;
  int ndim;
  struct {
    std::uint8_t code, bits;
    std::uint16_t lanes;
  } dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct their_managed {
  their_tensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(their_managed* self);
};
struct their_versioned {
  struct {
    std::uint32_t major, minor;
  } version;
  void* manager_ctx;
  void (*deleter)(their_versioned* self);
  std::uint64_t flags;
  their_tensor dl_tensor;
};

/// Counts in `*manager_ctx`, an int, that it was deleted.
template <class Managed>
void count_deletion(Managed* self) {
  ++*static_cast<int*>(self->manager_ctx);
}

}  // namespace dlpack_for_tests
