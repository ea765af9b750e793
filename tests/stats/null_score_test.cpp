// SPDX-License-Identifier: MIT
#include "atlas/stats/null_score.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/summary.hpp"

using namespace atlas_test;

TEST_CASE("a value of a null's own kind has a uniform p against few draws of it") {
  std::vector<double> p;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    atlas::random_stream random(seed);
    std::vector<double> draws;
    for (int i = 0; i < 10; ++i) draws.push_back(random.normal());
    const auto s = atlas::summarize(draws);
    p.push_back(atlas::score_against_draws(random.normal(), s.mean, s.sd, 10).p);
  }
  CHECK(ks_p(p, [](double x) { return x; }) > 0.01);
}

TEST_CASE("few draws, and draws that agree, give no score") {
  CHECK_REFUSED(atlas::value_error, atlas::score_against_draws(1, 0, 1, 9), "draws", "9");
  CHECK(std::isnan(atlas::score_against_draws(1, 0, 0, 20).z));
  CHECK(std::isnan(atlas::score_against_draws(1, 0, 0, 20).p));
  const double last_bit = std::numeric_limits<double>::epsilon();
  CHECK(std::isnan(atlas::score_against_draws(0.5, 1, last_bit, 20).z));
  CHECK(std::isnan(atlas::score_against_draws(1e30, 1.1e30, 1e30 * last_bit, 20).p));
  CHECK(std::isnan(atlas::score_against_draws(1, 1e-17, last_bit, 20).z));
  CHECK(atlas::score_against_draws(3e-20, 0, 1e-20, 20).z == Approx(3 / std::sqrt(1.05)));
  CHECK(atlas::score_against_draws(1, 0, 1e-9, 20).z == Approx(1e9 / std::sqrt(1.05)));
}
