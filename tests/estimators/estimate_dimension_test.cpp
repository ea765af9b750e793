// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimate_dimension.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "atlas/dimension/estimate_null.hpp"
#include "atlas/dimension/estimators/mada.hpp"
#include "atlas/dimension/estimators/mom.hpp"
#include "atlas/dimension/estimators/two_nn.hpp"
#include "atlas/simulation/clouds.hpp"
#include "estimator_checks.hpp"
#include "golden.hpp"

using atlas::estimators::mom;
using atlas_test::normal_cloud;

namespace atlas_test::of_estimates {

/// The same rule without scores, so that its error is that of halves.
struct mom_of_halves : mom {};

atlas::detail::raw_estimate raw_dimension(const mom_of_halves& e,
                                          const atlas::detail::neighbor_rows& cloud) {
  auto out = atlas::detail::raw_dimension(static_cast<const mom&>(e), cloud);
  out.scores.resize(0);
  return out;
}

/// 60 contexts of five clumps of 6 rows each, far from each other: neighbours are of one clump, and
/// all clumps of a context have its own dimension, 1 or 4.
struct clumps {
  atlas::owned_tensor<double, 2> points{{1800, 4}};
  std::vector<int> context;
};

clumps draw_clumps(atlas::random_stream& random) {
  clumps out;
  const auto points = out.points.mutable_view();
  for (int context = 0; context < 60; ++context) {
    const double width = random.uniform() < 0.5 ? 0 : 1;
    for (int clump = 0; clump < 5; ++clump) {
      double centre[4];
      for (double& x : centre) x = 1000 * random.normal();
      for (int row = 0; row < 6; ++row) {
        const auto i = static_cast<atlas::index_t>(out.context.size());
        for (atlas::index_t c = 0; c < 4; ++c)
          points(i, c) = centre[c] + (c == 0 ? 1 : width) * random.normal();
        out.context.push_back(context);
      }
    }
  }
  return out;
}

}  // namespace atlas_test::of_estimates

namespace of_estimates = atlas_test::of_estimates;

TEST_CASE("intervals of scores and of halves cover the mean of the estimator") {
  ATLAS_CHECK_COVERS(atlas_test::coverage_on_tori(mom{.k = 10}, 300, 4));
  ATLAS_CHECK_COVERS(atlas_test::coverage_on_tori(of_estimates::mom_of_halves{{.k = 10}}, 300, 4,
                                                  {.clouds = 100}));
}

TEST_CASE("with contexts the interval is of contexts, and covers; without them it does not") {
  const auto counted = [](bool contexts) {
    return atlas_test::coverage_of({.clouds = 120, .seed = 12}, of_estimates::draw_clumps,
                                   [&](const of_estimates::clumps& cloud, std::uint64_t) {
                                     atlas::dimension_options options{.threads = 1};
                                     if (contexts) options.context = cloud.context;
                                     const auto r = atlas::estimate_dimension(cloud.points,
                                                                              mom{.k = 5}, options);
                                     if (r.contexts != (contexts ? 60 : 0))
                                       throw std::logic_error("units");
                                     return r;
                                   });
  };
  const auto by_context = counted(true), by_row = counted(false);
  CHECK(by_context.mean == by_row.mean);
  CHECK(by_context.of_mean >= 0.9);
  CAPTURE(by_row.of_mean, by_row.spread, by_row.error, by_context.error);
  CHECK(by_row.of_mean < 0.85);
  CHECK(by_row.error < 0.8 * by_row.spread);
}

TEST_CASE("an estimate of neighbours is that of points") {
  const auto points = atlas_test::golden_cloud("cube4");
  const auto of_points = atlas::estimate_dimension(points, mom{.k = 20});
  const auto table = atlas::nearest_neighbors(points, {.k = 30});
  const auto of_table = atlas::estimate_from_neighbors(table, mom{.k = 20});
  CHECK(of_table.dimension == of_points.dimension);
  CHECK(of_table.standard_error == of_points.standard_error);
  CHECK(of_points.error_from == atlas::error_source::scores);
  CHECK(of_points.claim == atlas::interval_claim::own_mean);
  CHECK(of_points.points_used == 400);
}

TEST_CASE("rows that coincide are merged, and have no local value") {
  const auto points = atlas_test::golden_cloud("duplicates3");
  const auto r = atlas::estimate_dimension(points, mom{.k = 20});
  CHECK(r.merged > 0);
  CHECK(static_cast<atlas::index_t>(r.local.size()) == points.extent(0));
  atlas::index_t without = 0;
  for (const double d : r.local) without += std::isnan(d);
  CHECK(without == r.merged);
  CHECK(r.points_used == points.extent(0) - r.merged);
  const auto dropped = atlas::estimate_dimension(points, mom{.k = 20},
                                                 {.duplicates = atlas::duplicate_policy::drop});
  CHECK(dropped.duplicates > 0);
  CHECK_THROWS_AS(atlas::estimate_dimension(points, mom{.k = 20},
                                            {.duplicates = atlas::duplicate_policy::error}),
                  atlas::value_error);
}

TEST_CASE("estimates are the same bits for every thread count, and of floats") {
  const auto points = atlas_test::golden_cloud("sphere5_in8");
  const of_estimates::mom_of_halves e{{.k = 10}};
  const auto one = atlas::estimate_dimension(points, e, {.threads = 1});
  const auto three = atlas::estimate_dimension(points, e, {.threads = 3});
  CHECK(one.dimension == three.dimension);
  CHECK(one.standard_error == three.standard_error);
  CHECK(one.error_from == atlas::error_source::halves);
  atlas::owned_tensor<float, 2> floats({points.extent(0), points.extent(1)});
  for (atlas::index_t i = 0; i < points.extent(0); ++i)
    for (atlas::index_t k = 0; k < points.extent(1); ++k)
      floats.mutable_view()(i, k) = static_cast<float>(points(i, k));
  CHECK(atlas::estimate_dimension(floats, e).dimension == Approx(one.dimension).epsilon(1e-4));
}

TEST_CASE("a null is the same estimator on surrogates") {
  atlas::random_stream random(3, 0);
  const auto roll = atlas::simulate_swiss_roll(400, random);
  const auto r = atlas::estimate_dimension(roll, mom{.k = 15});
  const auto null = atlas::dimension_null(roll, mom{.k = 15}, r);
  CHECK(null.observed == r.dimension);
  CHECK(null.mean > 3);
  CHECK(null.p < 0.01);
  CHECK_THROWS_AS(atlas::dimension_null(roll, mom{.k = 15}, r, {.periods = {1, 0, 0}}),
                  atlas::value_error);
}

TEST_CASE("a null of rows that coincide is that of the distinct ones, and no estimate has none") {
  const Eigen::MatrixXd points = normal_cloud(120, 4);
  Eigen::MatrixXd twice(150, 4);
  twice << points, points.topRows(30);
  atlas::surrogate_options draws{.draws = 20, .seed = 3};
  draws.labels.context = atlas::owned_tensor<atlas::index_t, 1>({120});
  for (atlas::index_t i = 0; i < 120; ++i) draws.labels.context.mutable_view()(i) = i / 10;
  const auto null_of = [&](const Eigen::MatrixXd& x, const atlas::surrogate_options& o) {
    return atlas::dimension_null(x, mom{.k = 8}, atlas::estimate_dimension(x, mom{.k = 8}), {}, o);
  };
  const auto plain = null_of(points, draws);
  auto of_twice = draws;
  of_twice.labels.context = atlas::owned_tensor<atlas::index_t, 1>({150});
  for (atlas::index_t i = 0; i < 150; ++i)
    of_twice.labels.context.mutable_view()(i) = (i % 120) / 10;
  const auto merged = null_of(twice, of_twice);
  CHECK(merged.observed == plain.observed);
  CHECK(merged.mean == plain.mean);
  CHECK(merged.z == plain.z);
}

TEST_CASE("what is no estimate is refused by name, or reported") {
  const Eigen::MatrixXd cloud = normal_cloud(20, 3);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, mom{.k = 20}), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, mom{.k = 1}), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(normal_cloud(2, 3), mom{.k = 2}), atlas::shape_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, mom{.k = 5}, {.confidence = 1}),
                  atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimension(cloud, mom{.k = 5}, {.resamples = -1}),
                  atlas::value_error);
  CHECK_THROWS_AS(
      atlas::estimate_from_neighbors(atlas::nearest_neighbors(cloud, {.k = 4}), mom{.k = 5}),
      atlas::shape_error);
  Eigen::MatrixXd bad = cloud;
  bad(3, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(atlas::estimate_dimension(bad, mom{.k = 5}), atlas::value_error);
  const Eigen::MatrixXd same = Eigen::MatrixXd::Ones(50, 3);
  CHECK_THROWS_AS(atlas::estimate_dimension(same, mom{.k = 5}), atlas::value_error);
}

TEST_CASE("distances that are equal but for rounding are no dimension, whatever the scalar") {
  atlas::owned_tensor<double, 2> grid({121, 2});
  atlas::owned_tensor<float, 2> narrow({121, 2});
  for (atlas::index_t i = 0; i < 121; ++i)
    for (atlas::index_t c = 0; c < 2; ++c) {
      const double place = 0.1 * static_cast<double>(c == 0 ? i / 11 : i % 11) + 0.377;
      grid.mutable_view()(i, c) = place;
      narrow.mutable_view()(i, c) = static_cast<float>(place);
    }
  const atlas::estimators::two_nn e{};
  const atlas::dimension_options report{.degenerate = atlas::degenerate_policy::report};
  for (const auto& r :
       {atlas::estimate_dimension(grid, e, report), atlas::estimate_dimension(narrow, e, report)}) {
    CHECK(std::isnan(r.dimension));
    CHECK(r.fault == atlas::cloud_fault::no_estimate);
    CHECK(r.remark.find("equal but for rounding") != std::string::npos);
  }
  CHECK_THROWS_AS(atlas::estimate_dimension(grid, e), atlas::value_error);
}

TEST_CASE("an infinite mean says that it is one, and a fault of the rows goes first") {
  Eigen::MatrixXd cloud = normal_cloud(80, 4);
  cloud.row(5).setConstant(1e300);  // its neighbours are equally far
  const atlas::estimators::mada e{};
  const auto r =
      atlas::estimate_dimension(cloud, e, {.degenerate = atlas::degenerate_policy::report});
  CHECK(std::isnan(r.dimension));
  CHECK(r.fault == atlas::cloud_fault::few_rows);
  CHECK(r.remark.find("of 80 rows are equally far") != std::string::npos);
}

TEST_CASE("halves of few contexts, and too small ones, have no error and say so") {
  const Eigen::MatrixXd cloud = normal_cloud(40, 3);
  const of_estimates::mom_of_halves e{{.k = 15}};
  for (const int texts : {1, 2, 3}) {
    std::vector<int> context(40, 0);
    for (std::size_t i = 0; i < 40; ++i) context[i] = static_cast<int>(i) % texts;
    const auto r = atlas::estimate_dimension(cloud, e, {.context = context});
    CHECK(r.dimension > 0);
    CHECK(std::isnan(r.standard_error));
    CHECK(r.remark.find("No error: halves of") != std::string::npos);
  }
  const auto small = atlas::estimate_dimension(cloud, of_estimates::mom_of_halves{{.k = 25}});
  CHECK(std::isnan(small.standard_error));  // of 20 rows none has 25 neighbours
  CHECK(small.remark.find("No error: too few halves") != std::string::npos);
}

TEST_CASE("moments and their errors are the same at the ends of what a double can hold") {
  const Eigen::MatrixXd cloud = normal_cloud(60, 3);
  const double whole = atlas::estimate_dimension(cloud, mom{.k = 30}).dimension;
  for (const double scale : {0x1p-990, 0x1p1020}) {
    const Eigen::MatrixXd other = cloud * scale;
    CHECK(atlas::estimate_dimension(other, mom{.k = 30}).dimension == Approx(whole).epsilon(1e-12));
  }
}
