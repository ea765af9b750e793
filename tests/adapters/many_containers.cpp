// SPDX-License-Identifier: MIT
// The algorithm of one_container.cpp on many containers: what it compiles past the narrow waist is
// the same (symbols.sh).
#include <Eigen/Dense>
#include <array>
#include <boost/multi_array.hpp>
#include <vector>

#include "atlas/adapters/dlpack.hpp"
#include "atlas/adapters/mdspan.hpp"
#include "atlas/adapters/multi_array.hpp"
#include "atlas/dimension/two_nn.hpp"
#include "mdspan_for_tests.hpp"
#ifdef ATLAS_TEST_XTENSOR
#include "atlas/adapters/xtensor.hpp"
#include "xtensor_for_tests.hpp"
#endif

template <class... Containers>
double sum_of_dimensions(const Containers&... points) {
  return (atlas::two_nn(points).dimension + ...);
}

double many_containers(const atlas::tensor_view<const float, 2>& points,
                       const Eigen::MatrixXf& columns, const strided_span& span,
                       const boost::multi_array<float, 2>& boosted,
                       const std::vector<std::array<float, 3>>& packed,
                       const std::vector<std::vector<float>>& nested,
                       const atlas::dlpack::tensor& borrowed, const atlas::dlpack_holder& held) {
  using rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return sum_of_dimensions(points, columns, rows(columns), columns.leftCols(2), span, boosted,
                           packed, nested, borrowed, held, atlas::dlpack_as<float>(held));
}

#ifdef ATLAS_TEST_XTENSOR
double xtensor_containers(const xt::xarray<float>& array, const xt::xtensor<float, 2>& fixed) {
  return sum_of_dimensions(array, fixed, xt::view(array, xt::all(), xt::range(0, 4, 2)),
                           xt::transpose(array));
}
#endif
