// SPDX-License-Identifier: MIT
// Points that come as a DLPack tensor, and a result that goes out as one. Any library with DLPack
// can be at the other end; here it is a row of numbers with a shape.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "atlas/adapters/dlpack.hpp"
#include "atlas/adapters/to_dlpack.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/two_nn.hpp"

namespace {

/// What a producer hands over: elements, their shape, and how all of it is freed.
struct produced {
  std::vector<float> elements = std::vector<float>(2000 * 6);
  std::int64_t shape[2] = {2000, 6};
  atlas::dlpack::managed_tensor_versioned managed = {};
};

/// With `dlpack/dlpack.h` of your own this is a DLManagedTensorVersioned: either can be passed.
atlas::dlpack::managed_tensor_versioned* produce() {
  auto* made = new produced;
  atlas::random_stream random(1);
  for (float& x : made->elements) x = static_cast<float>(random.uniform());
  made->managed.version = {1, 0};
  made->managed.manager_ctx = made;
  made->managed.deleter = [](auto* self) {
    std::puts("freed by its producer");
    delete static_cast<produced*>(self->manager_ctx);
  };
  made->managed.dl_tensor = {made->elements.data(), {1, 0}, 2, {2, 32, 1}, made->shape, nullptr, 0};
  return &made->managed;
}

}  // namespace

int main() {
  {
    const atlas::dlpack_holder points(produce());
    std::printf("dimension %.1f\n", atlas::two_nn(points).dimension);
    try {
      (void)atlas::two_nn(atlas::dlpack_as<double>(points));
    } catch (const atlas::error& e) {
      std::printf("refused: %s\n", e.what());
    }
  }
  atlas::owned_tensor<double, 1> result({3});
  auto* out = atlas::to_dlpack(result);  // for a capsule "dltensor_versioned"
  std::printf("handed on: %lld numbers, flags %llu\n",
              static_cast<long long>(out->dl_tensor.shape[0]),
              static_cast<unsigned long long>(out->flags));
  out->deleter(out);  // whoever took it does this
}
