// SPDX-License-Identifier: MIT
#include "atlas/adapters/to_dlpack.hpp"

#include <Eigen/Core>
#include <cstdint>
#include <memory>

#include "../catch.hpp"
#include "atlas/adapters/dlpack.hpp"
#include "atlas/core/as_view.hpp"
#include "dlpack_for_tests.hpp"

using namespace dlpack_for_tests;

namespace {

/// 2 by 3; element (i, k) is 10 i + k. Its memory sets `*freed` when it goes.
atlas::owned_tensor<double, 2> result_for_tests(bool* freed) {
  const std::shared_ptr<double[]> memory(new double[6]{0, 1, 2, 10, 11, 12}, [freed](double* x) {
    delete[] x;
    *freed = true;
  });
  return {memory, {2, 3}};
}

}  // namespace

TEST_CASE("a result is handed on by DLPack, uncopied and read-only") {
  bool freed = false;
  auto result = result_for_tests(&freed);
  auto* managed = atlas::to_dlpack(result);
  const atlas::dlpack::tensor& x = managed->dl_tensor;
  CHECK(managed->version.major == 1);
  CHECK(managed->version.minor == 0);
  CHECK(managed->flags == 1);
  CHECK(x.data == result.data());
  CHECK(x.device.device_type == 1);
  CHECK(x.device.device_id == 0);
  CHECK(x.ndim == 2);
  CHECK(x.dtype.code == float_code);
  CHECK(x.dtype.bits == 64);
  CHECK(x.dtype.lanes == 1);
  CHECK(x.shape[0] == 2);
  CHECK(x.shape[1] == 3);
  CHECK(x.strides[0] == 3);
  CHECK(x.strides[1] == 1);
  CHECK(x.byte_offset == 0);
  result = {};
  CHECK_FALSE(freed);
  CHECK(static_cast<const double*>(x.data)[5] == 12);
  managed->deleter(managed);
  CHECK(freed);
}

TEST_CASE("what is handed on by DLPack can be taken back") {
  bool freed = false;
  {
    const atlas::dlpack_holder held(atlas::to_dlpack<their_versioned>(result_for_tests(&freed)));
    CHECK(held.read_only());
    CHECK(atlas::as_view<2>(atlas::dlpack_as<double>(held))(1, 2) == 12);
    CHECK_FALSE(freed);
  }
  CHECK(freed);
}

TEST_CASE("a copy that is handed on by DLPack may be written to") {
  bool freed = false;
  const auto result = result_for_tests(&freed);
  auto* managed = atlas::copy_to_dlpack(result);
  CHECK(managed->flags == 2);
  CHECK(managed->dl_tensor.data != result.data());
  static_cast<double*>(managed->dl_tensor.data)[0] = 7;
  CHECK(result(0, 0) == 0);
  managed->deleter(managed);

  auto* plain = atlas::copy_to_dlpack<their_managed>(
      atlas::tensor_view<const double, 2>(result.data(), {3, 2}, {1, 3}));
  const auto copied = atlas::as_view<2>(atlas::dlpack_as<double>(plain->dl_tensor));
  CHECK(copied.row_major());
  CHECK(copied(2, 1) == 12);
  plain->deleter(plain);
}

TEST_CASE("types of results as DLPack has them") {
  const auto code = [](const auto& x) {
    auto* managed = atlas::to_dlpack(x);
    const auto type = managed->dl_tensor.dtype;
    managed->deleter(managed);
    return 100 * type.code + type.bits;
  };
  CHECK(code(atlas::owned_tensor<float, 1>({2})) == 232);
  CHECK(code(atlas::owned_tensor<Eigen::half, 1>({2})) == 216);
  CHECK(code(atlas::owned_tensor<Eigen::bfloat16, 1>({2})) == 416);
  CHECK(code(atlas::owned_tensor<atlas::index_t, 3>({2, 0, 1})) == 8 * sizeof(atlas::index_t));
  CHECK(code(atlas::owned_tensor<std::uint8_t, 1>({2})) == 108);
  CHECK(code(atlas::owned_tensor<bool, 1>({2})) == 608);
}
