// SPDX-License-Identifier: MIT
#include "atlas/adapters/torch.hpp"

#include <ATen/ATen.h>

#include <Eigen/Dense>
#include <cstdint>
#include <vector>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// Catch2 last: some builds of LibTorch bring a macro CHECK of their own.
#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "atlas/attention/residual.hpp"
#include "atlas/dimension/pca_rank.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "atlas/subspace/overlap.hpp"
#include "atlas/subspace/principal_frame.hpp"

using atlas::as_view;
using atlas::shape_error;
using atlas::torch_as;
using atlas::value_error;

namespace {

/// Element (i, k) is 10 i + k.
at::Tensor numbered_tensor(std::int64_t rows, std::int64_t cols) {
  return 10 * at::arange(rows, at::kFloat).unsqueeze(1) + at::arange(cols, at::kFloat);
}

/// Whether the view has the tensor's shape and the elements that `at::Tensor::item` gives.
template <class View>
bool has_elements_of(const View& view, const at::Tensor& tensor) {
  if (view.extent(0) != tensor.size(0) || view.extent(1) != tensor.size(1)) return false;
  for (atlas::index_t i = 0; i < view.extent(0); ++i)
    for (atlas::index_t k = 0; k < view.extent(1); ++k)
      if (static_cast<double>(view(i, k)) != tensor[i][k].item<double>()) return false;
  return true;
}

/// The view borrows the tensor's memory and reads it as LibTorch does.
bool borrows(const at::Tensor& tensor) {
  const auto view = as_view<2>(tensor);
  return view.data() == tensor.data_ptr<float>() && has_elements_of(view, tensor);
}

/// The same numbers in a tensor and in a matrix.
struct cloud_pair {
  Eigen::MatrixXf matrix;
  at::Tensor tensor;
};

cloud_pair normal_pair(atlas::index_t n, atlas::index_t d) {
  cloud_pair pair{atlas_test::normal_cloud(n, d).cast<float>(), at::empty({n, d})};
  auto elements = pair.tensor.accessor<float, 2>();
  for (atlas::index_t i = 0; i < n; ++i)
    for (atlas::index_t k = 0; k < d; ++k) elements[i][k] = pair.matrix(i, k);
  return pair;
}

/// Memory that was allocated and not freed; 0 where nobody counts (sanitizers).
std::size_t bytes_in_use() {
#ifdef __GLIBC__
  const auto heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
#else
  return 0;
#endif
}

template <std::size_t Rank, class X>
void read(const X& x) {
  (void)as_view<Rank>(x);
}

}  // namespace

TEST_CASE("float32 tensors of any strides are borrowed") {
  const at::Tensor t = numbered_tensor(6, 8);
  CHECK(borrows(t));
  CHECK(borrows(t.t()));
  CHECK(borrows(t.slice(0, 1, 6, 2).slice(1, 2, 8, 3)));
  CHECK(borrows(t.unsqueeze(0).select(0, 0)));
  CHECK(borrows(t.as_strided({4, 3}, {2, 5}, 3)));
  const at::Tensor expanded = t.slice(0, 2, 3).expand({4, 8});
  CHECK(as_view<2>(expanded).stride(0) == 0);
  CHECK(borrows(expanded));
  CHECK(borrows(at::diagonal(numbered_tensor(36, 6).view({6, 6, 6}), 0, 0, 1)));
}

TEST_CASE("tensors of one to four dimensions") {
  const at::Tensor t = at::arange(120, at::kFloat);
  CHECK(as_view<1>(t)[119] == 119);
  CHECK(as_view<2>(t.view({4, 30}))(3, 29) == 119);
  CHECK(as_view<3>(t.view({2, 3, 20}).permute({2, 0, 1}))(7, 1, 2) == 107);
  CHECK(as_view<4>(t.view({2, 3, 4, 5}))(1, 2, 3, 4) == 119);
  CHECK(as_view<4>(t.view({2, 3, 4, 5}))[1][2](0, 1) == 101);
  CHECK(as_view<2>(at::empty({0, 3})).empty());
}

TEST_CASE("no copy is made of a large tensor") {
  const at::Tensor large = at::zeros({4096, 4096});  // 64 MB
  const std::size_t before = bytes_in_use();
  const auto view = as_view<2>(large.t());
  CHECK(bytes_in_use() < before + (1 << 20));
  CHECK(view.data() == large.data_ptr<float>());
  if (before == 0) return;
  const auto copy = large.clone();  // the measurement sees copies
  CHECK(bytes_in_use() > before + (60 << 20));
}

/// Newer versions have tensors that share memory until one of them is written to.
template <class Tensor>
bool lazy_clone_is_borrowed(const Tensor& t) {
  if constexpr (requires { _lazy_clone(t); })
    return as_view<2>(_lazy_clone(t)).data() == t.template const_data_ptr<float>();
  return true;
}

TEST_CASE("a tensor that is copied on writing is borrowed") {
  CHECK(lazy_clone_is_borrowed(numbered_tensor(3, 4)));
}

TEST_CASE("a view keeps the memory of a temporary") {
  std::vector<float> memory = {0, 1, 2, 3, 4, 5};
  bool freed = false;
  at::Tensor owner = at::from_blob(
      memory.data(), {2, 3}, [&](void*) { freed = true; }, at::kFloat);
  auto view = as_view<2>(owner.t());
  owner.reset();
  CHECK(!freed);
  CHECK(view(2, 1) == 5);
  view = {};
  CHECK(freed);
}

TEST_CASE("half precision tensors are widened") {
  const at::Tensor t = numbered_tensor(5, 4);
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor half = (t / 3).to(type);
    CHECK(has_elements_of(as_view<2>(half), half));
    CHECK(has_elements_of(as_view<2>(half.t()), half.t()));
    CHECK(has_elements_of(as_view<2>(half.slice(1, 0, 1).expand({5, 6})),
                          half.slice(1, 0, 1).expand({5, 6})));
    CHECK(has_elements_of(as_view<2>(torch_as<float>(half)), half));
  }
}

TEST_CASE("lazily negated tensors and zeros without memory are written out") {
  const at::Tensor t = numbered_tensor(3, 4);
  const at::Tensor negated = at::imag(at::complex(t, t + 1).conj());
  REQUIRE(negated.is_neg());
  CHECK(as_view<2>(negated)(2, 3) == -24);
  CHECK(has_elements_of(as_view<2>(negated), -(t + 1)));
  const at::Tensor zeros = at::_efficientzerotensor({3, 4});
  CHECK(has_elements_of(as_view<2>(zeros), at::zeros({3, 4})));
}

TEST_CASE("tensors with gradients are read") {
  const at::Tensor t = numbered_tensor(3, 4).requires_grad_();
  CHECK(as_view<2>(t).data() == t.data_ptr<float>());
  CHECK(as_view<2>(2 * t)(2, 3) == 46);
  const auto half = as_view<2>(t.to(at::kHalf));
  CHECK(half(2, 3) == 23);
}

TEST_CASE("elements of other types are read by their name") {
  const at::Tensor t = numbered_tensor(3, 4);
  static_assert(std::is_same_v<atlas::scalar_of<at::Tensor, 2>, float>);
  static_assert(std::is_same_v<atlas::scalar_of<atlas::torch_elements<double>, 2>, double>);
  const at::Tensor wide = t.to(at::kDouble);
  CHECK(as_view<2>(torch_as<double>(wide)).data() == wide.data_ptr<double>());
  CHECK(as_view<2>(torch_as<std::int64_t>(t.to(at::kLong)))(2, 3) == 23);
  CHECK(as_view<2>(torch_as<std::int32_t>(t.to(at::kInt)))(2, 3) == 23);
  CHECK(as_view<2>(torch_as<std::int16_t>(t.to(at::kShort)))(2, 3) == 23);
  CHECK(as_view<2>(torch_as<std::uint8_t>(t.to(at::kByte)))(2, 3) == 23);
  CHECK(as_view<2>(torch_as<bool>(t > 12))(1, 3));
}

TEST_CASE("with_scalar goes by the dtype") {
  const at::Tensor t = numbered_tensor(3, 4);
  const auto bytes = [](const auto& elements) { return sizeof(*as_view<2>(elements).data()); };
  CHECK(atlas::with_scalar(t, bytes) == 4);
  CHECK(atlas::with_scalar(t.to(at::kHalf), bytes) == 4);
  CHECK(atlas::with_scalar(t.to(at::kDouble), bytes) == 8);
  CHECK_REFUSED(value_error, (atlas::with_scalar(t.to(at::kLong), bytes)), "Double", "Long");
  CHECK_REFUSED(value_error, (atlas::with_scalar(at::Tensor(), bytes)), "tensor", "undefined");
}

TEST_CASE("tensors of another dtype are refused with what to pass") {
  const at::Tensor t = numbered_tensor(3, 4);
  CHECK_REFUSED(value_error, (read<2>(t.to(at::kDouble))), "tensor: expected dtype Float",
                "atlas::torch_as<double>(tensor)");
  CHECK_REFUSED(value_error, (read<2>(t.to(at::kLong))), "dtype Long", "torch_as<std::int64_t>");
  CHECK_REFUSED(value_error, (read<2>(torch_as<double>(t))), "expected dtype Double",
                "atlas::torch_as<float>(tensor)");
  CHECK_REFUSED(value_error, (read<2>(torch_as<double>(t.to(at::kHalf)))), "expected dtype Double",
                "torch_as<float>");
  CHECK_REFUSED(value_error, (read<2>(torch_as<std::int64_t>(t.to(at::kInt)))), "dtype Long",
                "torch_as<std::int32_t>");
  CHECK_REFUSED(value_error, (read<2>(t.to(at::kComplexFloat))), "ComplexFloat", "at::real");
  CHECK_REFUSED(value_error, (read<2>(at::quantize_per_tensor(t, 0.1, 0, at::kQInt8))), "QInt8",
                "dequantize()");
}

TEST_CASE("what is no strided memory on the cpu is refused with what to pass") {
  const at::Tensor t = numbered_tensor(3, 4);
  CHECK_REFUSED(value_error, (read<2>(at::Tensor())), "tensor: expected a defined", "undefined");
  CHECK_REFUSED(value_error, (read<2>(at::empty({3, 4}, at::device(at::kMeta)))), "tensor.cpu()",
                "device meta");
  CHECK_REFUSED(value_error, (read<2>(t.to_sparse())), "to_dense()", "layout Sparse");
  CHECK_REFUSED(value_error, (read<2>(t.to_sparse_csr())), "to_dense()", "layout SparseCsr");
  CHECK_REFUSED(
      value_error,
      (read<2>(at::_nested_tensor_from_mask(t.view({1, 3, 4}), at::ones({1, 3}, at::kBool)))),
      "strided", "nested");
  CHECK_REFUSED(shape_error, (read<3>(t)), "tensor: expected 3 dimensions", "2: shape [3, 4]");
  CHECK_REFUSED(shape_error, (read<1>(at::scalar_tensor(1))), "expected 1 dimension,", "shape []");
}

TEST_CASE("results are those of Eigen matrices, bit for bit") {
  const cloud_pair points = normal_pair(300, 6);
  const at::Tensor labels = at::arange(300, at::kLong).div(10, "floor");
  std::vector<std::int64_t> same(300);
  for (std::size_t i = 0; i < same.size(); ++i) same[i] = static_cast<std::int64_t>(i / 10);
  const auto expected = atlas::two_nn(points.matrix, {.exclude = atlas::same_context(same)});
  for (const at::Tensor& t : {points.tensor, points.tensor.t().contiguous().t(),
                              points.tensor.repeat({1, 2}).slice(1, 6, 12)}) {
    const auto found =
        atlas::two_nn(t, {.exclude = atlas::same_context(torch_as<std::int64_t>(labels))});
    CHECK(found.dimension == expected.dimension);
    CHECK(found.interval.lower == expected.interval.lower);
    CHECK(atlas::pca_rank(t).rank == atlas::pca_rank(points.matrix).rank);
  }
  CHECK(atlas::two_nn(torch_as<double>(points.tensor.to(at::kDouble))).dimension ==
        atlas::two_nn(points.matrix.cast<double>()).dimension);
}

TEST_CASE("heads in one tensor, or in a vector of them") {
  const cloud_pair a = normal_pair(100, 8);
  const std::vector<Eigen::MatrixXf> matrices = {a.matrix, 2 * a.matrix.rowwise().reverse()};
  const std::vector<at::Tensor> tensors = {a.tensor, 2 * a.tensor.flip(1)};
  const Eigen::MatrixXd expected = atlas::overlap_matrix(atlas::principal_frames(matrices, 3));
  CHECK(atlas::overlap_matrix(atlas::principal_frames(tensors, 3)) == expected);
  CHECK(atlas::overlap_matrix(atlas::principal_frames(at::stack(tensors), 3)) == expected);
  CHECK(atlas::overlap_matrix(atlas::principal_frames(at::stack(tensors, 1).transpose(0, 1), 3)) ==
        expected);
}

TEST_CASE("attention of all heads is decomposed where it lies") {
  at::manual_seed(3);
  const at::Tensor weights = at::softmax(at::randn({2, 4, 16, 16}), -1);
  const at::Tensor values = at::randn({2, 16, 4, 5}).transpose(1, 2);
  const auto heads = atlas::decompose_residuals(weights[1], values[1]);
  REQUIRE(heads.size() == 4);
  for (atlas::index_t h = 0; h < 4; ++h) {
    const auto& head = heads[static_cast<std::size_t>(h)];
    const at::Tensor most = std::get<1>(weights[1][h].max(1));
    const at::Tensor raw =
        at::matmul(weights[1][h], values[1][h]) - values[1][h].index_select(0, most);
    const at::Tensor ours = at::from_blob(const_cast<float*>(head.raw.data()), {16, 5});
    CHECK(at::allclose(ours, raw, 0, 1e-6));
  }
}
