// SPDX-License-Identifier: MIT
#include "atlas/stats/student_t.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/summary.hpp"

using namespace atlas_test;

TEST_CASE("p of Student's t is Boost's") {
  for (const double degrees : {0.5, 1.0, 2.0, 3.5, 9.0, 19.0, 100.0, 1999.0, 1e5, 1e6})
    for (const double t : {1e-12, 1e-3, 0.1, 0.5, 0.9, 1.0, 1.5, 1.8, 2.0, 3.0, 5.0, 12.0, 30.0}) {
      const boost::math::students_t_distribution<long double> exact(degrees);
      const long double p =
          2 * boost::math::cdf(boost::math::complement(exact, static_cast<long double>(t)));
      INFO(degrees << " degrees, t " << t);
      CHECK(atlas::two_sided_t_p(t, degrees) ==
            Approx(static_cast<double>(p))
                .epsilon(std::max(tolerance::double_rounding,
                                  tolerance::student_t_of_a_degree * degrees)));
      CHECK(atlas::two_sided_t_p(-t, degrees) == atlas::two_sided_t_p(t, degrees));
    }
}

TEST_CASE("p of Student's t at the ends") {
  CHECK(atlas::two_sided_t_p(0, 3) == 1);
  CHECK(atlas::two_sided_t_p(INFINITY, 3) == 0);
  CHECK(std::isnan(atlas::two_sided_t_p(NAN, 3)));
  // One degree is Cauchy's distribution, whose tail is 2 / (pi t); its square would overflow.
  CHECK(atlas::two_sided_t_p(1e200, 1) ==
        Approx(2e-200 / std::numbers::pi).epsilon(tolerance::double_rounding));
  CHECK_REFUSED(atlas::value_error, atlas::two_sided_t_p(1, 0), "degrees", "0");
}

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
