// SPDX-License-Identifier: MIT
#include "atlas/protocols/cross_architecture.hpp"

#include <cmath>

#include "../catch.hpp"
#include "../messages.hpp"
#include "samples_for_tests.hpp"

using namespace atlas_test;
using atlas::verdict;

namespace {

atlas::model_layers planned_model(const std::string& name, atlas::index_t layers,
                                  sample_plan plan) {
  atlas::model_layers model{name, {}};
  for (atlas::index_t l = 0; l < layers; ++l, ++plan.seed) {
    model.layers.push_back(planned_sample(plan));
    model.layers.back().layer = l;
  }
  return model;
}

}  // namespace

TEST_CASE("depths are rounded to layers") {
  CHECK(atlas::layer_at_depth(0, 6) == 0);
  CHECK(atlas::layer_at_depth(0.5, 6) == 3);
  CHECK(atlas::layer_at_depth(1, 12) == 11);
  CHECK_REFUSED(atlas::value_error, atlas::layer_at_depth(1.5, 6), "depths", "1.5");
}

TEST_CASE("models are cut down to what they have in common, in whole groups") {
  const auto r = atlas::compare_architectures(
      {planned_model("plain", 4, {.heads = 7, .rows = 120, .d = 16}),
       planned_model("grouped", 3, {.heads = 12, .rows = 90, .heads_per_group = 3, .seed = 20})},
      {.measures = quick_protocol()});
  CHECK(r.heads == 6);
  CHECK(r.points == 90);
  REQUIRE(r.measurements.size() == 6);
  CHECK(r.measurements[2].layer == 2);  // round(0.5 * 3)
  CHECK(r.measurements[3].layer == 1);
  for (const auto& m : r.measurements) {
    CHECK(m.overlap.matrix.rows() == 6);
    CHECK(m.mean_dimension > 1);
    CHECK(m.overlap.ambient_dimension == (m.model == "plain" ? 16 : 24));
  }
  CHECK(r.global.size() == 6);
  CHECK(r.intra.size() == 3);
  CHECK(r.grouping.size() == 3);
  CHECK(r.differences.size() == 3);
}

TEST_CASE("groups that share subspaces are above chance within and at chance between") {
  const auto r = atlas::compare_architectures(
      {planned_model("plain", 3, {}),
       planned_model("grouped", 3, {.heads_per_group = 2, .seed = 20})},
      {.measures = quick_protocol()});
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(r.intra[i].verdict == verdict::above);
    CHECK(r.grouping[i].verdict == verdict::above);
    CHECK(r.differences[i].verdict == verdict::consistent_with_chance);
  }
  for (const auto& f : r.inter) CHECK(f.verdict == verdict::consistent_with_chance);
  CHECK(r.grouping[0].null_mean == 0);
  CHECK(r.differences[0].label == "grouped at depth 0.00 less plain");
}

TEST_CASE("models of different d_head are compared by their excess over the null") {
  const auto r =
      atlas::compare_architectures({planned_model("narrow", 1, {.d = 12}),
                                    planned_model("wide", 1, {.d = 40, .shared = true, .seed = 9})},
                                   {.depths = {1}, .measures = quick_protocol()});
  CHECK(r.differences[0].verdict == verdict::above);
  CHECK(r.differences[0].value == Approx((r.inter[1].value - r.inter[1].null_mean) -
                                         (r.inter[0].value - r.inter[0].null_mean)));
}

TEST_CASE("models without anything in common are refused") {
  const auto a = planned_model("a", 1, {.heads = 2, .rows = 40});
  const auto b = planned_model("b", 1, {.heads = 6, .rows = 40, .heads_per_group = 3});
  CHECK_REFUSED(atlas::shape_error, atlas::compare_architectures({a}), "models", "1");
  CHECK_REFUSED(atlas::value_error, (atlas::compare_architectures({a, a})), "models", "a twice");
  CHECK_REFUSED(atlas::shape_error, (atlas::compare_architectures({a, b})), "models",
                "whole groups");
  CHECK_REFUSED(atlas::shape_error,
                (atlas::compare_architectures({a, atlas::model_layers{"c", {}}})), "c", "none");
  CHECK_REFUSED(atlas::value_error,
                (atlas::compare_architectures({a, planned_model("d", 1, {.heads = 2})},
                                              {.depths = {-1}, .measures = quick_protocol()})),
                "depths", "-1");
}
