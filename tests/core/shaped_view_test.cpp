// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/as_view.hpp"

using atlas::as_view;
using atlas::index_t;
using atlas::shape_error;
using atlas::value_error;

namespace {

std::vector<float> twenty_four() {
  std::vector<float> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return values;
}

/// Element (i, k) of three columns is 3 i + k.
template <class View>
bool counts(const View& view, index_t rows) {
  if (view.extent(0) != rows || view.extent(1) != 3) return false;
  for (index_t i = 0; i < rows; ++i)
    for (index_t k = 0; k < 3; ++k)
      if (static_cast<double>(view(i, k)) != static_cast<double>(3 * i + k)) return false;
  return true;
}

/// Memory of what was freed is used again, if it was.
std::vector<float> other_values() {
  return std::vector<float>(24, -1.0F);
}

}  // namespace

TEST_CASE("a temporary that owns its memory is copied when it is given a shape") {
  const auto view = as_view<2>(twenty_four(), {8, 3});
  const auto other = other_values();
  CHECK(counts(view, 8));
  static_assert(std::is_same_v<std::remove_const_t<decltype(view)>, atlas::owned_tensor<float, 2>>);
  auto moved_from = twenty_four();
  const auto moved = as_view<2>(std::move(moved_from), {8, 3});
  moved_from = {};
  CHECK(counts(moved, 8));
  const auto fixed = as_view<2>(std::array<int, 6>{0, 1, 2, 3, 4, 5}, {2, 3});
  CHECK(counts(fixed, 2));
}

TEST_CASE("ranges that own nothing stay views when they are given a shape") {
  const auto values = twenty_four();
  CHECK(as_view<2>(values, {8, 3}).data() == values.data());
  CHECK(as_view<2>(std::span(values), {8, 3}).data() == values.data());
  CHECK(as_view<2>(std::span(values).subspan<3, 6>(), {2, 3}).data() == values.data() + 3);
  CHECK(as_view<2>(values.data(), {8, 3}).data() == values.data());
  const std::string text = "abcdef";
  CHECK(as_view<1>(std::string_view(text)).data() == text.data());
}

TEST_CASE("spans and containers of elements that may change are tensors") {
  auto values = twenty_four();
  const std::span<float> whole(values);
  static_assert(atlas::tensor_like<std::span<float>, 1>);
  static_assert(atlas::tensor_like<std::span<float, 24>, 1>);
  static_assert(atlas::tensor_like<std::span<double[3]>, 2>);
  static_assert(atlas::tensor_like<std::span<std::array<float, 3>>, 2>);
  static_assert(atlas::tensor_like<std::vector<std::span<float>>, 2>);
  static_assert(atlas::tensor_like<std::array<const float, 3>, 1>);
  static_assert(
      std::is_same_v<atlas::scalar_of<std::vector<std::array<const float, 3>>, 2>, float>);
  CHECK(as_view<1>(whole).data() == values.data());
  CHECK(as_view<1>(std::span<float, 24>(values)).data() == values.data());
  CHECK(counts(as_view<2>(whole, {8, 3}), 8));
  CHECK(as_view<2>(std::span<float>(values), {8, 3}).data() == values.data());
  std::vector<std::array<float, 3>> points = {{0, 1, 2}, {3, 4, 5}};
  CHECK(as_view<2>(std::span(points)).data() == points[0].data());
  CHECK(counts(as_view<2>(std::vector<std::span<float>>{whole.first(3), whole.subspan(3, 3)}), 2));
  std::vector<Eigen::half> halves(6, Eigen::half(2.0F));
  CHECK(as_view<2>(std::span<Eigen::half>(halves), {2, 3})(1, 2) == 2.0F);
}

TEST_CASE("ranges of numbers that are not in one piece are copied") {
  static_assert(atlas::tensor_like<std::vector<bool>, 1>);
  const std::vector<bool> flags = {true, false, true, true, false, false};
  const auto view = as_view<1>(flags);
  CHECK(view.extent(0) == 6);
  CHECK((view[0] && !view[1] && view[3]));
  CHECK(as_view<2>(flags, {2, 3})(1, 0));
  CHECK(!as_view<2>(std::vector<bool>(6), {2, 3})(1, 2));
  CHECK(as_view<2>(std::vector<std::vector<bool>>{{true, false}, {false, true}})(1, 1));
  CHECK(counts(as_view<2>(std::deque<int>{0, 1, 2, 3, 4, 5}, {2, 3}), 2));
  CHECK(as_view<1>(std::list<double>{1.5, 2.5})[1] == 2.5);
  CHECK_REFUSED(shape_error, (as_view<2>(flags, {2, 4})), "8", "6");
}

TEST_CASE("extents are whole numbers of any type") {
  const auto values = twenty_four();
  const std::size_t rows = 8;
  const std::uint8_t narrow = 3;
  const long wide = 8;
  CHECK(counts(as_view<2>(values, {rows, values.size() / rows}), 8));
  CHECK(counts(as_view<2>(values.data(), {wide, narrow}), 8));
  CHECK(counts(as_view<2>(values.data(), {rows, 3}, {values.size() / 8, 1}), 8));
  const std::array<index_t, 2> known = {8, 3};
  CHECK(counts(as_view<2>(values, known), 8));
  CHECK(counts(atlas::tensor_view<const float, 2>(values.data(), {rows, narrow}), 8));
  CHECK(counts(atlas::tensor_view<const float, 2>(values.data(), {rows, narrow}, {3U, 1U}), 8));
  CHECK(atlas::owned_tensor<float, 2>({rows, narrow}).size() == 24);
  CHECK(as_view<1>(values.data(), {values.size()}).extent(0) == 24);
}

TEST_CASE("a C array's size is checked against its shape") {
  const float values[6] = {0, 1, 2, 3, 4, 5};
  CHECK(counts(as_view<2>(values, {2, 3}), 2));
  CHECK(as_view<2>(values, {2, 3}).data() == &values[0]);
  CHECK_REFUSED(shape_error, (as_view<2>(values, {2, 4})), "8", "6");
}

TEST_CASE("extents that are negative or too large are refused by name") {
  const auto values = twenty_four();
  constexpr std::size_t huge_extent = std::numeric_limits<std::size_t>::max();
  constexpr index_t half_way = index_t{1} << 32;
  CHECK_REFUSED(shape_error, (as_view<2>(values, {-8, -3})), "no negative extent", "[-8, -3]");
  CHECK_REFUSED(shape_error, (as_view<2>(twenty_four(), {-8, -3})), "extents", "[-8, -3]");
  CHECK_REFUSED(shape_error, (as_view<2>(values, {huge_extent, 3})), "extents and strides",
                "18446744073709551615");
  CHECK_REFUSED(shape_error, (as_view<2>(values.data(), {half_way, half_way})), "extents",
                "4294967296");
  CHECK_REFUSED(shape_error, (as_view<2>(values, {half_way, half_way})), "extents", "4294967296");
  CHECK_REFUSED(shape_error, (as_view<2>(values.data(), {1, 1}, {huge_extent, 1})),
                "extents and strides", "18446744073709551615");
  CHECK_REFUSED(shape_error, (atlas::owned_tensor<float, 2>({-1, 3})), "extents", "[-1, 3]");
  CHECK_REFUSED(shape_error, (atlas::owned_tensor<float, 2>({half_way, half_way})), "extents",
                "4294967296");
  CHECK(as_view<2>(std::vector<float>{}, {0, half_way}).empty());
}

TEST_CASE("a plain view is not made of a tensor that ends with the line") {
  using view = atlas::tensor_view<const float, 2>;
  using owned = atlas::owned_tensor<float, 2>;
  using kept = atlas::kept_tensor<float, 2>;
  STATIC_REQUIRE(std::is_constructible_v<view, const owned&>);
  STATIC_REQUIRE(std::is_constructible_v<view, owned&>);
  STATIC_REQUIRE(!std::is_constructible_v<view, owned>);
  STATIC_REQUIRE(!std::is_convertible_v<const owned, view>);
  STATIC_REQUIRE(std::is_constructible_v<view, const kept&>);
  STATIC_REQUIRE(!std::is_constructible_v<view, kept>);
  STATIC_REQUIRE(std::is_constructible_v<view, view>);
  STATIC_REQUIRE(std::is_constructible_v<view, atlas::tensor_view<float, 2>>);
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<view>);
  STATIC_REQUIRE(std::is_trivially_copyable_v<view>);
  const auto elements = [](const view& x) { return x.size(); };  // an argument lives long enough
  CHECK(elements(as_view<2>(twenty_four(), {8, 3})) == 24);
}
