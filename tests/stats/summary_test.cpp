// SPDX-License-Identifier: MIT
#include "atlas/stats/summary.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../tolerances.hpp"
#include "whole_numbers_for_tests.hpp"

using namespace atlas_test;

TEST_CASE("mean and spread of a sample") {
  const std::vector<double> x = {1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4};
  const auto s = atlas::summarize(x);
  CHECK(s.mean == 1e9 + 2.5);
  CHECK(s.sd == Approx(std::sqrt(5.0 / 3)).epsilon(tolerance::double_rounding));
  CHECK(s.standard_error == Approx(std::sqrt(5.0 / 3) / 2).epsilon(tolerance::double_rounding));
  CHECK(std::isnan(atlas::summarize(std::vector<double>{}).mean));
  CHECK(std::isnan(atlas::summarize(std::vector<double>{1}).sd));
}

TEST_CASE("quantiles interpolate as NumPy's do") {
  const std::vector<double> x = {1, 2, 4, 8};
  CHECK(atlas::sorted_quantile(x, 0) == 1);
  CHECK(atlas::sorted_quantile(x, 1) == 8);
  CHECK(atlas::sorted_quantile(x, 0.5) == 3);
  CHECK(atlas::sorted_quantile(x, 0.25) == Approx(1.75));  // numpy.quantile([1, 2, 4, 8], 0.25)
  const auto interval = atlas::percentile_interval({8, 1, 4, 2}, 0.5);
  CHECK(interval.lower == Approx(1.75));
  CHECK(interval.upper == Approx(5));
}

TEST_CASE("mean and spread are those of the differences, at every offset and scale") {
  const integers x = draw_integers(999, 3);
  const auto plain = atlas::summarize(shifted(x, 0));
  for (const double offset : {1e3, 1e6, 1e9, 1e12})
    CHECK(atlas::summarize(shifted(x, offset)).sd == plain.sd);
  for (const int power : {-1060, -700, -400, 400, 700, 1019}) {
    CAPTURE(power);
    const double scale = std::ldexp(1.0, power);
    const auto s = atlas::summarize(shifted(x, 0, scale));
    CHECK(s.mean == Approx(plain.mean * scale).epsilon(tolerance::double_rounding).margin(1e-323));
    CHECK(s.sd == Approx(plain.sd * scale).epsilon(tolerance::double_rounding).margin(1e-323));
  }
}
