// SPDX-License-Identifier: MIT
#include "atlas/subspace/principal_angles.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

TEST_CASE("principal angles are those that were built in, however small") {
  const std::vector<double> wanted = {0, 1e-9, 1e-4, 0.3, 1.2, std::acos(0.0)};
  const auto k = static_cast<Eigen::Index>(wanted.size());
  const Eigen::MatrixXd axes = rotation(15);
  Eigen::MatrixXd a = axes.leftCols(k), b(15, k);
  for (Eigen::Index i = 0; i < k; ++i) {
    const double angle = wanted[static_cast<std::size_t>(i)];
    b.col(i) = std::cos(angle) * axes.col(i) + std::sin(angle) * axes.col(k + i);
  }
  const auto found =
      atlas::principal_angles((a * rotation(k, 3)).eval(), (b * rotation(k, 4)).eval());
  for (Eigen::Index i = 0; i < k; ++i) {
    const double angle = wanted[static_cast<std::size_t>(i)];
    CHECK(found.angles(i) == Approx(angle).margin(1e-14 + 1e-12 * angle));
    CHECK(found.cosines(i) == Approx(std::cos(angle)).margin(tolerance::double_rounding));
  }
}
