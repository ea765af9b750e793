// SPDX-License-Identifier: MIT
#include "atlas/stats/multiple_testing.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/core/random.hpp"

using namespace atlas_test;
using atlas::benjamini_hochberg;
using atlas::holm_correction;
using p_values = std::vector<double>;

namespace {

void check_close(const p_values& got, const p_values& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(got[i] == Approx(wanted[i]).epsilon(tolerance::double_rounding));
  }
}

}  // namespace

TEST_CASE("Holm steps down from the smallest p value, in the order given") {
  // 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04 raised to the one before.
  check_close(holm_correction(p_values{0.01, 0.04, 0.03, 0.005}), {0.03, 0.06, 0.06, 0.02});
  // 5 x 0.01; 4 x 0.01 raised to it; 3 x 0.02; 2 x 0.3; 1 x 0.9.
  check_close(holm_correction(p_values{0.9, 0.01, 0.3, 0.01, 0.02}), {0.9, 0.05, 0.6, 0.05, 0.06});
  // Nothing above 1, and zero stays zero.
  check_close(holm_correction(p_values{0.6, 0.7, 0}), {1, 1, 0});
  check_close(holm_correction(p_values{0.2}), {0.2});
  check_close(holm_correction(std::vector<float>{0.5F, 0.25F}), {0.5, 0.5});
}

TEST_CASE("Benjamini and Hochberg step up from the largest") {
  // 4/1 x 0.005, 4/2 x 0.01, 4/3 x 0.03, 4/4 x 0.04: the third is 0.04 as well.
  check_close(benjamini_hochberg(p_values{0.01, 0.04, 0.03, 0.005}), {0.02, 0.04, 0.04, 0.02});
  // 5/2 x 0.01 for both ties; 5/3 x 0.02; 5/4 x 0.3; 0.9.
  check_close(benjamini_hochberg(p_values{0.9, 0.01, 0.3, 0.01, 0.02}),
              {0.9, 0.025, 0.375, 0.025, 1.0 / 30});
  check_close(benjamini_hochberg(p_values{0.6, 0.7, 0}), {0.7, 0.7, 0});
}

TEST_CASE("the p values of Benjamini and Hochberg's own example are rejected as they say") {
  // Table of their section 4 (1995): Bonferroni rejects 3 of 15 at 0.05, Holm too, theirs 4.
  const p_values p = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                      0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  int holm = 0, hochberg = 0;
  for (const double v : holm_correction(p)) holm += v <= 0.05 ? 1 : 0;
  for (const double v : benjamini_hochberg(p)) hochberg += v <= 0.05 ? 1 : 0;
  CHECK(holm == 3);
  CHECK(hochberg == 4);
}

TEST_CASE("under Holm any false rejection is as rare as it says") {
  int false_rejections = 0;
  for (std::uint64_t trial = 0; trial < 4000; ++trial) {
    atlas::random_stream random(3, trial);
    p_values p;
    for (int i = 0; i < 10; ++i) p.push_back(random.uniform());
    bool any = false;
    for (const double v : holm_correction(p)) any = any || v <= 0.1;
    false_rejections += any ? 1 : 0;
  }
  CHECK(false_rejections / 4000.0 == Approx(1 - std::pow(0.99, 10)).margin(0.019));  // 4 sd
}

TEST_CASE("numbers that are no p values are refused") {
  CHECK_REFUSED(atlas::shape_error, holm_correction(p_values{}), "p", "empty");
  CHECK_REFUSED(atlas::value_error, holm_correction(p_values{0.1, -0.1}), "p", "[1]");
  CHECK_REFUSED(atlas::value_error, holm_correction(p_values{1.1}), "p", "1.1");
  CHECK_REFUSED(atlas::value_error,
                benjamini_hochberg(p_values{0.1, std::numeric_limits<double>::quiet_NaN()}), "p",
                "NaN at [1]");
}
