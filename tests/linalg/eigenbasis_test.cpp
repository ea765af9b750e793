// SPDX-License-Identifier: MIT
#include "atlas/linalg/eigenbasis.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

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

TEST_CASE("eigenbases in float agree with those in double as far as float goes") {
  for (const int d : {1, 2, 9, 40, 130}) {
    CAPTURE(d);
    Eigen::MatrixXd x = normal_cloud(2 * d + 1, d);
    for (int c = 0; c < d; ++c) x.col(c) /= std::sqrt(1.0 + c);
    const Eigen::MatrixXf a = (x.transpose() * x).cast<float>();
    const Eigen::MatrixXd exact = a.cast<double>().selfadjointView<Eigen::Lower>();
    const auto whole = atlas::symmetric_eigenbasis(exact);
    const atlas::basic_eigenbasis<float> found = atlas::symmetric_eigenbasis<float>(a);
    const double largest = whole.values(0);
    const Eigen::MatrixXd vectors = found.vectors.cast<double>();
    const Eigen::VectorXd values = found.values.cast<double>();
    CHECK((values - whole.values).cwiseAbs().maxCoeff() < 2e-6 * largest);
    CHECK((vectors.transpose() * vectors - Eigen::MatrixXd::Identity(d, d)).norm() < 1e-6 * d);
    CHECK((exact * vectors - vectors * values.asDiagonal()).norm() < 1e-5 * largest);
    for (int c = 0; c < d; ++c) {
      const double up = c > 0 ? whole.values(c - 1) - whole.values(c) : largest;
      const double down = c + 1 < d ? whole.values(c) - whole.values(c + 1) : largest;
      const double sine = std::sqrt(
          std::max(0.0, 1 - std::pow(vectors.col(c).normalized().dot(whole.vectors.col(c)), 2)));
      CHECK(sine < 4e-6 * largest / std::min(up, down) + 1e-6);
      CHECK(found.vectors.col(c).maxCoeff() == found.vectors.col(c).cwiseAbs().maxCoeff());
    }
  }
  const Eigen::MatrixXf broken =
      Eigen::MatrixXf::Constant(3, 3, std::numeric_limits<float>::infinity());
  CHECK_THROWS_AS(atlas::symmetric_eigenbasis<float>(broken), atlas::value_error);
}
