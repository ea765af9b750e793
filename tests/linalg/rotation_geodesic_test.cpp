// SPDX-License-Identifier: MIT
#include "atlas/linalg/rotation_geodesic.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <numbers>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"

using namespace atlas_test;
using atlas::rotation_geodesic;

namespace {

constexpr double rounding = 1e-11;

/// A rotation by these angles in planes that are not those of the axes; +1 in what is left.
Eigen::MatrixXd turned_by(const std::vector<double>& angles, Eigen::Index d) {
  Eigen::MatrixXd blocks = Eigen::MatrixXd::Identity(d, d);
  for (std::size_t i = 0; i < angles.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(2 * i);
    blocks.block(at, at, 2, 2) << std::cos(angles[i]), -std::sin(angles[i]), std::sin(angles[i]),
        std::cos(angles[i]);
  }
  const Eigen::MatrixXd basis = rotation(d, 3);
  return basis * blocks * basis.transpose();
}

Eigen::MatrixXd proper(Eigen::MatrixXd basis) {
  if (basis.determinant() < 0) basis.col(0) *= -1;
  return basis;
}

void check_geodesic(const Eigen::MatrixXd& from, const Eigen::MatrixXd& to) {
  const rotation_geodesic path(from, to);
  const auto d = from.rows();
  CHECK((path.at(0) - from).norm() < rounding * static_cast<double>(d));
  CHECK((path.at(1) - to).norm() < rounding * static_cast<double>(d));
  const Eigen::MatrixXd quarter = from.transpose() * path.at(0.25);
  CHECK((quarter.transpose() * quarter - Eigen::MatrixXd::Identity(d, d)).norm() <
        rounding * static_cast<double>(d));
  // exp(log(R) / 4)^4 = R: constant speed.
  CHECK((from * quarter * quarter * quarter * quarter - to).norm() <
        rounding * static_cast<double>(d));
  CHECK(path.rms_angle() <= std::numbers::pi + rounding);
}

}  // namespace

TEST_CASE("geodesics reach their ends at constant speed, whatever the size") {
  for (const int d : {1, 2, 3, 4, 7, 40, 101})
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(d, seed);
      const Eigen::MatrixXd from = proper(rotation(d, seed));
      check_geodesic(from, proper(rotation(d, seed + 10)));
      check_geodesic(from, from);
    }
}

TEST_CASE("angles are those that were built in: equal, tiny, opposite, none") {
  const std::vector<std::vector<double>> cases = {{0.3, 1.2, 2.9},
                                                  {0.7, 0.7, 0.7},
                                                  {1e-9, 1e-5, 1e-3},
                                                  {std::numbers::pi, std::numbers::pi, 0.5},
                                                  {std::numbers::pi},
                                                  {std::numbers::pi - 1e-9, 3.0, 1e-12},
                                                  {std::numbers::pi / 2, std::numbers::pi / 2}};
  const Eigen::MatrixXd from = proper(rotation(9, 5));
  for (const auto& angles : cases) {
    const Eigen::MatrixXd to = from * turned_by(angles, 9);
    check_geodesic(from, to);
    auto wanted = angles;
    std::sort(wanted.begin(), wanted.end(), std::greater<>());
    const Eigen::VectorXd found = rotation_geodesic(from, to).angles();
    double squares = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      squares += 2 * wanted[i] * wanted[i] / 9;
      if (wanted[i] < 1e-10) continue;
      REQUIRE(found.size() > static_cast<Eigen::Index>(i));
      CHECK(found(static_cast<Eigen::Index>(i)) == Approx(wanted[i]).margin(1e-12));
    }
    CHECK(rotation_geodesic(from, to).rms_angle() == Approx(std::sqrt(squares)));
  }
}

TEST_CASE("the middle is the polar factor of the mean") {
  const Eigen::MatrixXd from = proper(rotation(12, 1)), to = proper(rotation(12, 2));
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(from + to, Eigen::ComputeFullU | Eigen::ComputeFullV);
  CHECK((rotation_geodesic(from, to).at(0.5) - svd.matrixU() * svd.matrixV().transpose()).norm() <
        1e-9);
}

TEST_CASE("bases that no rotation joins are refused") {
  const Eigen::MatrixXd from = proper(rotation(5, 1));
  Eigen::MatrixXd to = proper(rotation(5, 2));
  to.col(2) *= -1;
  CHECK_REFUSED(atlas::value_error, rotation_geodesic(from, to), "to", "mirror image");
  CHECK_REFUSED(atlas::shape_error, rotation_geodesic(from, rotation(4)), "to", "5, got 4");
  CHECK_REFUSED(atlas::shape_error, rotation_geodesic(from.leftCols(3), to), "from", "5, got 3");
}
