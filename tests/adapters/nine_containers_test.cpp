// SPDX-License-Identifier: MIT
// Eight of nine containers; at::Tensor is in torch_cloud_test.cpp.

#include <Eigen/Dense>
#include <vector>

#include "../catch.hpp"
#include "atlas/adapters/mdspan.hpp"
#include "mdspan_for_tests.hpp"
#include "one_cloud.hpp"
#ifdef ATLAS_TEST_XTENSOR
#include "atlas/adapters/xtensor.hpp"
#include "xtensor_for_tests.hpp"
#endif

using namespace one_cloud;

TEST_CASE("one cloud in Eigen's containers, mdspan and plain memory gives the same bits uncopied") {
  check_borrowed(the_cloud());
  const Eigen::MatrixXf columns = the_cloud();
  check_borrowed(columns);

  Eigen::MatrixXf large = Eigen::MatrixXf::Constant(rows + 7, 2 * cols, -1);
  large.block(3, 2, rows, cols) = the_cloud();
  check_borrowed(large.block(3, 2, rows, cols));
  using strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<Eigen::MatrixXf, 0, strides> every_other(large.data() + 3, rows, cols,
                                                      strides(2 * large.outerStride(), 1));
  every_other = the_cloud();
  check_borrowed(every_other);

  check_borrowed(strided_span{the_cloud().data(), {rows, cols}, {cols, 1}});
  check_borrowed(strided_span{columns.data(), {rows, cols}, {1, rows}});
  check_borrowed(atlas::as_view<2>(columns.data(), {rows, cols}, {1, rows}));
  check_evaluated_once(the_cloud() + row_major::Zero(rows, cols));
}

#ifdef ATLAS_TEST_XTENSOR
TEST_CASE("the same cloud in xtensor's containers, views and lazy expressions") {
  const xt::xarray<float> array =
      xt::adapt(the_cloud().data(), static_cast<std::size_t>(rows * cols), xt::no_ownership(),
                std::vector<std::size_t>{rows, cols});
  check_borrowed(array);
  xt::xarray<float> wide = xt::ones<float>({rows, 3 * cols});
  auto step = xt::view(wide, xt::all(), xt::range(1, 3 * cols, 3));
  step = array;
  check_borrowed(step);
  check_evaluated_once(array * 1.0f + 0.0f);
}
#endif
