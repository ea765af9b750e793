// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/core/random.hpp"
#include "atlas/protocols/corpus_control.hpp"
#include "atlas/protocols/maturation_gate.hpp"
#include "atlas/protocols/scale_control.hpp"
#include "samples_for_tests.hpp"

using namespace atlas_test;
using atlas::verdict;

TEST_CASE("corpora differ where their difference exceeds its error") {
  const auto r = atlas::corpus_control({{"a", 1, 0.3, {}}, {"b", 2, 0.3, {}}},
                                       {{"a", 1.2, 0.4, {}}, {"b", 5, 0.4, {}}});
  CHECK(r[0].verdict == verdict::consistent_with_chance);
  CHECK(r[0].value == Approx(0.2));
  CHECK(r[0].null_sd == Approx(0.5));
  CHECK(r[1].verdict == verdict::above);
  CHECK(r[1].z == Approx(6));
}

TEST_CASE("two texts of one distribution rarely differ") {
  int different = 0;
  const auto o = quick_protocol();
  const auto overlap = [&](const atlas::head_sample& s) {
    return atlas::mean_overlap(s, atlas::overlap_space::head_coordinates, o);
  };
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto all = planned_sample({.heads = 3, .rows = 200, .d = 8, .noise = 0.6, .seed = seed + 1});
    std::vector<atlas::index_t> first, second;
    for (atlas::index_t n = 0; n < 200; ++n) (n < 100 ? first : second).push_back(n);
    all.label = "O_h";
    const auto a = atlas::over_contexts(atlas::detail::rows_of_sample(all, first), overlap);
    const auto b = atlas::over_contexts(atlas::detail::rows_of_sample(all, second), overlap);
    different += atlas::corpus_control({a}, {b})[0].verdict != verdict::consistent_with_chance;
  }
  CHECK(different <= 10);  // 5 contexts each: the errors themselves are known to 35 %
}

TEST_CASE("quantities that are not the same are refused") {
  CHECK_REFUSED(atlas::shape_error, atlas::corpus_control({}, {}), "first", "none");
  CHECK_REFUSED(atlas::shape_error, (atlas::corpus_control({{"a", 1, 1, {}}}, {})), "second", "0");
  CHECK_REFUSED(atlas::value_error, (atlas::corpus_control({{"a", 1, 1, {}}}, {{"b", 1, 1, {}}})),
                "second", "b");
}

TEST_CASE("a trend with size is the slope on its logarithm") {
  std::vector<atlas::scaled_value> models;
  for (const double size : {1e5, 1e6, 1e7, 1e8})
    models.push_back({"m", size, 64, 2 + 0.3 * std::log(size), 0.1});
  const auto r = atlas::scale_control(models);
  CHECK(r.trend.value == Approx(0.3));
  CHECK(r.intercept == Approx(2));
  CHECK(r.scatter == 1);
  CHECK(r.trend.null_sd == Approx(0.1 / (std::log(10) * std::sqrt(5))));
  CHECK(r.trend.verdict == verdict::above);
  const auto two = atlas::scale_control({models[0], models[1]});
  CHECK(two.trend.value == Approx(0.3));
  CHECK(two.trend.null_sd == Approx(std::sqrt(2) * 0.1 / std::log(10)));
}

TEST_CASE("scatter beyond the errors makes a trend less sure") {
  std::vector<atlas::scaled_value> models;
  const double off[] = {1, -1, 1, -1};
  for (int i = 0; i < 4; ++i)
    models.push_back({"m", std::pow(10.0, 5 + i), 64, 0.3 * i + off[i], 0.01});
  const auto r = atlas::scale_control(models);
  CHECK(r.scatter > 50);
  CHECK(r.trend.verdict == verdict::consistent_with_chance);
}

TEST_CASE("a trend does not depend on the unit of the quantity") {
  std::vector<atlas::scaled_value> models;
  for (int i = 0; i < 4; ++i)
    models.push_back({"m", std::pow(10.0, 5 + i), 64, 0.3 * i + (i % 2), 0.1 + 0.01 * i});
  const auto wanted = atlas::scale_control(models);
  for (const int e : {-700, -530, 530, 700}) {
    auto other = models;
    for (auto& m : other) {
      m.value = std::ldexp(m.value, e);
      m.standard_error = std::ldexp(m.standard_error, e);
    }
    const auto r = atlas::scale_control(other);
    CAPTURE(e);
    CHECK(r.trend.value == std::ldexp(wanted.trend.value, e));
    CHECK(r.trend.null_sd == std::ldexp(wanted.trend.null_sd, e));
    CHECK(r.trend.z == wanted.trend.z);
    CHECK(r.trend.p == wanted.trend.p);
    CHECK(r.scatter == wanted.scatter);
  }
}

TEST_CASE("models that have no trend are refused") {
  const atlas::scaled_value a{"a", 1, 64, 1, 1}, b{"b", 2, 64, 1, 1};
  auto other = b;
  CHECK_REFUSED(atlas::shape_error, atlas::scale_control({a}), "models", "1");
  CHECK_REFUSED(atlas::value_error, (atlas::scale_control({a, a})), "sizes", "one size");
  other.head_dimension = 32;
  CHECK_REFUSED(atlas::value_error, (atlas::scale_control({a, other})), "head_dimension", "32");
  other = b;
  other.standard_error = 0;
  CHECK_REFUSED(atlas::value_error, (atlas::scale_control({a, other})), "standard_error", "0");
  other = b;
  other.size = -2;
  CHECK_REFUSED(atlas::value_error, (atlas::scale_control({a, other})), "size", "-2");
}

TEST_CASE("the gate opens at the first checkpoint from which on the null is left") {
  const auto r = atlas::maturation_gate({{"step 0", 0.41, 0.4, 0.02, 0},
                                         {"step 10", 0.5, 0.4, 0.02, 0},
                                         {"step 20", 0.39, 0.4, 0.02, 0},
                                         {"step 30", 0.55, 0.4, 0.02, 0},
                                         {"step 40", 0.6, 0.4, 0.02, 0}});
  CHECK(r.starts_at_chance);
  CHECK(r.verdict == verdict::above);
  REQUIRE(r.departure.has_value());
  CHECK(*r.departure == 3);
  const auto never =
      atlas::maturation_gate({{"step 0", 0.6, 0.4, 0.02, 0}, {"step 1", 0.41, 0.4, 0.02, 0}});
  CHECK_FALSE(never.departure.has_value());
  CHECK_FALSE(never.starts_at_chance);
  CHECK(never.verdict == verdict::consistent_with_chance);
  const auto always = atlas::maturation_gate({{"step 0", 0.6, 0.4, 0.02, 0}});
  CHECK(*always.departure == 0);
}

TEST_CASE("a gate needs checkpoints with values") {
  CHECK_REFUSED(atlas::shape_error, atlas::maturation_gate({}), "checkpoints", "none");
  CHECK_REFUSED(
      atlas::value_error,
      (atlas::maturation_gate({{"step 0", std::numeric_limits<double>::quiet_NaN(), 0, 1, 0}})),
      "step 0", "NaN");
}
