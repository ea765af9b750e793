// SPDX-License-Identifier: MIT
#include "atlas/linalg/leading_eigenbasis.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;

namespace {

/// All eigenvalues and the first k vectors against the whole basis.
void check_leading(const Eigen::MatrixXd& matrix, Eigen::Index k) {
  CAPTURE(matrix.rows(), k);
  const auto whole = atlas::symmetric_eigenbasis(matrix);
  const auto leading = atlas::leading_eigenbasis(matrix, k);
  const double size = std::max(matrix.norm(), std::numeric_limits<double>::min());
  CHECK((leading.values - whole.values).norm() <= tolerance::double_rounding * size);
  CHECK((atlas::symmetric_eigenvalues(matrix) - whole.values).norm() <=
        tolerance::double_rounding * size);
  REQUIRE(leading.vectors.cols() == k);
  CHECK((matrix * leading.vectors - leading.vectors * leading.values.head(k).asDiagonal()).norm() <=
        tolerance::double_rounding * size);
  CHECK((leading.vectors.transpose() * leading.vectors - Eigen::MatrixXd::Identity(k, k)).norm() <
        tolerance::double_rounding);
  const auto pairs = atlas::detail::leading_eigenpairs(matrix, k);
  CHECK(pairs.vectors == leading.vectors);
  CHECK((pairs.values - whole.values.head(k)).norm() <= 1e-14 * size);
  for (Eigen::Index c = 0; c < k; ++c)
    CHECK(leading.vectors.col(c).maxCoeff() == leading.vectors.col(c).cwiseAbs().maxCoeff());
}

/// Eigenvalues in pairs that agree to many digits: Wilkinson's W+.
Eigen::MatrixXd wilkinson(Eigen::Index d) {
  Eigen::MatrixXd w = Eigen::MatrixXd::Zero(d, d);
  for (Eigen::Index i = 0; i < d; ++i) {
    w(i, i) = std::abs(static_cast<double>(i) - 0.5 * static_cast<double>(d - 1));
    if (i + 1 < d) w(i, i + 1) = w(i + 1, i) = 1;
  }
  return w;
}

}  // namespace

TEST_CASE("leading eigenvectors are those of the whole basis, for spectra of every kind") {
  for (const Eigen::Index d : {1, 2, 3, 9, 16, 33, 64, 130, 260})
    for (const Eigen::Index k : {1, 7, 20}) {
      if (k > d) continue;
      Eigen::MatrixXd cloud = normal_cloud(2 * d + 1, d);
      for (Eigen::Index c = 0; c < d; ++c) cloud.col(c) /= static_cast<double>(c + 1);
      const Eigen::MatrixXd covariance = cloud.transpose() * cloud;
      const Eigen::MatrixXd few = cloud.topRows(std::min<Eigen::Index>(2 * d + 1, 3));
      check_leading(covariance, k);
      check_leading(1e-100 * covariance, k);
      check_leading(1e100 * covariance, k);
      check_leading(few.transpose() * few, k);  // of rank 3
      check_leading(Eigen::MatrixXd::Identity(d, d) + 1e-9 * covariance, k);
      check_leading(Eigen::MatrixXd::Ones(d, d), k);
      check_leading(3 * Eigen::MatrixXd::Identity(d, d), k);
      check_leading(Eigen::MatrixXd::Zero(d, d), k);
      check_leading(wilkinson(d), k);
    }
}

TEST_CASE("leading eigenvectors that do not exist are refused") {
  const Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(6, 6);
  CHECK_REFUSED(atlas::value_error, atlas::leading_eigenbasis(matrix, 7), "k", "7");
  CHECK_REFUSED(atlas::value_error, atlas::leading_eigenbasis(matrix, 0), "k", "0");
  const Eigen::MatrixXd broken = std::numeric_limits<double>::quiet_NaN() * matrix;
  CHECK_REFUSED(atlas::value_error, atlas::leading_eigenbasis(broken, 2), "matrix", "finite");
  CHECK_REFUSED(atlas::value_error, atlas::symmetric_eigenvalues(broken), "matrix", "finite");
}

TEST_CASE("leading vectors span what those of the whole basis do") {
  for (const int d : {2, 7, 16, 40, 65})
    for (const int k : {1, 5, 9, 17}) {
      if (k > d) continue;
      CAPTURE(d, k);
      const Eigen::MatrixXd x = normal_cloud(d + 4, d, static_cast<std::uint64_t>(d));
      const Eigen::MatrixXd m = x.transpose() * x;
      const Eigen::MatrixXd found = atlas::detail::leading_eigenvectors(m, k);
      const Eigen::MatrixXd whole = atlas::symmetric_eigenbasis(m).vectors.leftCols(k);
      CHECK((found * found.transpose() - whole * whole.transpose()).norm() < 1e-9);
      CHECK((found.transpose() * found - Eigen::MatrixXd::Identity(k, k)).norm() < 1e-13);
    }
}

TEST_CASE("eigenvalues and vectors are the same at every scale") {
  const Eigen::MatrixXd x = normal_cloud(40, 12), a = x.transpose() * x / 256;
  const auto plain = atlas::leading_eigenbasis(a, 3);
  for (const int power : {-1000, -600, 600, 1023}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto b = atlas::leading_eigenbasis((scale * a).eval(), 3);
    CHECK((b.values / scale - plain.values).cwiseAbs().maxCoeff() < 1e-14);
    CHECK((b.vectors - plain.vectors).cwiseAbs().maxCoeff() < 1e-12);
    CHECK((atlas::symmetric_eigenvalues((scale * a).eval()) / scale - plain.values)
              .cwiseAbs()
              .maxCoeff() < 1e-14);
  }
}
