#include <Eigen/Dense>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/frame.hpp"

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
