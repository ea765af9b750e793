// SPDX-License-Identifier: MIT
#include "atlas/subspace/head_pairs.hpp"

#include <Eigen/Core>
#include <cmath>
#include <limits>

#include "../catch.hpp"

TEST_CASE("pairs within and between groups are all pairs, but for heads without overlaps") {
  using atlas::detail::pair_group;
  Eigen::MatrixXd matrix(6, 6);
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) matrix(i, j) = 10 * i + j;
  matrix.row(4).setConstant(std::numeric_limits<double>::quiet_NaN());
  matrix.col(4) = matrix.row(4).transpose();
  const auto of = [&](pair_group group) { return atlas::detail::pairs_of(group, matrix, 2); };
  CHECK(of(pair_group::global).size() == 10);  // of five heads
  CHECK(of(pair_group::intra).size() == 2);    // (0, 1) and (2, 3)
  CHECK(of(pair_group::inter).size() == 8);
  for (const auto& [i, j] : of(pair_group::inter)) CHECK((i < j && i / 2 != j / 2 && j != 4));
  CHECK(atlas::detail::mean_over(matrix, of(pair_group::intra)) == (1 + 23) / 2.0);
  CHECK(std::isnan(atlas::detail::mean_over(matrix, {})));
}
