// SPDX-License-Identifier: MIT
#include "atlas/linalg/tiled_product.hpp"

#include <Eigen/Dense>
#include <array>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;
using atlas::row_matrix;
using atlas::detail::tiled_product;

TEST_CASE("tiled products are products, of odd sizes and transposes, on any number of threads") {
  for (const auto& [m, k, n] : {std::array{1, 1, 1}, {300, 17, 513}, {256, 64, 256}, {5, 700, 3}}) {
    const row_matrix<double> a = normal_cloud(m, k, 1), b = normal_cloud(k, n, 2);
    const Eigen::MatrixXd wanted = Eigen::MatrixXd(a) * Eigen::MatrixXd(b);
    const auto one = tiled_product(a, b, 1);
    CHECK((one - wanted).norm() < tolerance::double_rounding * wanted.norm());
    CHECK(tiled_product(a, b, 3) == one);
    const row_matrix<double> turned = b.transpose();
    CHECK((tiled_product(a, turned.transpose(), 2) - wanted).norm() <
          tolerance::double_rounding * wanted.norm());
  }
}
