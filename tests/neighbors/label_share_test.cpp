// SPDX-License-Identifier: MIT
#include "atlas/neighbors/label_share.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../searches_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"

using namespace atlas_test;

TEST_CASE(
    "the share of neighbours with the same label, and chance, are those counted pair by pair") {
  constexpr atlas::index_t n = 240;
  const Eigen::MatrixXd x = normal_cloud(n, 2);
  std::vector<int> sides;  // negative ones, too
  for (atlas::index_t i = 0; i < n; ++i)
    sides.push_back(x(i, 0) > 0 ? -70000 : (i % 3 == 0 ? 5 : 4));
  int same = 0, pairs = 0;
  for (atlas::index_t i = 0; i < n; ++i) {
    const auto at = [&](atlas::index_t row) { return sides[static_cast<std::size_t>(row)]; };
    same += at(by_brute_force(x, i, {}).front().second) == at(i);
    for (atlas::index_t j = 0; j < n; ++j) pairs += j != i && at(i) == at(j);
  }
  const auto found = atlas::label_share(atlas::nearest_neighbors(x), sides);
  CHECK(found.share == same / double(n));
  CHECK(found.chance == Approx(pairs / double(n * (n - 1))).epsilon(tolerance::double_rounding));
  CHECK(found.rows == n);
  CHECK(found.share > found.chance);
}

TEST_CASE("labels that mean nothing are shared as often as chance says") {
  // The share of 2,000 rows has a standard deviation below 0.01, mutual neighbours counted.
  const Eigen::MatrixXd x = normal_cloud(2000, 3);
  atlas::random_stream random(3);
  std::vector<atlas::index_t> mixed;
  for (int i = 0; i < 2000; ++i) mixed.push_back(random.uniform_index(10));
  const auto found = atlas::label_share(atlas::nearest_neighbors(x, {.k = 1}), mixed);
  CHECK(std::abs(found.share - found.chance) < 0.06);
  CHECK(found.chance == Approx(0.1).margin(0.01));
}

TEST_CASE("rows without a neighbour do not count in a share") {
  const Eigen::MatrixXd x = normal_cloud(20, 3);
  const auto table =
      atlas::nearest_neighbors(x, {.k = 1, .exclude = atlas::same_context(labels(20, 18))});
  auto context = labels(20, 20);
  CHECK(atlas::label_share(table, context).share == 1);
  CHECK(atlas::label_share(table, context).rows == 20);
  const auto none = atlas::nearest_neighbors(x, {.k = 1, .exclude = atlas::same_context(context)});
  CHECK(std::isnan(atlas::label_share(none, context).share));
  CHECK(atlas::label_share(none, context).rows == 0);
  CHECK(atlas::label_share(none, context).chance == 1);
  const auto tokens_apart = atlas::nearest_neighbors(
      x, {.k = 1,
          .exclude = atlas::also_excluding(atlas::same_context(labels(20, 10)), labels(20, 18))});
  const auto some = atlas::label_share(tokens_apart, labels(20, 10));
  CHECK(some.rows == 12);
  CHECK(some.share == 0);
}

TEST_CASE("labels of another length have no share") {
  const auto table = atlas::nearest_neighbors(normal_cloud(20, 3));
  CHECK_REFUSED(atlas::shape_error, atlas::label_share(table, labels(19, 2)), "labels", "19");
  CHECK_REFUSED(atlas::shape_error, atlas::label_share(atlas::neighbor_table{}, labels(19, 2)),
                "neighbors", "empty");
}
