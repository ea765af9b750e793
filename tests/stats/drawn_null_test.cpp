// SPDX-License-Identifier: MIT
#include "atlas/stats/drawn_null.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"

using namespace atlas_test;

TEST_CASE("a value among draws: z, t and rank") {
  std::vector<double> draws;
  for (int i = 1; i <= 19; ++i) draws.push_back(i);
  const auto middle = atlas::compare_with_draws(10, draws);
  CHECK(middle.mean == Approx(10));
  CHECK(middle.sd == Approx(std::sqrt(31.6666666667)));
  CHECK(middle.z == Approx(0).margin(1e-12));
  CHECK(middle.p == Approx(1));
  CHECK(middle.rank_p == 1);
  const auto beyond = atlas::compare_with_draws(30, draws);
  CHECK(beyond.z == Approx(20 / (beyond.sd * std::sqrt(1 + 1.0 / 19))));
  CHECK(beyond.rank_p == Approx(2.0 / 20));
  CHECK(atlas::compare_with_draws(2, draws).rank_p == Approx(2 * 3.0 / 20));
  CHECK(atlas::compare_with_draws(-5, draws).rank_p == Approx(2.0 / 20));
}

TEST_CASE("nothing is said of draws that agree, nor of what is not finite") {
  const std::vector<double> same(12, 3.0);
  CHECK(std::isnan(atlas::compare_with_draws(4, same).z));
  CHECK(std::isnan(atlas::compare_with_draws(std::nan(""), same).rank_p));
  std::vector<double> broken(12, 3.0);
  broken[4] = std::numeric_limits<double>::infinity();
  CHECK(std::isnan(atlas::compare_with_draws(4, broken).p));
  CHECK_REFUSED(atlas::value_error, atlas::compare_with_draws(4, std::vector<double>(9, 1)),
                "draws", "9");
}
