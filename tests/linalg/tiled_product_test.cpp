// SPDX-License-Identifier: MIT
#include "atlas/linalg/tiled_product.hpp"

#include <Eigen/Dense>
#include <array>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/as_view.hpp"

using namespace atlas_test;
using atlas::row_matrix;
using atlas::tiled_product;

TEST_CASE("tiled products are products, of odd sizes and transposes, on any number of threads") {
  for (const auto& [m, k, n] : {std::array{1, 1, 1}, {300, 17, 513}, {256, 64, 256}, {5, 700, 3}}) {
    const row_matrix<double> a = normal_cloud(m, k, 1), b = normal_cloud(k, n, 2);
    const Eigen::MatrixXd wanted = Eigen::MatrixXd(a) * Eigen::MatrixXd(b);
    const auto one = tiled_product(a, b, {.threads = 1});
    CHECK((one - wanted).norm() < tolerance::double_rounding * wanted.norm());
    CHECK(tiled_product(a, b, {.threads = 3}) == one);
    const row_matrix<double> turned = b.transpose();
    CHECK((tiled_product(a, turned.transpose(), {.threads = 2}) - wanted).norm() <
          tolerance::double_rounding * wanted.norm());
  }
}

TEST_CASE("products of matrices that do not fit are refused") {
  const row_matrix<double> a = normal_cloud(3, 4), b = normal_cloud(5, 2);
  CHECK_REFUSED(atlas::shape_error, tiled_product(a, b), "b: ", "got 5");
}

TEST_CASE("copies of matrices are of another scalar and of the same elements") {
  const Eigen::MatrixXd x = normal_cloud(70, 41);
  const auto held = atlas::as_view<2>(x);
  const row_matrix<float> copy = atlas::matrix_copy<float>(held);
  CHECK(copy == x.cast<float>());
}
