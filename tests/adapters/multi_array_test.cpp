// SPDX-License-Identifier: MIT
#include "atlas/adapters/multi_array.hpp"

#include <boost/multi_array.hpp>

#include "../catch.hpp"

using atlas::as_view;

namespace {

using array = boost::multi_array<double, 2>;
using range = boost::multi_array_types::index_range;

/// Element (i, k) is 10 i + k.
array ten_columns(array::index rows) {
  array a(boost::extents[rows][10]);
  for (array::index i = 0; i < rows; ++i)
    for (array::index k = 0; k < 10; ++k) a[i][k] = static_cast<double>(10 * i + k);
  return a;
}

}  // namespace

TEST_CASE("Boost.MultiArray of either order and any index bases is borrowed") {
  auto a = ten_columns(4);
  CHECK(as_view<2>(a).data() == a.data());
  CHECK(as_view<2>(a)(3, 7) == 37);
  a.reindex(1);
  CHECK(as_view<2>(a).data() == a.data());
  CHECK(as_view<2>(a)(3, 7) == 37);
  array columns(boost::extents[4][10], boost::fortran_storage_order());
  columns = a;
  CHECK(as_view<2>(columns).stride(0) == 1);
  CHECK(as_view<2>(columns)(3, 7) == 37);
}

TEST_CASE("views, subarrays and references of Boost.MultiArray are borrowed, temporaries too") {
  auto a = ten_columns(4);
  const auto step = as_view<2>(a[boost::indices[range(0, 4, 2)][range(1, 9, 3)]]);
  CHECK(step.data() == a.data() + 1);
  CHECK(step(1, 2) == 27);
  const auto backwards = as_view<2>(a[boost::indices[range(3, -1, -1)][range()]]);
  CHECK(backwards(0, 7) == 37);
  CHECK(as_view<1>(a[2]).data() == a.data() + 20);
  const boost::const_multi_array_ref<double, 2> reference(a.data(), boost::extents[4][10]);
  CHECK(as_view<2>(reference).data() == a.data());
}

TEST_CASE("a temporary array of Boost's is copied") {
  CHECK(as_view<2>(ten_columns(2))(1, 9) == 19);
  static_assert(!atlas::tensor_traits<array>::borrowed);
  static_assert(atlas::tensor_traits<boost::multi_array_ref<double, 2>>::borrowed);
  static_assert(!atlas::tensor_like<array, 3>);
}
