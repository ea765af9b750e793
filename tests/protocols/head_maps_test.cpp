// SPDX-License-Identifier: MIT
/// \file
/// Maps of heads against products written out, and heads that were moved and turned.

#include "atlas/protocols/head_maps.hpp"

#include <Eigen/Core>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/linalg/assignment.hpp"
#include "atlas/linalg/frame.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "turned_model_for_tests.hpp"

namespace head_maps_test {

namespace {

using atlas::index_t;
using atlas_test::turned_model;

atlas::transformer_config small(atlas::model_family family) {
  atlas::transformer_config c;
  if (family == atlas::model_family::llama) c = atlas::llama_config();
  c.family = family;
  c.layers = 2;
  c.model_dimension = 24;
  c.heads = 6;
  c.key_value_heads = family == atlas::model_family::gpt2 ? 6 : 3;
  c.head_dimension = 4;
  c.mlp_dimension = 16;
  c.vocabulary = 20;
  c.positions = 32;
  return c;
}

/// Norms and biases that are not 1 and 0.
atlas::transformer random_model(atlas::model_family family, std::uint64_t seed) {
  atlas::transformer model = atlas::random_transformer(small(family), {.seed = seed});
  atlas::random_stream random(seed + 100);
  model.for_each_parameter([&](const std::string&, const auto& extents, std::span<float> values) {
    if (extents.size() == 1)
      for (float& v : values) v += static_cast<float>(0.1 * random.normal());
  });
  return model;
}

TEST_CASE("maps of heads are the products of the weights, with norms and biases") {
  const atlas::transformer model = random_model(atlas::model_family::gpt2, 5);
  std::map<std::string, std::vector<float>> w;
  model.for_each_parameter([&](const std::string& name, const auto&, std::span<const float> x) {
    w[name] = {x.begin(), x.end()};
  });
  const auto& fused = w["transformer.h.1.attn.c_attn.weight"];  // [24, 72]
  const auto& bias = w["transformer.h.1.attn.c_attn.bias"];
  const auto& gain = w["transformer.h.1.ln_1.weight"];
  const auto& shift = w["transformer.h.1.ln_1.bias"];
  const atlas::head_maps maps = atlas::maps_of_heads(model, 1);
  REQUIRE(maps.queries.size() == 6);
  // A query and a value from a vector that the norm has centred and scaled.
  atlas::random_stream random(2);
  Eigen::VectorXd x(25);
  for (double& v : x) v = random.normal();
  x(24) = 1;
  for (const index_t part : {0, 1, 2}) {
    const std::size_t column = static_cast<std::size_t>(24 * part + 4 * 3 + 2);  // head 3, row 2
    double expected = part == 1 ? 0 : static_cast<double>(bias[column]);
    for (std::size_t m = 0; m < 24; ++m) {
      const double in = x(static_cast<index_t>(m)) * static_cast<double>(gain[m]) +
                        (part == 1 ? 0 : static_cast<double>(shift[m]));
      expected += in * static_cast<double>(fused[m * 72 + column]);
    }
    const auto& map = part == 0 ? maps.queries[3] : part == 1 ? maps.keys[3] : maps.values[3];
    CHECK((map * x)(2) == Approx(expected).epsilon(1e-9));
  }
  // Cosines are those of the whole products.
  const atlas::head_maps other =
      atlas::maps_of_heads(random_model(atlas::model_family::gpt2, 6), 1);
  const atlas::map_similarity s = atlas::similarity_of_maps(maps, other);
  const Eigen::MatrixXd p = maps.queries[1].transpose() * maps.keys[1];
  const Eigen::MatrixXd q = other.queries[4].transpose() * other.keys[4];
  CHECK(s.looks(1, 4) == Approx(p.cwiseProduct(q).sum() / p.norm() / q.norm()).margin(1e-12));
  const Eigen::MatrixXd v = maps.writes[2].transpose() * maps.values[2];
  const Eigen::MatrixXd u = other.writes[0].transpose() * other.values[0];
  CHECK(s.writes(2, 0) == Approx(v.cwiseProduct(u).sum() / v.norm() / u.norm()).margin(1e-12));
}

TEST_CASE("heads that were moved and turned in their own coordinates are found by their maps") {
  for (const auto family :
       {atlas::model_family::gpt2, atlas::model_family::llama, atlas::model_family::atlas}) {
    const atlas::transformer model = random_model(family, 5);
    // Groups of two but for gpt2: groups move, and heads within them.
    const std::vector<index_t> from = family == atlas::model_family::gpt2
                                          ? std::vector<index_t>{5, 2, 0, 1, 4, 3}
                                          : std::vector<index_t>{5, 4, 0, 1, 3, 2};
    const atlas::transformer other = turned_model(model, from, 11);
    for (const index_t layer : {0, 1}) {
      const atlas::map_similarity s = atlas::similarity_of_maps(atlas::maps_of_heads(model, layer),
                                                                atlas::maps_of_heads(other, layer));
      const auto found = atlas::best_assignment_of_groups((0.5 * (s.looks + s.writes)).eval(),
                                                          model.config().heads_per_group());
      for (index_t h = 0; h < 6; ++h) {
        const index_t old = from[static_cast<std::size_t>(h)];
        CHECK(found.column[static_cast<std::size_t>(old)] == h);
        CHECK(s.looks(old, h) == Approx(1).margin(1e-5));
        CHECK(s.writes(old, h) == Approx(1).margin(1e-5));
      }
      CHECK(found.total == Approx(6).margin(1e-4));
    }
  }
}

TEST_CASE(
    "in another stream heads are to each other what they were, and chance to those they were") {
  const auto maps = atlas::maps_of_heads(random_model(atlas::model_family::llama, 5), 0);
  atlas::random_stream random(3);
  const auto other = atlas::in_other_stream(maps, random);
  const auto before = atlas::similarity_of_maps(maps, maps),
             after = atlas::similarity_of_maps(other, other);
  CHECK((before.looks - after.looks).cwiseAbs().maxCoeff() < 1e-12);
  CHECK((before.writes - after.writes).cwiseAbs().maxCoeff() < 1e-12);
  const auto across = atlas::similarity_of_maps(maps, other);
  CHECK(before.looks.diagonal().minCoeff() == Approx(1).margin(1e-12));
  CHECK(across.looks.cwiseAbs().maxCoeff() < 0.5);
  CHECK(across.writes.cwiseAbs().maxCoeff() < 0.5);
}

TEST_CASE("maps of other layers, heads and models are refused by name") {
  const auto a = random_model(atlas::model_family::gpt2, 1);
  CHECK_REFUSED(atlas::value_error, atlas::maps_of_heads(a, 2), "layer", "2");
  const auto maps = atlas::maps_of_heads(a, 0);
  atlas::random_stream random(1);
  CHECK_REFUSED(atlas::shape_error, atlas::in_other_stream({}, random), "maps", "none");
  auto fewer = maps;
  fewer.queries.pop_back();
  CHECK_REFUSED(atlas::shape_error, atlas::similarity_of_maps(maps, fewer), "b",
                "as many heads as a, 6");
  CHECK_REFUSED(atlas::shape_error,
                atlas::similarity_of_maps(
                    maps, atlas::maps_of_heads(random_model(atlas::model_family::llama, 1), 0)),
                "heads_per_group", "1");
  const auto other = [](void (*change)(atlas::transformer_config&)) {
    atlas::transformer_config c = small(atlas::model_family::atlas);
    change(c);
    return atlas::random_transformer(c);
  };
  using config = atlas::transformer_config;
  CHECK_REFUSED(
      atlas::value_error,
      atlas::maps_of_heads(other([](config& c) { c.norms = atlas::norm_position::both; }), 0),
      "model: norms", "after");
  CHECK_REFUSED(
      atlas::value_error,
      atlas::maps_of_heads(other([](config& c) { c.head_norm = atlas::query_key_norm::heads; }), 0),
      "model: head_norm", "some");
  CHECK_REFUSED(atlas::value_error,
                atlas::maps_of_heads(other([](config& c) { c.norm_offset = 0.5; }), 0),
                "model: norm_offset", "0.5");
  CHECK_REFUSED(atlas::value_error,
                atlas::maps_of_heads(other([](config& c) {
                                       c.family = atlas::model_family::phi3;
                                       c.rotary_share = 1;
                                     }),
                                     0),
                "model: family", "another");
}

}  // namespace

}  // namespace head_maps_test
