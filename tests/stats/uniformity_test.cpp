// SPDX-License-Identifier: MIT
#include "atlas/stats/uniformity.hpp"

#include <cmath>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"

namespace {

/// Student's t of 19 degrees of freedom, as it is defined.
double draw_t_19(atlas::random_stream& random) {
  const double z = random.normal();
  double squares = 0;
  for (int i = 0; i < 19; ++i) squares += std::pow(random.normal(), 2);
  return z / std::sqrt(squares / 19);
}

}  // namespace

TEST_CASE("tests of uniformity are uniform themselves, and see what is not") {
  std::vector<double> of_uniform, of_t, of_normal;
  const double degrees = 19;
  for (std::uint64_t sample = 0; sample < 500; ++sample) {
    atlas::random_stream random(1, sample);
    std::vector<double> p, scores, normals;
    for (int i = 0; i < 30; ++i) {
      p.push_back(random.uniform());
      scores.push_back(draw_t_19(random));
      normals.push_back(random.normal());
    }
    of_uniform.push_back(atlas::uniformity(p).p);
    of_t.push_back(atlas::uniformity_of_t(scores, degrees).p);
    of_normal.push_back(atlas::uniformity_of_t(normals, INFINITY).p);
  }
  for (const auto& sample : {of_uniform, of_t, of_normal})
    CHECK(atlas::uniformity(sample).p > 1e-6);
  atlas::random_stream random(2);
  std::vector<double> narrow, shifted;
  for (int i = 0; i < 500; ++i) {
    narrow.push_back(0.1 + 0.8 * random.uniform());
    shifted.push_back(0.5 + random.normal());
  }
  CHECK(atlas::uniformity(narrow).p < 1e-3);
  CHECK(atlas::uniformity_of_t(shifted, degrees).p < 1e-6);
}

TEST_CASE("the distance of a sample is at its worst place, from above or below") {
  CHECK(atlas::uniformity(std::vector<double>{0.4, 0.6}).statistic == Approx(0.4));
  CHECK(atlas::uniformity(std::vector<double>{0.9, 0.8}).statistic == Approx(0.8));
  CHECK(atlas::uniformity(std::vector<double>{0.9, 0.8}).n == 2);
}

TEST_CASE("the interval of a coverage is Wilson's") {
  // Newcombe, Stat. Med. 17, 857 (1998), table I, method 3.
  const auto many = atlas::coverage(81, 263);
  CHECK(many.share == Approx(0.3080).margin(5e-5));
  CHECK(many.interval.lower == Approx(0.2553).margin(5e-5));
  CHECK(many.interval.upper == Approx(0.3662).margin(5e-5));
  const auto few = atlas::coverage(15, 148);
  CHECK(few.interval.lower == Approx(0.0624).margin(5e-5));
  CHECK(few.interval.upper == Approx(0.1605).margin(5e-5));
  const auto none = atlas::coverage(0, 20), all = atlas::coverage(20, 20);
  CHECK(none.interval.lower == 0);
  CHECK(none.interval.upper == Approx(0.1611).margin(5e-5));
  CHECK(all.interval.upper == 1);
  CHECK(all.interval.lower == Approx(1 - none.interval.upper).epsilon(1e-12));
  CHECK(all.hits == 20);
}

TEST_CASE("what calibration is not measured of is refused") {
  CHECK_REFUSED(atlas::shape_error, atlas::uniformity(std::vector<double>{}), "values", "empty");
  CHECK_REFUSED(atlas::value_error, atlas::uniformity(std::vector<double>{NAN}), "values", "NaN");
  CHECK_REFUSED(atlas::value_error, atlas::coverage(3, 2), "hits", "3");
  CHECK_REFUSED(atlas::value_error, atlas::coverage(1, 2, 1), "confidence", "1");
}
