// SPDX-License-Identifier: MIT
// Cholesky factors side by side, and products with packed triangles.
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/linalg/batched/cholesky.hpp"
#include "atlas/linalg/packed_lower.hpp"

namespace triangles_test {
namespace {

using atlas::index_t;
using atlas_test::normal_cloud;

TEST_CASE("factors side by side are those of one matrix after the other") {
  using lanes = atlas::detail::cholesky_lanes;
  for (const index_t n : {1, 2, 5, 33, 75}) {
    CAPTURE(n);
    lanes factors(n);
    std::vector<Eigen::MatrixXd> matrices;
    for (index_t lane = 0; lane < lanes::lanes; ++lane) {
      const Eigen::MatrixXd x = normal_cloud(2 * n, n, static_cast<std::uint64_t>(lane));
      matrices.emplace_back(x.transpose() * x);
      if (lane == 1) matrices.back()(n - 1, n - 1) = -1;  // not positive definite
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j <= i; ++j) factors(i, j, lane) = matrices.back()(i, j);
    }
    const unsigned definite = factors.factorize();
    for (index_t lane = 0; lane < lanes::lanes; ++lane) {
      CHECK((definite >> lane & 1U) == (lane == 1 ? 0U : 1U));
      if (lane == 1) continue;
      const Eigen::LLT<Eigen::MatrixXd> alone(matrices[static_cast<std::size_t>(lane)]);
      const Eigen::MatrixXd wanted = alone.matrixL();
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j <= i; ++j)
          CHECK(std::abs(factors(i, j, lane) - wanted(i, j)) <= 1e-10 * wanted.norm());
    }
  }
}

TEST_CASE("packed triangles multiply as the whole matrix does") {
  using packed = atlas::detail::packed_lower<float>;
  for (const index_t n : {1, 7, 32, 33, 75, 128}) {
    CAPTURE(n);
    const Eigen::MatrixXd lower =
        Eigen::MatrixXd(normal_cloud(n, n)).triangularView<Eigen::Lower>();
    const Eigen::MatrixXd x = normal_cloud(n, packed::together, 5);
    const packed factor(n, lower);
    std::vector<float> columns(static_cast<std::size_t>(packed::together * factor.padded_rows()),
                               1e30F);
    for (index_t c = 0; c < packed::together; ++c)
      for (index_t i = 0; i < n; ++i)
        columns[static_cast<std::size_t>(c * factor.padded_rows() + i)] =
            static_cast<float>(x(i, c));
    factor.multiply(columns.data());
    const Eigen::MatrixXd wanted = lower * x;
    for (index_t c = 0; c < packed::together; ++c)
      for (index_t i = 0; i < n; ++i)
        CHECK(std::abs(columns[static_cast<std::size_t>(c * factor.padded_rows() + i)] -
                       wanted(i, c)) < 1e-4);
  }
}

}  // namespace
}  // namespace triangles_test
