// SPDX-License-Identifier: MIT
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/linalg/batched/nuclear_norms.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/linalg/leading_eigenbasis.hpp"

using namespace atlas_test;

TEST_CASE("moments agree with long double and do not mind an offset or the storage order") {
  Eigen::MatrixXd cloud = normal_cloud(700, 5);
  cloud.array() += 1e6;
  const auto m = atlas::detail::moments<double>(atlas::as_view<2>(cloud));
  for (int a = 0; a < 5; ++a)
    for (int b = 0; b < 5; ++b) {
      long double mean_a = 0, mean_b = 0, sum = 0;
      for (int i = 0; i < 700; ++i) {
        mean_a += static_cast<long double>(cloud(i, a)) / 700;
        mean_b += static_cast<long double>(cloud(i, b)) / 700;
      }
      for (int i = 0; i < 700; ++i)
        sum += (static_cast<long double>(cloud(i, a)) - mean_a) *
               (static_cast<long double>(cloud(i, b)) - mean_b);
      CHECK(m.covariance(a, b) ==
            Approx(static_cast<double>(sum / 699)).margin(1e-9));  // the offset costs digits
    }
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = cloud;
  const auto other = atlas::detail::moments<double>(atlas::as_view<2>(rows));
  CHECK(m.covariance == other.covariance);
}

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

TEST_CASE("random frames are orthonormal and Haar: each entry has variance 1/d") {
  double sum = 0, fourth = 0;
  for (std::uint64_t s = 0; s < 2000; ++s) {
    atlas::random_stream random(9, s);
    const Eigen::MatrixXd frame = atlas::random_frame(10, 3, random);
    if (s == 0)
      CHECK((frame.transpose() * frame - Eigen::MatrixXd::Identity(3, 3)).norm() <
            tolerance::double_rounding);
    sum += frame(0, 0);
    fourth += std::pow(frame(2, 1), 4);
  }
  CHECK(std::abs(sum / 2000) < 5 * std::sqrt(0.1 / 2000));
  CHECK(fourth / 2000 == Approx(3.0 / 120).epsilon(0.15));  // E x^4 = 3 / (d (d + 2))
}

TEST_CASE("covariances of any width, rows and columns apart, agree with plain sums") {
  for (const int d : {1, 3, 8, 20, 64, 67, 130, 515}) {
    CAPTURE(d);
    const int n = 150;  // blocks of rows, the last one not full
    const Eigen::MatrixXd wide = normal_cloud(2 * n, 2 * d);
    const auto every_other = Eigen::Map<const Eigen::MatrixXd, 0, Eigen::Stride<-1, -1>>(
        wide.data(), n, d, Eigen::Stride<-1, -1>(4 * n, 2));
    const Eigen::MatrixXd cloud = every_other;
    const Eigen::MatrixXd centred = cloud.rowwise() - cloud.colwise().mean();
    const Eigen::MatrixXd wanted = (centred.transpose() * centred) / (n - 1);
    const auto found = atlas::detail::moments<double>(atlas::as_view<2>(cloud));
    CHECK((found.covariance - wanted).norm() < tolerance::double_rounding * wanted.norm());
    CHECK(found.covariance == found.covariance.transpose());
    const atlas::tensor_view<const double, 2> strided(wide.data(), {n, d}, {2, 4 * n});
    CHECK(atlas::detail::moments<double>(strided).covariance == found.covariance);
  }
}

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

TEST_CASE("nuclear norms of eight matrices are the sums of their singular values") {
  for (const int k : {1, 2, 3, 7, 10}) {
    CAPTURE(k);
    atlas::detail::nuclear_norms<> norms(k);
    Eigen::MatrixXd all = normal_cloud(8 * k, k);
    all.topRows(k).setZero();                                  // nothing
    all.middleRows(k, k) = rotation(k);                        // ones
    all.middleRows(2 * k, k).setOnes();                        // of rank 1
    all.middleRows(3 * k, k).setIdentity();                    // nothing to turn
    all.middleRows(4 * k, k).rightCols(1) *= 1e-9;             // one of them small
    all.middleRows(5 * k, k) = 1e-17 * normal_cloud(k, k, 3);  // orthogonal frames
    for (int lane = 0; lane < 8; ++lane)
      for (int r = 0; r < k; ++r)
        for (int c = 0; c < k; ++c) norms.at(lane, r, c) = all(lane * k + r, c);
    const auto sums = norms.compute();
    for (int lane = 0; lane < 8; ++lane) {
      const Eigen::MatrixXd one = all.middleRows(lane * k, k);
      CHECK(sums[lane] == Approx(Eigen::JacobiSVD<Eigen::MatrixXd>(one).singularValues().sum())
                              .epsilon(tolerance::double_rounding)
                              .margin(1e-300));
    }
  }
}
