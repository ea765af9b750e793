// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/adapters/mdspan.hpp"
#include "atlas/core/as_view.hpp"

namespace {

using atlas::owned_tensor;

/// 0, 1, 2, ... row by row.
template <std::size_t Rank>
owned_tensor<double, Rank> in_order(const atlas::shape<Rank>& extents) {
  owned_tensor<double, Rank> out(extents);
  std::iota(out.mutable_view().data(), out.mutable_view().data() + out.size(), 0.0);
  return out;
}

/// As much of std::mdspan as it takes to be made from a pointer and extents.
struct matrix_span {
  using element_type = const double;
  using index_type = int;
  static constexpr std::size_t rank() { return 2; }
  matrix_span(const double* first, int height, int width)
      : data(first), rows(height), cols(width) {}
  double operator()(int i, int k) const { return data[i * cols + k]; }

  const double* data;
  int rows, cols;
};

template <class X>
concept has_elements = requires(X&& x) {
  std::forward<X>(x).elements();
};
template <class X>
concept has_eigen = requires(X&& x) {
  atlas::as_eigen(std::forward<X>(x));
};

}  // namespace

TEST_CASE("results are ranges of their elements, row by row") {
  const auto cube = in_order<3>({2, 3, 4});
  static_assert(std::ranges::contiguous_range<decltype(cube)>);
  static_assert(std::ranges::sized_range<decltype(cube)>);
  double wanted = 0;
  for (const double x : cube) CHECK(x == wanted++);
  CHECK(wanted == 24);
  CHECK(*std::max_element(cube.begin(), cube.end()) == 23);
  CHECK(std::vector<double>(cube.begin(), cube.end()).size() == 24);
  const owned_tensor<double, 2> none;
  CHECK(none.begin() == none.end());
}

TEST_CASE("results are spans") {
  const auto matrix = in_order<2>({3, 5});
  const std::span<const double> flat = matrix.elements();
  CHECK(flat.data() == matrix.data());
  CHECK(flat.size() == 15);
  CHECK(flat[7] == matrix(1, 2));
  const std::span<const double> implicit = matrix;
  CHECK(implicit.size() == 15);
  static_assert(has_elements<const owned_tensor<double, 2>&>);
  static_assert(!has_elements<owned_tensor<double, 2>>, "the memory would be gone");
}

TEST_CASE("results of rank 1 and 2, and slices of higher ranks, are maps of Eigen") {
  const auto matrix = in_order<2>({3, 5});
  const auto map = atlas::as_eigen(matrix);
  CHECK(map.data() == matrix.data());
  CHECK(map.rows() == 3);
  CHECK(map.cols() == 5);
  CHECK(map(2, 1) == 11);
  const auto vector = in_order<1>({4});
  CHECK(atlas::as_eigen(vector).sum() == 6);
  const auto cube = in_order<3>({2, 3, 4});
  const auto slice = atlas::as_eigen(cube[1]);
  CHECK(slice.data() == cube.data() + 12);
  CHECK(slice(2, 3) == 23);
  static_assert(!has_eigen<owned_tensor<double, 2>>, "the memory would be gone");
  static_assert(!has_eigen<const owned_tensor<double, 3>&>);
}

TEST_CASE("maps of Eigen follow strides") {
  const auto matrix = in_order<2>({3, 5});
  const atlas::tensor_view<const double, 2> columns(matrix.data(), {5, 3}, {1, 5});
  CHECK(atlas::as_eigen(columns)(4, 2) == matrix(2, 4));
  const atlas::tensor_view<const double, 1> every_other(matrix.data(), {7}, {2});
  CHECK(atlas::as_eigen(every_other)(3) == 6);
  const atlas::tensor_view<const double, 1> backwards(matrix.data() + 14, {15}, {-1});
  CHECK_REFUSED(atlas::value_error, atlas::as_eigen(backwards), "strides", "-1");
}

TEST_CASE("results are made into mdspans of the caller's type") {
  const auto matrix = in_order<2>({3, 5});
  const auto span = atlas::as_mdspan<matrix_span>(matrix);
  CHECK(span.data == matrix.data());
  CHECK(span.rows == 3);
  CHECK(span(2, 4) == 14);
}

TEST_CASE("results can be passed on, whole, reshaped and in containers") {
  const auto matrix = in_order<2>({3, 4});
  CHECK(atlas::as_view<2>(matrix).data() == matrix.data());
  static_assert(!atlas::tensor_like<owned_tensor<double, 2>, 1>, "no flat view by itself");
  CHECK(atlas::as_view<3>(matrix, {3, 2, 2})(1, 1, 0) == 6);
  const std::vector<owned_tensor<double, 2>> heads = {matrix, matrix};
  CHECK(atlas::as_view<3>(heads)(1, 2, 3) == 11);
}
