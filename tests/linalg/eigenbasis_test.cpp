// SPDX-License-Identifier: MIT
#include "atlas/linalg/eigenbasis.hpp"

#include <Eigen/Dense>
#include <cmath>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

TEST_CASE("the eigenbasis is descending, orthonormal and restores the matrix") {
  const Eigen::MatrixXd cloud = normal_cloud(50, 6);
  const Eigen::MatrixXd matrix = cloud.transpose() * cloud;
  const auto basis = atlas::symmetric_eigenbasis(matrix);
  for (int i = 1; i < 6; ++i) CHECK(basis.values(i - 1) >= basis.values(i));
  const Eigen::MatrixXd restored =
      basis.vectors * basis.values.asDiagonal() * basis.vectors.transpose();
  CHECK((restored - matrix).norm() < tolerance::double_rounding * matrix.norm());
  CHECK((atlas::symmetric_eigenvalues(matrix) - basis.values).norm() <
        tolerance::double_rounding * matrix.norm());
}

TEST_CASE("eigenbases of large, tiny and degenerate matrices are right") {
  for (const int d : {1, 2, 90}) {
    const Eigen::MatrixXd cloud = normal_cloud(2 * d + 1, d);
    Eigen::MatrixXd matrix = cloud.transpose() * cloud;
    const double size = matrix.norm();
    const auto basis = atlas::symmetric_eigenbasis(matrix);
    CHECK((matrix * basis.vectors - basis.vectors * basis.values.asDiagonal()).norm() <
          tolerance::double_rounding * size);
    CHECK((basis.vectors.transpose() * basis.vectors - Eigen::MatrixXd::Identity(d, d)).norm() <
          tolerance::double_rounding * d);
    matrix.triangularView<Eigen::StrictlyUpper>().setConstant(7);  // the lower triangle counts
    CHECK((atlas::symmetric_eigenvalues(matrix) - basis.values).norm() <
          tolerance::double_rounding * size);
  }
  const auto equal = atlas::symmetric_eigenbasis(3 * Eigen::MatrixXd::Identity(40, 40));
  CHECK((equal.values.array() == 3).all());
  CHECK((equal.vectors.cwiseAbs().colwise().sum().array() == 1).all());
}
