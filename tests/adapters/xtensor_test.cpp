// SPDX-License-Identifier: MIT
#include "atlas/adapters/xtensor.hpp"

#include <complex>
#include <cstdint>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "xtensor_for_tests.hpp"

using atlas::as_view;

namespace {

/// Element (i, k) is 10 i + k.
xt::xarray<float> ten_columns(std::size_t rows) {
  xt::xarray<float> a = xt::arange<float>(static_cast<float>(10 * rows));
  a.reshape({rows, std::size_t{10}});
  return a;
}

}  // namespace

TEST_CASE("xtensor containers of either layout and adapted memory are borrowed") {
  const auto a = ten_columns(4);
  CHECK(as_view<2>(a).data() == a.data());
  CHECK(as_view<2>(a)(3, 7) == 37);
  const xt::xtensor<float, 2, xt::layout_type::column_major> columns = a;
  CHECK(as_view<2>(columns).data() == columns.data());
  CHECK(as_view<2>(columns).stride(0) == 1);
  CHECK(as_view<2>(columns)(3, 7) == 37);
  std::vector<double> memory(40, 2.5);
  const auto adapted =
      xt::adapt(memory.data(), 40, xt::no_ownership(), std::vector<std::size_t>{4, 10});
  CHECK(as_view<2>(adapted).data() == memory.data());
  const xt::xtensor_fixed<float, xt::xshape<2, 3>> fixed = {{1, 2, 3}, {4, 5, 6}};
  CHECK(as_view<2>(fixed).data() == fixed.data());
  CHECK(as_view<2>(fixed)(1, 2) == 6);
}

TEST_CASE("xtensor views with steps, backwards and transposed are borrowed") {
  const auto a = ten_columns(4);
  const auto step = as_view<2>(xt::view(a, xt::range(0, 4, 2), xt::range(1, 9, 3)));
  CHECK(step.data() == a.data() + 1);
  CHECK(step(1, 2) == 27);
  const auto row = as_view<1>(xt::view(a, 2, xt::all()));
  CHECK(row.data() == a.data() + 20);
  CHECK(row[3] == 23);
  const auto turned = xt::transpose(a);
  CHECK(as_view<2>(turned).data() == a.data());
  CHECK(as_view<2>(turned)(7, 3) == 37);
  const auto backwards = xt::strided_view(a, {xt::range(3, xt::placeholders::_, -1), xt::all()});
  CHECK(as_view<2>(backwards).data() == a.data() + 30);
  CHECK(as_view<2>(backwards)(1, 2) == 22);
}

TEST_CASE("xtensor expressions without memory of their own are evaluated once") {
  const auto a = ten_columns(4);
  CHECK(as_view<2>(2 * a + 1)(3, 7) == 75);
  CHECK(as_view<2>(xt::view(a, xt::keep(0, 3), xt::all()))(1, 2) == 32);
  CHECK(as_view<2>(xt::view(2 * a, xt::range(1, 4), xt::all()))(2, 1) == 62);
  CHECK(as_view<2>(xt::broadcast(xt::xtensor<float, 1>{1, 2}, {3, 2}))(2, 1) == 2);
}

TEST_CASE("temporaries of xtensor that own their memory are copied, those that do not are not") {
  CHECK(as_view<2>(ten_columns(2))(1, 9) == 19);
  static_assert(!atlas::tensor_traits<xt::xarray<float>>::borrowed);
  static_assert(
      atlas::tensor_traits<decltype(xt::view(std::declval<xt::xarray<float>&>(), 1))>::borrowed);
  static_assert(
      !atlas::tensor_traits<decltype(xt::view(std::declval<xt::xarray<float>>(), 1))>::borrowed);
}

TEST_CASE("labels in xtensor, and shapes that do not fit") {
  const xt::xarray<std::int64_t> labels = {4, 4, 5};
  CHECK(atlas::same_context(labels).rejects(0, 1));
  CHECK(!atlas::same_context(labels).rejects(0, 2));
  CHECK_REFUSED(atlas::shape_error, as_view<2>(labels), "2 dimensions", "1");
  static_assert(!atlas::tensor_like<xt::xtensor<float, 3>, 2>);
  static_assert(!atlas::tensor_like<xt::xarray<std::complex<float>>, 2>);
}
