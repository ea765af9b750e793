// SPDX-License-Identifier: MIT
#include "atlas/adapters/dlpack.hpp"

#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "dlpack_for_tests.hpp"

using atlas::as_view;
using atlas::dlpack_as;
using atlas::dlpack_holder;
using atlas::shape_error;
using atlas::value_error;
using namespace dlpack_for_tests;

namespace {

constexpr std::int64_t largest = (std::numeric_limits<std::int64_t>::max)();

/// The layout of the specification on machines of 64 bits.
static_assert(sizeof(void*) != 8 ||
              (sizeof(atlas::dlpack::tensor) == 48 && offsetof(atlas::dlpack::tensor, ndim) == 16 &&
               offsetof(atlas::dlpack::tensor, dtype) == 20 &&
               offsetof(atlas::dlpack::tensor, shape) == 24 &&
               offsetof(atlas::dlpack::tensor, byte_offset) == 40));
static_assert(sizeof(void*) != 8 ||
              (sizeof(atlas::dlpack::managed_tensor) == 64 &&
               offsetof(atlas::dlpack::managed_tensor, deleter) == 56 &&
               sizeof(atlas::dlpack::managed_tensor_versioned) == 80 &&
               offsetof(atlas::dlpack::managed_tensor_versioned, deleter) == 16 &&
               offsetof(atlas::dlpack::managed_tensor_versioned, dl_tensor) == 32));

static_assert(atlas::dlpack_tensor<their_tensor> && atlas::dlpack_tensor<atlas::dlpack::tensor>);
static_assert(atlas::dlpack_managed<their_managed> && !atlas::dlpack_versioned<their_managed>);
static_assert(atlas::dlpack_versioned<their_versioned>);
static_assert(!atlas::dlpack_tensor<their_managed> && !atlas::dlpack_tensor<Eigen::MatrixXf>);

/// What is read by a view of `Scalar`.
template <class Scalar, std::size_t Rank = 2>
void read(const atlas::dlpack::tensor& x) {
  (void)as_view<Rank>(dlpack_as<Scalar>(x));
}

template <class Element>
void check_read_as_it_lies(std::uint8_t code) {
  auto made = numbered<Element>();
  made.type.code = code;
  const auto view = as_view<2>(dlpack_as<Element>(made.tensor()));
  CHECK(view.data() == made.elements.data());
  CHECK(view(2, 3) == static_cast<Element>(23));
}

template <class Half>
void check_widened(std::uint8_t code) {
  auto made = numbered<Half>();
  made.type.code = code;
  made.strides = {1, 3};
  const auto x = made.tensor();
  const auto view = as_view<2>(x);
  static_assert(std::is_same_v<typename decltype(view)::value_type, float>);
  CHECK(view(2, 1) == 11);  // element 5
  CHECK(as_view<2>(dlpack_as<float>(x))(1, 3) == 22);
  CHECK_REFUSED(value_error, (read<double>(x)), "expected dtype float64",
                "float16 (pass atlas::dlpack_as<float>(tensor))");
}

}  // namespace

TEST_CASE("DLPack tensors of any strides are borrowed") {
  auto made = numbered<float>();
  auto x = made.tensor();
  CHECK(as_view<2>(x).data() == made.elements.data());
  CHECK(as_view<2>(x).stride(0) == 4);
  CHECK(as_view<2>(x)(2, 3) == 23);

  std::array<std::int64_t, 2> shape = {4, 3}, strides = {1, 4};
  x.shape = shape.data();
  x.strides = strides.data();
  CHECK(as_view<2>(x)(3, 2) == 23);  // transposed
  x.byte_offset = 4;
  shape = {2, 2};
  strides = {2, 8};
  CHECK(as_view<2>(x).data() == made.elements.data() + 1);
  CHECK(as_view<2>(x)(1, 1) == 23);  // steps, from an offset
  x.byte_offset = 44;
  shape = {3, 4};
  strides = {-4, -1};
  CHECK(as_view<2>(x)(0, 0) == 23);  // backwards
  CHECK(as_view<2>(x)(2, 3) == 0);
  x.byte_offset = 16;
  strides = {0, 1};
  CHECK(as_view<2>(x)(2, 3) == 13);  // one row, thrice
}

TEST_CASE("DLPack tensors of one to three dimensions, and without elements") {
  auto made = numbered<float>();
  made.shape = {12};
  CHECK(as_view<1>(made.tensor())[11] == 23);
  made.shape = {2, 3, 2};
  CHECK(as_view<3>(made.tensor())(1, 2, 1) == 23);
  made.shape = {0, 4};
  made.strides = {largest, -7};  // of no element
  auto x = made.tensor();
  x.data = nullptr;
  CHECK(as_view<2>(x).empty());
  CHECK(as_view<2>(x).extent(1) == 4);
}

TEST_CASE("DLPack tensors of each type are read by its name") {
  check_read_as_it_lies<float>(float_code);
  check_read_as_it_lies<double>(float_code);
  check_read_as_it_lies<std::int8_t>(int_code);
  check_read_as_it_lies<std::int16_t>(int_code);
  check_read_as_it_lies<std::int32_t>(int_code);
  check_read_as_it_lies<std::int64_t>(int_code);
  check_read_as_it_lies<std::uint8_t>(uint_code);
  check_read_as_it_lies<std::uint64_t>(uint_code);
  bool answers[] = {false, true};
  made_tensor<char> made{{}, {2}, {}, {bool_code, 8, 1}};
  auto x = made.tensor();
  x.data = answers;
  CHECK(as_view<1>(dlpack_as<bool>(x))[1]);
}

TEST_CASE("half precision of DLPack is widened") {
  check_widened<Eigen::half>(float_code);
  check_widened<Eigen::bfloat16>(bfloat_code);
}

TEST_CASE("DLPack tensors of another type are refused with what to pass") {
  auto made = numbered<double>();
  CHECK_REFUSED(value_error, (as_view<2>(made.tensor())),
                "DLPack tensor: expected dtype float32, float16 or bfloat16, got dtype float64",
                "atlas::dlpack_as<double>(tensor)");
  made.type.code = int_code;
  CHECK_REFUSED(value_error, (read<double>(made.tensor())), "expected dtype float64",
                "int64 (pass atlas::dlpack_as<std::int64_t>(tensor))");
  made.type.code = uint_code;
  CHECK_REFUSED(value_error, (read<std::int64_t>(made.tensor())), "expected dtype int64",
                "std::uint64_t");
  made.type.code = complex_code;
  CHECK_REFUSED(value_error, (read<double>(made.tensor())), "complex64", "real part");
  made.type = {float8_code, 8, 1};
  CHECK_REFUSED(value_error, (read<float>(made.tensor())), "type code 10 of 8 bits", "convert it");
  made.type = {bool_code, 8, 1};
  CHECK_REFUSED(value_error, (read<float>(made.tensor())), "got dtype bool", "dlpack_as<bool>");
  made.type = {int_code, 4, 1};
  CHECK_REFUSED(value_error, (read<std::int8_t>(made.tensor())), "got dtype int4", "convert it");
  made.type = {float_code, 32, 4};
  CHECK_REFUSED(value_error, (read<float>(made.tensor())), "1 lane", "4 lanes of float32");
  made.type.lanes = 0;
  CHECK_REFUSED(value_error, (read<float>(made.tensor())), "1 lane", "0 lanes");
}

TEST_CASE("DLPack tensors of other devices are refused, pinned memory is not") {
  auto made = numbered<float>();
  auto x = made.tensor();
  for (const int type : {1, 3, 11}) {  // CPU, pinned by CUDA and by ROCm
    x.device.device_type = type;
    CHECK(as_view<2>(x)(2, 3) == 23);
  }
  x.device = {2, 1};
  CHECK_REFUSED(value_error, (as_view<2>(x)), "memory of the CPU", "got device CUDA, number 1");
  CHECK_REFUSED(value_error, (as_view<2>(x)), "tensor.cpu()", "");
  x.device = {8, 0};
  CHECK_REFUSED(value_error, (as_view<2>(x)), "memory of the CPU", "Metal");
  x.device = {13, 0};
  CHECK_REFUSED(value_error, (as_view<2>(x)), "memory of the CPU", "CUDA managed");
  for (const int unknown : {-1, 0, 99}) {
    x.device = {unknown, 0};
    CHECK_REFUSED(value_error, (as_view<2>(x)), "memory of the CPU",
                  "device " + std::to_string(unknown));
  }
}

TEST_CASE("DLPack tensors of another shape are refused") {
  auto made = numbered<float>();
  CHECK_REFUSED(shape_error, (as_view<3>(made.tensor())), "DLPack tensor: expected 3 dimensions",
                "2: shape [3, 4]");
  made.shape.clear();
  CHECK_REFUSED(shape_error, (as_view<1>(made.tensor())), "1 dimension,", "0: shape []");
  auto x = made.tensor();
  x.ndim = -1;
  CHECK_REFUSED(shape_error, (as_view<1>(x)), "1 dimension,", "got -1");
  x.ndim = 2;
  x.shape = nullptr;
  CHECK_REFUSED(value_error, (as_view<2>(x)), "a shape of 2 dimensions", "null pointer");
  made.shape = {3, -4};
  CHECK_REFUSED(shape_error, (as_view<2>(made.tensor())), "no negative extent", "[3, -4]");
  made.shape = {largest / 2, 3};
  CHECK_REFUSED(shape_error, (as_view<2>(made.tensor())), "memory can have", "[");
  made.shape = {0, -1};
  CHECK_REFUSED(shape_error, (as_view<2>(made.tensor())), "no negative extent", "[0, -1]");
}

TEST_CASE("DLPack tensors whose elements cannot be there are refused") {
  auto made = numbered<float>();
  auto x = made.tensor();
  x.byte_offset = 2;
  CHECK_REFUSED(value_error, (as_view<2>(x)), "multiples of 4 bytes (copy the tensor first",
                "2 beyond one");
  x.byte_offset = ~std::uint64_t{0};
  CHECK_REFUSED(value_error, (as_view<2>(x)), "byte_offset", "18446744073709551615");
  x.byte_offset = 0;
  x.data = nullptr;
  CHECK_REFUSED(value_error, (as_view<2>(x)), "a pointer to elements", "null pointer");
  made.strides = {largest / 4, 1};
  CHECK_REFUSED(value_error, (as_view<2>(made.tensor())), "strides within reach",
                "of shape [3, 4]");
  made.strides = {(std::numeric_limits<std::int64_t>::min)(), 1};
  CHECK_REFUSED(value_error, (as_view<2>(made.tensor())), "strides within reach",
                "[-9223372036854775808, 1]");
  made.strides = {largest / 16, -largest / 16};
  CHECK_REFUSED(value_error, (as_view<2>(made.tensor())), "strides within reach", "strides [");
}

TEST_CASE("structs of another header are DLPack tensors") {
  auto made = numbered<float>();
  their_tensor x{made.elements.data(), {their_cpu, 0}, 2, {2, 32, 1},
                 made.shape.data(),    nullptr,        0};
  CHECK(as_view<2>(x).data() == made.elements.data());
  x.device.device_type = their_cuda;
  CHECK_REFUSED(value_error, (as_view<2>(x)), "memory of the CPU", "CUDA");
}

TEST_CASE("with_scalar goes by the dtype of DLPack") {
  const auto bytes = [](const auto& x) { return sizeof(*as_view<2>(x).data()); };
  auto narrow = numbered<float>();
  auto wide = numbered<double>();
  auto half = numbered<Eigen::half>();
  CHECK(atlas::with_scalar(narrow.tensor(), bytes) == 4);
  CHECK(atlas::with_scalar(wide.tensor(), bytes) == 8);
  CHECK(atlas::with_scalar(half.tensor(), bytes) == 4);
  half.type.code = bfloat_code;
  CHECK(atlas::with_scalar(half.tensor(), bytes) == 4);
  wide.type.code = int_code;
  CHECK_REFUSED(value_error, (atlas::with_scalar(wide.tensor(), bytes)), "float64",
                "got dtype int64");
}

TEST_CASE("a DLPack holder calls the deleter once, after its last view") {
  auto made = numbered<float>();
  int deleted = 0;
  atlas::dlpack::managed_tensor managed{made.tensor(), &deleted,
                                        count_deletion<atlas::dlpack::managed_tensor>};
  auto view = as_view<2>(dlpack_holder(&managed));
  CHECK(view.data() == made.elements.data());
  CHECK(deleted == 0);
  view = {};
  CHECK(deleted == 1);
  {
    dlpack_holder first(&managed);
    dlpack_holder second(std::move(first));
    CHECK_FALSE(second.read_only());
    CHECK_REFUSED(value_error, (as_view<2>(first)), "a tensor that is held", "moved away");
    first = std::move(second);
    CHECK(as_view<2>(first)(2, 3) == 23);
    CHECK(as_view<2>(dlpack_as<float>(first))(2, 3) == 23);
    CHECK(atlas::with_scalar(first, [](const auto& x) { return as_view<2>(x)(2, 3) == 23; }));
    CHECK(deleted == 1);
  }
  CHECK(deleted == 2);
  managed.deleter = nullptr;
  CHECK(as_view<2>(dlpack_holder(&managed))(2, 3) == 23);
}

TEST_CASE("half precision that a DLPack holder widened outlives it") {
  auto made = numbered<Eigen::half>();
  int deleted = 0;
  atlas::dlpack::managed_tensor managed{made.tensor(), &deleted,
                                        count_deletion<atlas::dlpack::managed_tensor>};
  const auto view = as_view<2>(dlpack_holder(&managed));
  CHECK(deleted == 1);
  CHECK(view(2, 3) == 23);
}

TEST_CASE("versions and flags of DLPack") {
  auto made = numbered<float>();
  int deleted = 0;
  their_versioned managed{};
  managed.version = {1, 7};
  managed.manager_ctx = &deleted;
  managed.deleter = count_deletion<their_versioned>;
  managed.flags = 4;
  managed.dl_tensor = {made.elements.data(), {their_cpu, 0}, 2, {2, 32, 1},
                       made.shape.data(),    nullptr,        0};
  CHECK_FALSE(dlpack_holder(&managed).read_only());
  managed.flags = 1;
  CHECK(dlpack_holder(&managed).read_only());
  CHECK(deleted == 2);
  managed.version = {2, 0};
  CHECK_REFUSED(value_error, (dlpack_holder(&managed)), "version 1 of DLPack", "got version 2.0");
  CHECK(deleted == 3);  // it was handed over all the same
  CHECK_REFUSED(value_error, (dlpack_holder(static_cast<their_versioned*>(nullptr))),
                "a managed tensor", "null pointer");
}

TEST_CASE("results on DLPack tensors are those on Eigen matrices, bit for bit") {
  const Eigen::MatrixXf points = atlas_test::normal_cloud(200, 6).cast<float>();
  std::vector<std::int32_t> context(200);
  for (std::size_t i = 0; i < context.size(); ++i) context[i] = static_cast<std::int32_t>(i / 5);
  const auto expected = atlas::two_nn(points, {.exclude = atlas::same_context(context)});
  made_tensor<float> cloud{{points.data(), points.data() + points.size()}, {200, 6}, {1, 200}};
  made_tensor<std::int32_t> labels{context, {200}, {}, {int_code, 32, 1}};
  const auto found = atlas::two_nn(
      cloud.tensor(), {.exclude = atlas::same_context(dlpack_as<std::int32_t>(labels.tensor()))});
  CHECK(found.dimension == expected.dimension);
  CHECK(found.interval.lower == expected.interval.lower);
}
