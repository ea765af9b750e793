// SPDX-License-Identifier: MIT
// Tensors that LibTorch itself hands out and takes over by DLPack, with its own header's structs.
#include <ATen/ATen.h>
#include <ATen/DLConvertor.h>

#include "atlas/adapters/dlpack.hpp"
#include "atlas/adapters/to_dlpack.hpp"
#include "atlas/adapters/torch.hpp"
// Catch2 last: some builds of LibTorch bring a macro CHECK of their own.
#include "../catch.hpp"
#include "../messages.hpp"

namespace {

template <class Scalar>
bool comes_over(const at::Tensor& tensor) {
  const atlas::dlpack_holder held(at::toDLPack(tensor));
  const auto given = atlas::as_view<2>(atlas::torch_as<Scalar>(tensor));
  const auto found = atlas::as_view<2>(atlas::dlpack_as<Scalar>(held));
  for (atlas::index_t i = 0; i < given.extent(0); ++i)
    for (atlas::index_t k = 0; k < given.extent(1); ++k)
      if (found(i, k) != given(i, k)) return false;
  return found.extents() == given.extents();
}

}  // namespace

TEST_CASE("tensors of LibTorch come over by DLPack") {
  const at::Tensor t = at::arange(24, at::kFloat).view({4, 6});
  for (const at::Tensor& x : {t, t.t(), t.slice(1, 1, 6, 2), t.slice(0, 2, 3).expand({5, 6})}) {
    CHECK(comes_over<float>(x));
    CHECK(comes_over<float>(x.to(at::kHalf)));
    CHECK(comes_over<float>(x.to(at::kBFloat16)));
    CHECK(comes_over<double>(x.to(at::kDouble)));
    CHECK(comes_over<std::int64_t>(x.to(at::kLong)));
    CHECK(comes_over<std::uint8_t>(x.to(at::kByte)));
  }
  const atlas::dlpack_holder held(at::toDLPack(t.slice(0, 1, 3)));
  CHECK(atlas::as_view<2>(held).data() == t.data_ptr<float>() + 6);
}

TEST_CASE("LibTorch takes over what is handed on by DLPack") {
  atlas::owned_tensor<double, 2> result({2, 3});
  result.mutable_view()(1, 2) = 12;
  const at::Tensor tensor = at::fromDLPack(atlas::copy_to_dlpack<DLManagedTensor>(result));
  CHECK(tensor.sizes() == at::IntArrayRef({2, 3}));
  CHECK(tensor[1][2].item<double>() == 12);
}
