// SPDX-License-Identifier: MIT
#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "atlas/manifold/chord_test.hpp"
#include "atlas/manifold/connectivity.hpp"
#include "atlas/manifold/homogeneity.hpp"
#include "atlas/manifold/pooled_dimension.hpp"
#include "atlas/manifold/separation.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;

TEST_CASE("checks of a manifold are the same bits at every scale") {
  const Eigen::MatrixXd x = swiss_roll(300);
  std::vector<int> labels;
  for (int i = 0; i < 300; ++i) labels.push_back(i % 3);
  const auto chord = atlas::chord_test(x);
  const auto regions = atlas::homogeneity(x, {.region_points = 100});
  const auto groups = atlas::connectivity(x, {.k = 2});
  const auto apart = atlas::separation(x, labels, {.permutations = 50});
  const std::vector<Eigen::MatrixXd> heads = {x, (2 * x).eval()};
  const auto pooled = atlas::pooled_dimension(heads);
  for (const int power : {-1000, -600, 600, 1000}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const Eigen::MatrixXd y = scale * x;
    CHECK(atlas::chord_test(y).median == chord.median);
    CHECK(atlas::chord_test(y).spacing == scale * chord.spacing);
    const auto r = atlas::homogeneity(y, {.region_points = 100});
    CHECK(r.mean == regions.mean);
    CHECK(r.regions[0].radius == scale * regions.regions[0].radius);
    CHECK(atlas::connectivity(y, {.k = 2}).components == groups.components);
    const auto s = atlas::separation(y, labels, {.permutations = 50});
    CHECK(s.contrast == apart.contrast);
    CHECK(s.within == scale * apart.within);
    CHECK(s.p == apart.p);
    const std::vector<Eigen::MatrixXd> scaled = {scale * heads[0], scale * heads[1]};
    CHECK(atlas::pooled_dimension(scaled).dimension == pooled.dimension);
  }
}

TEST_CASE("an offset moves neither separation nor the pooled dimension") {
  const Eigen::MatrixXd x = (1024 * normal_cloud(90, 3)).array().round();
  std::vector<int> labels;
  for (int i = 0; i < 90; ++i) labels.push_back(i % 3);
  const auto plain = atlas::separation(x, labels, {.permutations = 50});
  const auto pooled = atlas::pooled_dimension(std::vector<Eigen::MatrixXd>{x, 3 * x});
  for (const double offset : {1e3, 1e6, 1e9, 1e12}) {
    CAPTURE(offset);
    const Eigen::MatrixXd y = x.array() + offset, z = (3 * x).array() - offset;
    const auto r = atlas::separation(y, labels, {.permutations = 50});
    CHECK(r.within == plain.within);
    CHECK(r.contrast == plain.contrast);
    CHECK(r.p == plain.p);
    CHECK(atlas::pooled_dimension(std::vector<Eigen::MatrixXd>{y, z}).dimension ==
          pooled.dimension);
  }
}

TEST_CASE("labels that only change their names tie with the labels as they are") {
  // Three pairs, as far apart as pairs can be: 3! 2^3 of 6! orders of the labels make the same
  // pairs.
  Eigen::MatrixXd x(6, 3);
  x << 0.1, 0.2, 0.3, 0.1, 0.3, 0.3, 5.1, 0.2, 0.7, 5.1, 0.1, 0.7, 0.3, 7.1, 9.9, 0.3, 7.3, 9.9;
  const std::vector<int> labels = {0, 0, 1, 1, 2, 2};
  const auto r = atlas::separation(x, labels, {.permutations = 4000});
  CHECK(r.p == Approx(1.0 / 15).margin(0.012));  // three standard errors of 4000 draws
}

TEST_CASE("one row far outside takes nothing from the checks of the others") {
  Eigen::MatrixXd plain = swiss_roll(300), wide = plain;
  plain.row(0).setConstant(0x1p200);
  wide.row(0).setConstant(0x1p600);  // squares of the others' distances are 0 beside it
  const auto a = atlas::chord_test(plain), b = atlas::chord_test(wide);
  CHECK(b.median == Approx(a.median).epsilon(1e-12));
  CHECK(b.share_above_one == a.share_above_one);
  CHECK(b.spacing == a.spacing);
  const auto c = atlas::homogeneity(plain, {.region_points = 50});
  const auto d = atlas::homogeneity(wide, {.region_points = 50});
  CHECK(d.covered == c.covered);
  for (std::size_t r = 0; r < c.regions.size(); ++r) {
    CHECK(d.regions[r].dimension.dimension == Approx(c.regions[r].dimension.dimension));
    if (c.regions[r].centre != 0) CHECK(d.regions[r].radius == Approx(c.regions[r].radius));
  }
  Eigen::MatrixXd near_zero = 0x1p-600 * swiss_roll(300);
  near_zero.row(0).setConstant(1);
  CHECK(atlas::chord_test(near_zero).median == Approx(a.median).epsilon(1e-12));
}
