// SPDX-License-Identifier: MIT
#include "atlas/manifold/atlas_test.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/subspace/residual_stream.hpp"
#include "manifolds_for_tests.hpp"

using namespace atlas_test;
using atlas::pooled_dimension;

namespace {}  // namespace

TEST_CASE("Gaussian heads are like their surrogates, curved ones are below them") {
  std::vector<Eigen::MatrixXd> flat;
  for (std::uint64_t h = 0; h < 3; ++h)
    flat.push_back(normal_cloud(300, 5, 20 + h) * rotation(8, h).topRows(5));
  const auto none = atlas::pooled_dimension_null(flat, pooled_dimension(flat), {.draws = 40});
  CHECK(std::abs(none.z) < 3.5);
  const auto curved = rolls(3, 400, false);
  const auto null = atlas::pooled_dimension_null(curved, pooled_dimension(curved));
  CHECK(null.z < -5);
  CHECK(null.mean == Approx(3).epsilon(0.1));
  const auto again = atlas::pooled_dimension_null(curved, pooled_dimension(curved), {.threads = 1});
  CHECK(again.draws == null.draws);
}

TEST_CASE("the atlas test tells charts of one manifold from manifolds of their own") {
  const auto shared = atlas::atlas_test(rolls(4, 400, true));
  CHECK(shared.overlap.local_dimension == 2);  // the median dimension of the heads
  CHECK(shared.overlap.global.z > 5);
  CHECK(shared.mean_head_dimension == Approx(2.1).epsilon(0.1));
  // Means of 400 rows part the sheets by a third of their spacing.
  CHECK(shared.pooled.dimension < 1.4 * shared.mean_head_dimension);
  CHECK(shared.pooled_null.z < -2);
  const auto apart = atlas::atlas_test(rolls(4, 400, false), {.local_dimension = 3});
  CHECK(std::abs(apart.overlap.global.z) < 4);
  CHECK(apart.pooled_null.z < -5);  // low, but each in a space of its own
  CHECK(apart.heads.size() == 4);
  CHECK(apart.overlap.global.null_mean ==
        Approx(atlas::haar_overlap(12, 3).mean).epsilon(tolerance::double_rounding));
}

TEST_CASE("the atlas test does not depend on threads") {
  const auto clouds = rolls(3, 200, true);
  const auto one = atlas::atlas_test(clouds, {.surrogates = 10, .threads = 1});
  const auto two = atlas::atlas_test(clouds, {.surrogates = 10, .threads = 2});
  CHECK(one.pooled_null.draws == two.pooled_null.draws);
  CHECK(one.overlap.global.z == two.overlap.global.z);
  CHECK(one.overlap.global.interval.lower == two.overlap.global.interval.lower);
  CHECK(one.mean_head_dimension == two.mean_head_dimension);
}

TEST_CASE("clouds in the residual stream are the heads times their weights") {
  const std::vector<Eigen::MatrixXf> clouds = {normal_cloud(300, 4, 1).cast<float>(),
                                               normal_cloud(300, 4, 2).cast<float>()};
  const Eigen::MatrixXf weights = normal_cloud(8, 30, 3).cast<float>();
  const auto written = atlas::residual_stream_clouds(clouds, weights);
  CHECK(written.extents() == atlas::shape<3>{2, 300, 30});
  const Eigen::MatrixXf second = clouds[1] * weights.bottomRows(4);
  double off = 0;
  for (int i = 0; i < 300; ++i)
    for (int k = 0; k < 30; ++k)
      off = std::max(off, static_cast<double>(std::abs(written(1, i, k) - second(i, k))));
  CHECK(off < 1e-4);
  const auto frames = atlas::residual_stream_frames(clouds, weights, 3);
  CHECK(atlas::subspace_overlap(atlas::principal_frame(written[1], 3), frames[1]).mean_cosine ==
        Approx(1).margin(1e-5));
  CHECK_REFUSED(atlas::shape_error,
                atlas::residual_stream_clouds(clouds, weights.topRows(7).eval()),
                "output_projection", "8");
}

TEST_CASE("heads are compared by the median of their dimensions") {
  CHECK(atlas::local_dimension_of_heads(std::vector<double>{2.2, 9.6, 30}, 64) == 10);
  CHECK(atlas::local_dimension_of_heads(std::vector<double>{2, 5}, 64) == 4);  // 3.5, rounded up
  CHECK(atlas::local_dimension_of_heads(std::vector<double>{30, 40}, 32) == 16);
  CHECK(atlas::local_dimension_of_heads(std::vector<double>{0.1}, 1) == 1);
  CHECK_REFUSED(atlas::shape_error, atlas::local_dimension_of_heads(std::vector<double>{}, 4),
                "dimensions", "empty");
}

TEST_CASE("heads that cannot be pooled are refused") {
  std::vector<Eigen::MatrixXd> clouds(2, normal_cloud(50, 3));
  CHECK_REFUSED(
      atlas::shape_error,
      (pooled_dimension(clouds, {.exclude = atlas::same_context(std::vector<int>(100, 1))})),
      "context", "100");
  CHECK_REFUSED(atlas::shape_error, atlas::atlas_test(std::vector{normal_cloud(50, 3)}), "heads",
                "1");
  CHECK_REFUSED(atlas::value_error, (atlas::atlas_test(clouds, {.local_dimension = 4})),
                "local_dimension", "4");
  clouds[1](4, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, pooled_dimension(clouds), "clouds", "[1, 4, 2]");
}

TEST_CASE("a head that carries no estimate is told apart and left out of the mean") {
  std::vector<Eigen::MatrixXd> clouds = rolls(3, 200, true);
  const auto plain = atlas::atlas_test(clouds, {.local_dimension = 2, .surrogates = 10});
  clouds.push_back(Eigen::MatrixXd::Zero(200, 12));
  clouds.back().topRows(20) = normal_cloud(20, 12);  // the others all equal
  const auto r = atlas::atlas_test(clouds, {.local_dimension = 2, .surrogates = 10});
  CHECK(r.heads[3].fault == atlas::cloud_fault::mostly_duplicates);
  CHECK(r.heads[0].fault == atlas::cloud_fault::none);
  CHECK(r.mean_head_dimension == plain.mean_head_dimension);
  const std::vector<Eigen::MatrixXd> equal(2, Eigen::MatrixXd::Ones(50, 12));
  CHECK_REFUSED(atlas::value_error, atlas::atlas_test(equal), "clouds", "equal");
}

TEST_CASE("heads without k directions are left out of the overlaps, faulty ones of the pool") {
  std::vector<Eigen::MatrixXd> good = rolls(4, 200, true), clouds = good;
  clouds.insert(clouds.begin() + 1, normal_cloud(200, 1) * normal_cloud(1, 12, 9));
  clouds.push_back(Eigen::MatrixXd::Zero(200, 12));
  const atlas::atlas_test_options o{.local_dimension = 2, .surrogates = 10};
  const auto plain = atlas::atlas_test(good, o), r = atlas::atlas_test(clouds, o);
  CHECK(r.overlap.left_out == std::vector<atlas::index_t>{1, 5});
  CHECK(plain.overlap.left_out.empty());
  CHECK(r.overlap.matrix.row(1).array().isNaN().all());
  CHECK(r.overlap.matrix.col(5).array().isNaN().all());
  CHECK(r.overlap.matrix(3, 4) == plain.overlap.matrix(2, 3));
  CHECK(r.overlap.global.pairs == 6);
  CHECK(r.overlap.global.mean == plain.overlap.global.mean);
  CHECK(r.overlap.global.interval.lower == plain.overlap.global.interval.lower);
  CHECK(r.overlap.global.z == plain.overlap.global.z);
  CHECK(r.heads[1].fault == atlas::cloud_fault::one_direction);
  CHECK(r.heads[5].fault == atlas::cloud_fault::mostly_duplicates);
  CHECK(r.pooled.dimension == plain.pooled.dimension);
  CHECK(r.pooled_null.draws == plain.pooled_null.draws);
  CHECK(pooled_dimension(clouds).dimension == plain.pooled.dimension);
  const std::vector<Eigen::MatrixXd> lines(2, clouds[1]);
  CHECK_REFUSED(atlas::value_error, atlas::principal_frames(lines, 2), "clouds, head 0",
                "2 directions");
  CHECK_REFUSED(atlas::value_error,
                atlas::principal_frames(lines, 2, {.policy = atlas::rank_policy::leave_out}),
                "clouds", "none of 2");
}
