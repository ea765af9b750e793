// SPDX-License-Identifier: MIT
#include "atlas/manifold/homogeneity.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;
using atlas::homogeneity;

namespace {

/// TwoNN of the rows nearest to a centre, each with its neighbours in the whole cloud.
double brute_force_region(const Eigen::MatrixXd& x, Eigen::Index centre, std::size_t count) {
  std::vector<std::pair<double, Eigen::Index>> near;
  for (Eigen::Index i = 0; i < x.rows(); ++i)
    near.emplace_back((x.row(i) - x.row(centre)).norm(), i);
  std::sort(near.begin(), near.end());
  std::vector<double> ratios;
  for (std::size_t r = 0; r < count; ++r) {
    std::vector<double> distances;
    for (Eigen::Index j = 0; j < x.rows(); ++j)
      if (j != near[r].second) distances.push_back((x.row(near[r].second) - x.row(j)).norm());
    std::sort(distances.begin(), distances.end());
    ratios.push_back(distances[1] / distances[0]);
  }
  return atlas::two_nn_from_ratios(ratios).dimension;
}

}  // namespace

TEST_CASE("manifolds have their dimension everywhere") {
  struct known {
    Eigen::MatrixXd cloud;
    double dimension;
  };
  for (const auto& [cloud, dimension] :
       {known{random_circle(2500), 1}, known{flat_torus(2500), 2}, known{sphere(2500), 2},
        known{swiss_roll(2500), 2}, known{cube(2500, 3), 3}}) {
    const auto r = homogeneity(cloud);
    CAPTURE(dimension, r.mean, r.sd, r.sampling_sd);
    CHECK(r.regions.size() == 6);
    CHECK(r.mean == Approx(dimension).epsilon(0.08));  // 6 x 360 ratios: 2 %, 4 sd
    CHECK(r.sampling_sd == Approx(r.mean / std::sqrt(358.0)).epsilon(1e-9));
    CHECK(r.sd < 2.2 * r.sampling_sd);  // chi-squared of 5: 1e-3 beyond 2.03
  }
}

TEST_CASE("a cloud of a line and a ball is not homogeneous") {
  Eigen::MatrixXd lollipop = Eigen::MatrixXd::Zero(3000, 5);
  lollipop.topRows(1500) = normal_cloud(1500, 5);
  atlas::random_stream random(3);
  for (int i = 1500; i < 3000; ++i) lollipop(i, 0) = 5 + 100 * random.uniform();
  const auto r = homogeneity(lollipop, {.regions = 10});
  CHECK(r.sd > 10 * r.sampling_sd);
  for (const auto& region : r.regions)
    CHECK(region.dimension.dimension == Approx(region.centre < 1500 ? 5 : 1).epsilon(0.2));
}

TEST_CASE("a region is its centre's nearest rows, and its dimension that of their ratios") {
  const Eigen::MatrixXd x = normal_cloud(300, 3, 8);
  const auto r = homogeneity(x, {.regions = 3, .region_points = 80, .seed = 5});
  for (const auto& region : r.regions) {
    CHECK(region.dimension.dimension ==
          Approx(brute_force_region(x, region.centre, 80)).epsilon(1e-9));
    CHECK(region.dimension.points_used == 80);
    CHECK((x.rowwise() - x.row(region.centre)).rowwise().norm().maxCoeff() > region.radius);
  }
  CHECK(r.covered <= 0.8);
  CHECK(r.covered >= 80.0 / 300);
}

TEST_CASE("regions of the whole cloud have its dimension, under the same exclusion") {
  const Eigen::MatrixXd x = normal_cloud(200, 4, 2);
  std::vector<int> context;
  for (int i = 0; i < 200; ++i) context.push_back(i / 20);
  const auto exclude = atlas::same_context(context);
  const auto r = homogeneity(x, {.regions = 2, .region_points = 200, .exclude = exclude});
  const double whole = atlas::two_nn(x, {.exclude = exclude}).dimension;
  CHECK(r.mean == Approx(whole).epsilon(tolerance::double_rounding));
  CHECK(r.sd == Approx(0).margin(1e-12));
  CHECK(r.covered == 1);
}

TEST_CASE("regions of a curved cloud are of lower dimension than those of its surrogates") {
  const Eigen::MatrixXd roll = swiss_roll(1500);
  const auto observed = homogeneity(roll, {.region_points = 200});
  const auto null = atlas::homogeneity_null(roll, observed);
  CHECK(null.mean.mean == Approx(3).epsilon(0.05));
  CHECK(null.mean.z < -5);
  CHECK(null.sd.draws.size() == 20);
  CHECK(atlas::homogeneity_null(roll, observed, {.threads = 1}).sd.draws == null.sd.draws);
}

TEST_CASE("local dimensions do not depend on storage or threads, but on the seed") {
  const Eigen::MatrixXd x = normal_cloud(900, 6, 4);
  const auto plain = homogeneity(x);
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = x;
  CHECK(homogeneity(rows).sd == plain.sd);
  for (const int threads : {1, 2, 3}) CHECK(homogeneity(x, {.threads = threads}).sd == plain.sd);
  CHECK(homogeneity(x, {.seed = 1}).sd != plain.sd);
}

TEST_CASE("clouds smaller than their regions are refused") {
  const Eigen::MatrixXd x = normal_cloud(300, 3);
  CHECK_REFUSED(atlas::value_error, homogeneity(x), "region_points", "from 3 to 300, got 400");
  CHECK_REFUSED(atlas::value_error, (homogeneity(x, {.regions = 1, .region_points = 50})),
                "regions", "1");
  CHECK_REFUSED(atlas::value_error,
                (homogeneity(x, {.region_points = 50, .discard_fraction = 1.0})),
                "discard_fraction", "1");
  CHECK_REFUSED(atlas::value_error,
                (homogeneity(Eigen::MatrixXd::Ones(50, 3).eval(), {.region_points = 20})), "points",
                "duplicate");
  CHECK_REFUSED(atlas::shape_error, homogeneity(x.topRows(2).eval()), "points", "3 rows, got 2");
}

TEST_CASE("regions are the same bits at every scale") {
  const Eigen::MatrixXd x = swiss_roll(300);
  const auto plain = atlas::homogeneity(x, {.region_points = 100});
  for (const int power : {-1000, -600, 600, 1000}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto r = atlas::homogeneity((scale * x).eval(), {.region_points = 100});
    CHECK(r.mean == plain.mean);
    CHECK(r.regions[0].radius == scale * plain.regions[0].radius);
  }
}

TEST_CASE("one row far outside takes nothing from the regions of the others") {
  Eigen::MatrixXd plain = swiss_roll(300), wide = plain;
  plain.row(0).setConstant(0x1p200);
  wide.row(0).setConstant(0x1p600);  // squares of the others' distances are 0 beside it
  const auto c = atlas::homogeneity(plain, {.region_points = 50});
  const auto d = atlas::homogeneity(wide, {.region_points = 50});
  CHECK(d.covered == c.covered);
  for (std::size_t r = 0; r < c.regions.size(); ++r) {
    CHECK(d.regions[r].dimension.dimension == Approx(c.regions[r].dimension.dimension));
    if (c.regions[r].centre != 0) CHECK(d.regions[r].radius == Approx(c.regions[r].radius));
  }
}
