// SPDX-License-Identifier: MIT
// What dlpack_numpy.py calls: managed tensors of NumPy are read, and tensors of atlas made for it.
#include <algorithm>
#include <cstdint>

#include "atlas/adapters/dlpack.hpp"
#include "atlas/adapters/to_dlpack.hpp"

namespace {

template <class Scalar>
bool read(const atlas::dlpack_holder& held, double* out) {
  const auto copied = atlas::copy_as<double>(atlas::as_view<2>(atlas::dlpack_as<Scalar>(held)));
  std::copy(copied.begin(), copied.end(), out);
  return true;
}

/// 2 by 3; element (i, k) is 10 i + k.
atlas::owned_tensor<double, 2> numbered() {
  atlas::owned_tensor<double, 2> x({2, 3});
  for (int n = 0; n < 6; ++n) x.mutable_view()(n / 3, n % 3) = 10 * (n / 3) + n % 3;
  return x;
}

bool read_as(char type, const atlas::dlpack_holder& held, double* out) {
  switch (type) {
    case 'e':
    case 'f':
      return read<float>(held, out);
    case 'd':
      return read<double>(held, out);
    case 'b':
      return read<std::int8_t>(held, out);
    case 'h':
      return read<std::int16_t>(held, out);
    case 'i':
      return read<std::int32_t>(held, out);
    case 'l':
      return read<std::int64_t>(held, out);
    case 'B':
      return read<std::uint8_t>(held, out);
    case 'I':
      return read<std::uint32_t>(held, out);
    default:
      return false;
  }
}

}  // namespace

extern "C" {

/// \param type as NumPy calls it, in one character
bool read_plain(void* managed, char type, double* out) {
  return read_as(type, atlas::dlpack_holder(static_cast<atlas::dlpack::managed_tensor*>(managed)),
                 out);
}
bool read_versioned(void* managed, char type, double* out) {
  return read_as(
      type, atlas::dlpack_holder(static_cast<atlas::dlpack::managed_tensor_versioned*>(managed)),
      out);
}

void* made_plain() {
  return atlas::copy_to_dlpack<atlas::dlpack::managed_tensor>(numbered());
}
void* made_versioned() {
  return atlas::to_dlpack(numbered());
}
}
