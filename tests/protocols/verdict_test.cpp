// SPDX-License-Identifier: MIT
#include "atlas/protocols/verdict.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/summary.hpp"

using namespace atlas_test;
using atlas::verdict;

TEST_CASE("verdicts are those of Holm's p values, with a side") {
  const auto f = atlas::judge_values({{"high", 5, 1, 1, 0},
                                      {"low", -3, 1, 1, 0},
                                      {"alone", 3.1, 1, 1, 0},
                                      {"none", 1.5, 1, 1, 0}});
  CHECK(f[0].verdict == verdict::above);
  CHECK(f[0].z == 4);
  CHECK(f[0].p == Approx(6.334e-5).epsilon(1e-3));
  CHECK(f[0].adjusted_p == Approx(4 * f[0].p));
  CHECK(f[1].verdict == verdict::below);
  CHECK(f[2].verdict == verdict::undecided);  // p is 0.036, 0.072 among the two left
  CHECK(f[2].p < 0.05);
  CHECK(f[2].adjusted_p == Approx(2 * f[2].p));
  CHECK(f[3].verdict == verdict::consistent_with_chance);
  CHECK(atlas::name_of(f[3].verdict) == "consistent with chance");
}

TEST_CASE("a null without spread gives no verdict and does not count for the others") {
  const auto f = atlas::judge_values({{"flat", 2, 1, 0, 0}, {"one", 3.1, 1, 1, 0}});
  CHECK(f[0].verdict == verdict::undecided);
  CHECK(std::isnan(f[0].z));
  CHECK(std::isnan(f[0].adjusted_p));
  CHECK(f[1].adjusted_p == f[1].p);
  CHECK(f[1].verdict == verdict::above);
  CHECK(atlas::judge({}).empty());
}

TEST_CASE("a null of few simulations is judged by Student's t") {
  const auto f = atlas::compare_with_null({"x", 3, 0, 1, 10});
  CHECK(f.null_sd == Approx(std::sqrt(1.1)));
  const boost::math::students_t t(9);
  CHECK(f.p == Approx(2 * boost::math::cdf(boost::math::complement(t, f.z)))
                   .epsilon(tolerance::double_rounding));
}

TEST_CASE("one more simulation of a null is false in a share alpha of cases") {
  int false_alarms = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    atlas::random_stream random(seed);
    std::vector<double> draws;
    for (int i = 0; i < 10; ++i) draws.push_back(random.normal());
    const auto s = atlas::summarize(draws);
    const auto f = atlas::judge_values({{"x", random.normal(), s.mean, s.sd, 10}});
    false_alarms += f[0].verdict != verdict::consistent_with_chance ? 1 : 0;
  }
  CHECK(std::abs(false_alarms - 200) < 56);  // 4 sd of a binomial of 4000 and 0.05
}

TEST_CASE("permutation findings have no z") {
  const auto f = atlas::judge({atlas::compare_with_permutations("r", -0.9, 0, 0.01)});
  CHECK(f[0].verdict == verdict::below);
  CHECK(std::isnan(f[0].z));
}

TEST_CASE("values that cannot be judged are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED(atlas::value_error, (atlas::compare_with_null({"O_h", nan, 0, 1, 0})), "O_h",
                "NaN");
  CHECK_REFUSED(atlas::value_error, (atlas::compare_with_null({"O_h", 0, nan, 1, 0})), "null_mean",
                "NaN");
  CHECK_REFUSED(atlas::value_error, (atlas::compare_with_null({"O_h", 0, 0, -1, 0})), "null_sd",
                "-1");
  CHECK_REFUSED(atlas::value_error, (atlas::compare_with_null({"O_h", 0, 0, 1, 9})), "null_draws",
                "9");
  CHECK_REFUSED(atlas::value_error, (atlas::compare_with_permutations("r", 0, 0, 1.5)), "p", "1.5");
  CHECK_REFUSED(atlas::value_error, (atlas::judge({}, {.alpha = 1})), "alpha", "1");
}
