// SPDX-License-Identifier: MIT
#include "atlas/adapters/mdspan.hpp"

#include <vector>
#include <version>

#include "../catch.hpp"
#include "mdspan_for_tests.hpp"
#ifdef __cpp_lib_mdspan
#include <mdspan>
#endif

using atlas::as_view;

namespace {

std::vector<float> counted(std::size_t n) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = static_cast<float>(i);
  return values;
}

}  // namespace

TEST_CASE("strided look-alikes of mdspan are borrowed, temporaries too") {
  const auto values = counted(40);
  const auto rows = as_view<2>(strided_span{values.data(), {4, 10}, {10, 1}});
  CHECK(rows.data() == values.data());
  CHECK(rows(3, 7) == 37);
  const auto columns = as_view<2>(strided_span{values.data(), {10, 4}, {1, 10}});
  CHECK(columns.data() == values.data());
  CHECK(columns(7, 3) == 37);
}

TEST_CASE("layouts without strides and accessors of their own are evaluated once") {
  const auto values = counted(12);  // rows 0 and 1 interleaved, then rows 2 and 3
  const tiled_scaled_span tiled{values.data(), 4, {3}, 10};
  const auto view = as_view<2>(tiled);
  static_assert(std::is_same_v<decltype(view), const atlas::owned_tensor<float, 2>>);
  CHECK(view(0, 0) == 0);
  CHECK(view(1, 0) == 10);
  CHECK(view(0, 2) == 40);
  CHECK(view(3, 1) == 90);
}

TEST_CASE("the number of dimensions is checked by the compiler") {
  static_assert(atlas::tensor_like<strided_span, 2>);
  static_assert(!atlas::tensor_like<strided_span, 1>);
  static_assert(!atlas::tensor_like<strided_span, 3>);
}

#ifdef __cpp_lib_mdspan
TEST_CASE("std::mdspan of either order is borrowed") {
  const auto values = counted(40);
  const std::mdspan<const float, std::dextents<int, 2>> rows(values.data(), 4, 10);
  CHECK(as_view<2>(rows).data() == values.data());
  CHECK(as_view<2>(rows)(3, 7) == 37);
  const std::mdspan<const float, std::dextents<int, 2>, std::layout_left> columns(values.data(), 10,
                                                                                  4);
  CHECK(as_view<2>(columns)(7, 3) == 37);
}
#endif
