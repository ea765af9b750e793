// SPDX-License-Identifier: MIT
#include "atlas/dimension/pca_rank.hpp"

#include <Eigen/Dense>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"

using namespace atlas_test;
using atlas::pca_rank;

namespace {

/// A cloud whose covariance has exactly this spectrum.
Eigen::MatrixXd with_spectrum(const Eigen::VectorXd& spectrum) {
  const auto d = spectrum.size();
  Eigen::MatrixXd cloud(2 * d, d);
  const Eigen::MatrixXd axes = rotation(d);
  for (Eigen::Index k = 0; k < d; ++k) {
    const double reach = std::sqrt(spectrum(k) * static_cast<double>(2 * d - 1) / 2);
    cloud.row(2 * k) = reach * axes.col(k).transpose();
    cloud.row(2 * k + 1) = -reach * axes.col(k).transpose();
  }
  return cloud;
}

}  // namespace

TEST_CASE("the rank is the first at which the share is reached") {
  const Eigen::VectorXd spectrum = (Eigen::VectorXd(5) << 5, 3, 1, 0.9, 0.1).finished();
  Eigen::MatrixXd cloud = with_spectrum(spectrum);
  cloud.array() += 100;
  const auto r = pca_rank(cloud);
  CHECK((r.eigenvalues - spectrum).norm() < 1e-10);  // the offset costs two digits
  CHECK(r.rank == 3);                                // exactly 90 %
  CHECK(pca_rank(cloud, {.variance = 0.5}).rank == 1);
  CHECK(pca_rank(cloud, {.variance = 0.91}).rank == 4);
  CHECK(pca_rank(cloud, {.variance = 1}).rank == 5);
  CHECK(r.participation_ratio == Approx(100 / (25 + 9 + 1 + 0.81 + 0.01)).epsilon(1e-10));
}

TEST_CASE("rank and participation ratio do not change under rotation") {
  const Eigen::MatrixXd x = normal_cloud(300, 7) * normal_cloud(7, 7, 2);
  const auto plain = pca_rank(x), turned = pca_rank((x * rotation(7)).eval());
  CHECK(plain.rank == turned.rank);
  CHECK(plain.participation_ratio == Approx(turned.participation_ratio).epsilon(1e-10));
}

TEST_CASE("a cloud without variance has no rank") {
  CHECK_REFUSED(atlas::value_error, pca_rank(Eigen::MatrixXd::Ones(9, 2)), "points", "equal");
  CHECK_REFUSED(atlas::shape_error, pca_rank(Eigen::MatrixXd::Ones(1, 2)), "points", "1 row");
  CHECK_REFUSED(atlas::value_error, (pca_rank(normal_cloud(9, 2), {.variance = 0})), "variance",
                "got 0");
  CHECK_REFUSED(atlas::value_error, (pca_rank(normal_cloud(9, 2), {.variance = 1.1})), "variance",
                "1.1");
}

TEST_CASE("PCA rank and participation ratio are the same at every scale and offset") {
  Eigen::MatrixXd x = normal_cloud(200, 6) * normal_cloud(6, 6, 9);
  const auto plain = atlas::pca_rank(x);
  for (const int power : {-1000, -515, -500, -350, 350, 500, 512, 1018}) {
    CAPTURE(power);
    const auto r = atlas::pca_rank((std::ldexp(1.0, power) * x).eval());
    CHECK(r.rank == plain.rank);
    CHECK(r.participation_ratio == Approx(plain.participation_ratio).epsilon(1e-14));
    if (std::abs(power) <= 500)
      CHECK(r.eigenvalues(5) == Approx(std::ldexp(plain.eigenvalues(5), 2 * power)).epsilon(1e-13));
  }
  const Eigen::MatrixXd whole = (1024 * x).array().round();  // offsets then round nothing
  const auto rounded = atlas::pca_rank(whole);
  for (const double offset : {1e3, 1e6, 1e9, 1e12}) {
    CAPTURE(offset);
    const auto r = atlas::pca_rank((whole.array() + offset).matrix().eval());
    CHECK(r.participation_ratio == Approx(rounded.participation_ratio).epsilon(1e-12));
    CHECK(r.eigenvalues(5) == Approx(rounded.eigenvalues(5)).epsilon(1e-12));
  }
}

TEST_CASE("a spectrum at either end of a double has its participation ratio") {
  for (const double scale : {1e-320, 1e-300, 1e300})
    CHECK(atlas::pca_rank_of_spectrum(scale * Eigen::VectorXd::Ones(4)).participation_ratio ==
          Approx(4));
}
