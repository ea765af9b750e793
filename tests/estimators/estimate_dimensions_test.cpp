// SPDX-License-Identifier: MIT
#include "atlas/dimension/estimate_dimensions.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/dimension/dimensions_by_scale.hpp"
#include "atlas/dimension/dimensions_null.hpp"
#include "atlas/simulation/clouds.hpp"

namespace estimate_dimensions_test {

namespace {

using atlas::any_estimator, atlas::dimension_estimate, atlas::index_t;
using atlas::estimators::mom;

bool same_number(double a, double b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

void check_same(const dimension_estimate& a, const dimension_estimate& b) {
  CHECK(same_number(a.dimension, b.dimension));
  CHECK(same_number(a.standard_error, b.standard_error));
  CHECK(same_number(a.interval.lower, b.interval.lower));
  CHECK(same_number(a.interval.upper, b.interval.upper));
  CHECK(a.points_used == b.points_used);
  CHECK(a.merged == b.merged);
  CHECK(a.duplicates == b.duplicates);
  CHECK(a.isolated == b.isolated);
  CHECK(a.contexts == b.contexts);
  CHECK(a.fault == b.fault);
  CHECK(a.claim == b.claim);
  CHECK(a.remark == b.remark);
  REQUIRE(a.local.size() == b.local.size());
  for (std::size_t i = 0; i < a.local.size(); ++i) CHECK(same_number(a.local[i], b.local[i]));
}

/// Estimate i of several is what that estimator gives alone, or NaN where that is an error.
template <class Cloud>
void check_as_alone(const Cloud& points, const std::vector<any_estimator>& list,
                    atlas::dimension_options options) {
  const auto several = atlas::estimate_dimensions(points, list, options);
  REQUIRE(several.size() == list.size());
  options.degenerate = atlas::degenerate_policy::report;
  for (std::size_t i = 0; i < list.size(); ++i) {
    CAPTURE(atlas::name_of(list[i]));
    try {
      check_same(
          several[i],
          std::visit([&](const auto& e) { return atlas::estimate_dimension(points, e, options); },
                     list[i]));
    } catch (const atlas::error& e) {
      CHECK(std::isnan(several[i].dimension));
      CHECK(several[i].remark == e.what());
    }
  }
}

atlas::owned_tensor<float, 2> torus(index_t rows) {
  atlas::random_stream random(2);
  return atlas::simulate_torus<float>(rows, 2, random);
}

}  // namespace

TEST_CASE("estimators have different names, defaults that are valid, and keys that differ") {
  std::set<std::string> names;
  for (const any_estimator& e : atlas::all_estimators()) {
    CAPTURE(atlas::name_of(e));
    CHECK(names.insert(std::string(atlas::name_of(e))).second);
    CHECK_NOTHROW(atlas::check_estimator(e));
    CHECK(atlas::neighbors_of(e) >= 0);
    std::set<std::string> keys;
    atlas::visit_parameters(
        e, [&](std::string_view key, const auto&) { CHECK(keys.insert(std::string(key)).second); });
  }
}

TEST_CASE("each of several estimates is the bits of that estimator alone") {
  const auto points = torus(160);
  check_as_alone(points, atlas::all_estimators(), {.resamples = 4});
  check_as_alone(points, atlas::all_estimators(), {.resamples = 4, .threads = 3});
}

TEST_CASE("so are those of clouds with duplicates, contexts and periods") {
  auto points = torus(120);
  for (index_t i = 0; i < 15; ++i)
    for (index_t k = 0; k < 4; ++k)
      points.mutable_view()(i, k) =
          static_cast<const atlas::owned_tensor<float, 2>&>(points)[60 + i][k];
  const std::vector<any_estimator> list = {mom{.k = 4}, mom{.k = 12}, mom{.k = 110}};
  check_as_alone(points, list, {});
  check_as_alone(points, list, {.duplicates = atlas::duplicate_policy::drop});
  check_as_alone(points, list, {.duplicates = atlas::duplicate_policy::error});
  atlas::owned_tensor<index_t, 1> context({120});
  for (index_t i = 0; i < 120; ++i) context.mutable_view()[i] = i / 5;
  check_as_alone(points, list, {.exclude = atlas::distinct_contexts(context)});
  check_as_alone(points, list, {.exclude = atlas::same_context(context), .context = context});
}

TEST_CASE("periods are honoured, or refused by the one that cannot") {
  atlas::random_stream random(8);
  const auto points = atlas::simulate_cube(150, 2, random);
  check_as_alone(points, atlas::all_estimators(), {.periods = {1, 1}, .resamples = 4});
}

TEST_CASE("what is wrong with the cloud or with parameters is an error of the whole") {
  const auto points = torus(50);
  CHECK_THROWS_AS(atlas::estimate_dimensions(points, {}), atlas::value_error);
  try {
    (void)atlas::estimate_dimensions(points, {mom{.k = 5}, mom{.k = 1}});
    FAIL("no error");
  } catch (const atlas::value_error& e) {
    CHECK(std::string(e.what()).starts_with("estimators[1], mom, k: expected a whole number"));
  }
  CHECK_THROWS_AS(atlas::estimate_dimensions(torus(2), {mom{.k = 2}}), atlas::shape_error);
  auto nan = torus(50);
  nan.mutable_view()(3, 1) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(atlas::estimate_dimensions(nan, {mom{.k = 5}}), atlas::value_error);
  CHECK_THROWS_AS(atlas::estimate_dimensions(points, {mom{.k = 5}}, {.confidence = 1}),
                  atlas::value_error);
}

TEST_CASE("a cloud of one point has no estimate, and says so") {
  const atlas::owned_tensor<double, 2> zeros({30, 3});
  for (const auto policy : {atlas::duplicate_policy::merge, atlas::duplicate_policy::drop})
    for (const auto& e : atlas::estimate_dimensions(zeros, atlas::all_estimators(),
                                                    {.duplicates = policy, .resamples = 2})) {
      CHECK(std::isnan(e.dimension));
      CHECK((e.fault != atlas::cloud_fault::none || !e.remark.empty()));
    }
}

TEST_CASE("what has no estimate says why, and blames distances only where these do not differ") {
  atlas::random_stream random(4);
  const auto wide = atlas::simulate_gaussian(50, 300, random);
  const std::vector<any_estimator> list = {
      atlas::estimators::binomial{}, atlas::estimators::box_counting{},
      atlas::estimators::fisher_separability{}, atlas::estimators::spanning_tree{}, mom{.k = 60}};
  for (const auto& e : atlas::estimate_dimensions(wide, list, {.resamples = 2})) {
    if (!std::isnan(e.dimension)) continue;
    CHECK(e.fault != atlas::cloud_fault::too_few_ratios);
    CHECK_FALSE(e.remark.empty());
  }
}

TEST_CASE("one context leaves no neighbours of others, and says how many rows that are") {
  const auto points = torus(60);
  const std::vector<int> one(60, 3);
  for (const auto& e : atlas::estimate_dimensions(
           points, atlas::all_estimators(),
           {.exclude = atlas::same_context(one), .context = one, .resamples = 4})) {
    CHECK(std::isnan(e.standard_error));
    CHECK_FALSE(e.remark.empty());
  }
}

TEST_CASE("estimates from a table are those of the points, where points are not needed") {
  const auto points = torus(200);
  const auto table = atlas::nearest_neighbors(points, {.k = 120});
  auto list = atlas::all_estimators();
  list.push_back(mom{.k = 130});
  const auto found = atlas::estimate_dimensions_from_neighbors(table, list, {.resamples = 0});
  const auto direct = atlas::estimate_dimensions(points, list, {.resamples = 0});
  for (std::size_t i = 0; i < list.size(); ++i) {
    CAPTURE(atlas::name_of(list[i]));
    if (atlas::needs_points(list[i]))
      CHECK(found[i].remark == "needs the points, of which there are neighbours alone");
    else if (atlas::neighbors_of(list[i]) > 120)
      CHECK(std::isnan(found[i].dimension));
    else
      CHECK(same_number(found[i].dimension, direct[i].dimension));
  }
}

TEST_CASE("progress has a step for the search and one for each estimator, and may stop") {
  index_t most = 0, total = 0;
  const std::vector<any_estimator> list = {mom{.k = 5}, mom{.k = 10}};
  (void)atlas::estimate_dimensions(torus(60), list, {.on_progress = [&](const atlas::progress& p) {
                                     most = p.done;
                                     total = p.total;
                                     return true;
                                   }});
  CHECK(most == 3);
  CHECK(total == 3);
  CHECK_THROWS_AS(
      atlas::estimate_dimensions(
          torus(60), list, {.on_progress = [](const atlas::progress& p) { return p.done < 2; }}),
      atlas::cancelled);
}

TEST_CASE("scales are of disjoint parts, and their first is the whole cloud") {
  const auto points = torus(450);
  const std::vector<any_estimator> list = {mom{.k = 10}, mom{.k = 150}};
  const auto scales = atlas::estimate_dimensions_by_scale(points, list);
  REQUIRE(scales.size() == 3);  // of 450, 225 and 112 rows
  const auto whole = atlas::estimate_dimensions(points, list);
  CHECK(scales[0].dimensions[0].dimension == Approx(whole[0].dimension).epsilon(1e-12));
  CHECK(scales[0].dimensions[0].standard_error == Approx(whole[0].standard_error).epsilon(1e-12));
  for (std::size_t s = 0; s < 3; ++s) {
    CHECK(scales[s].parts == index_t{1} << s);
    CHECK(scales[s].points >= 450 >> s);
    if (s > 0) CHECK(scales[s].distance > scales[s - 1].distance);
  }
  CHECK(std::isfinite(scales[1].dimensions[1].dimension));
  CHECK(std::isnan(scales[2].dimensions[1].dimension));
  const auto threads = atlas::estimate_dimensions_by_scale(points, list, {.threads = 3});
  CHECK(same_number(threads[2].dimensions[0].dimension, scales[2].dimensions[0].dimension));
}

TEST_CASE("intervals of means over parts hold the mean of the estimator") {
  constexpr int clouds = 150;
  std::vector<double> found;
  std::vector<atlas::interval> intervals;
  for (int c = 0; c < clouds; ++c) {
    atlas::random_stream random(9, static_cast<std::uint64_t>(c));
    const auto points = atlas::simulate_torus(300, 2, random);
    const auto scales =
        atlas::estimate_dimensions_by_scale(points, {mom{.k = 8}}, {.threads = 1}, {.halvings = 1});
    found.push_back(scales.at(1).dimensions[0].dimension);
    intervals.push_back(scales[1].dimensions[0].interval);
  }
  double mean = 0, held = 0;
  for (const double d : found) mean += d / clouds;
  for (const atlas::interval& i : intervals) held += i.lower <= mean && mean <= i.upper ? 1 : 0;
  CAPTURE(held);
  CHECK(held / clouds > 0.89);
}

TEST_CASE("a Gaussian cloud is like its surrogates, and a curve is not") {
  atlas::random_stream random(5);
  const std::vector<any_estimator> list = {mom{.k = 10}, mom{.k = 500}};
  const auto gaussian = atlas::simulate_gaussian(250, 3, random);
  const auto of_gaussian = atlas::estimate_dimensions(gaussian, list);
  const auto null = atlas::estimate_dimensions_null(gaussian, list, of_gaussian);
  REQUIRE(null.size() == 2);
  CHECK(null[0].observed == of_gaussian[0].dimension);
  CHECK(null[0].p > 1e-4);
  CHECK(std::isnan(null[1].p));
  const auto circle = atlas::simulate_torus(250, 1, random);
  const auto of_circle =
      atlas::estimate_dimensions_null(circle, list, atlas::estimate_dimensions(circle, list));
  CHECK(of_circle[0].p < 1e-6);
  CHECK(of_circle[0].mean > of_circle[0].observed);
  CHECK_THROWS_AS(atlas::estimate_dimensions_null(circle, list, {}), atlas::shape_error);
  CHECK_THROWS_AS(atlas::estimate_dimensions_null(
                      circle, list, atlas::estimate_dimensions(circle, list), {.periods = {1, 1}}),
                  atlas::value_error);
}

}  // namespace estimate_dimensions_test
