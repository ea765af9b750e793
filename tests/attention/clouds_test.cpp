// SPDX-License-Identifier: MIT
#include "atlas/attention/clouds.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../reference/models_for_tests.hpp"

using namespace atlas_test;
using atlas::cloud_collector;

namespace {

atlas::cloud_options micro_clouds() {
  return {.layers = {0, 1},
          .heads = 4,
          .head_dimension = 8,
          .blocks = 5,
          .tokens_per_block = 40,
          .min_context = 6,
          .points = 60};
}

}  // namespace

TEST_CASE("cloud rows are the residuals of the places that they name") {
  const auto model = atlas::io::open_transformer(model_folder("micro-llama"));
  auto options = micro_clouds();
  options.head_dimension = model.config().head_dimension;
  const auto blocks = some_blocks(5, 40);
  for (const auto kind : {atlas::residual_kind::raw, atlas::residual_kind::tail}) {
    options.kind = kind;
    cloud_collector collector(options);
    model.forward(blocks, {.observer = collector.observer()});
    const auto clouds = collector.clouds(1);
    CHECK(clouds.points.extents() == atlas::shape<3>{4, 60, options.head_dimension});
    std::map<std::pair<atlas::index_t, atlas::index_t>, atlas::owned_tensor<float, 2>> residuals;
    std::map<std::pair<atlas::index_t, atlas::index_t>, atlas::owned_tensor<atlas::index_t, 1>>
        attended;
    std::mutex mutex;
    model.forward(
        blocks,
        {.observed_layers = {1}, .observer = [&](const atlas::head_capture& h) {
           const auto r = atlas::decompose_residual(h.weights, h.values);
           const std::lock_guard lock(mutex);
           attended[{h.block, h.head}] = r.argmax;
           residuals[{h.block, h.head}] = kind == atlas::residual_kind::raw ? r.raw : r.tail;
         }});
    int wrong = 0;
    for (atlas::index_t n = 0; n < 60; ++n)
      for (atlas::index_t h = 0; h < 4; ++h) {
        const std::pair place(clouds.context[n], h);
        wrong += clouds.attended(h, n) != attended[place][clouds.position[n]];
        for (atlas::index_t k = 0; k < options.head_dimension; ++k)
          wrong += clouds.points(h, n, k) != residuals[place](clouds.position[n], k);
      }
    CHECK(wrong == 0);
  }
}

TEST_CASE("rows are distinct places after the first ones, the same for every thread count") {
  const auto model = atlas::io::open_transformer(model_folder("micro-gpt2"));
  cloud_collector one(micro_clouds()), two(micro_clouds());
  model.forward(some_blocks(5, 40), {.observer = one.observer(), .threads = 1});
  model.forward(some_blocks(5, 40), {.observer = two.observer(), .threads = 2});
  const auto a = one.clouds(0), b = two.clouds(0);
  std::set<std::pair<atlas::index_t, atlas::index_t>> places;
  for (atlas::index_t n = 0; n < 60; ++n) {
    CHECK(a.position[n] >= 6);
    places.emplace(a.context[n], a.position[n]);
  }
  CHECK(places.size() == 60);
  CHECK(std::equal(a.points.data(), a.points.data() + a.points.size(), b.points.data()));
}

TEST_CASE("as many rows are drawn of each block, one from each part of it") {
  const auto model = atlas::io::open_transformer(model_folder("micro-gpt2"));
  auto options = micro_clouds();
  for (const atlas::index_t points : {3, 58, 60, 170, 1000}) {
    options.points = points;
    cloud_collector collector(options);
    model.forward(some_blocks(5, 40), {.observer = collector.observer()});
    const auto clouds = collector.clouds(0);
    const atlas::index_t rows = std::min<atlas::index_t>(points, 170), each = 34;
    REQUIRE(clouds.context.size() == rows);
    for (atlas::index_t b = 0, n = 0; b < 5; ++b) {
      const auto drawn = std::count(clouds.context.data(), clouds.context.data() + rows, b);
      CHECK((drawn == rows / 5 || drawn == (rows + 4) / 5));
      for (atlas::index_t i = 0; i < drawn; ++i, ++n) {
        CHECK(clouds.position[n] - 6 >= i * each / drawn);
        CHECK(clouds.position[n] - 6 < (i + 1) * each / drawn);
      }
    }
  }
}

TEST_CASE("pooling puts the query heads of a key/value head into one cloud") {
  const auto model = atlas::io::open_transformer(model_folder("micro-gpt2"));
  cloud_collector collector(micro_clouds());
  model.forward(some_blocks(5, 40), {.observer = collector.observer()});
  const auto clouds = collector.clouds(0);
  const auto pooled = atlas::pooled_per_key_value_head(clouds, 2);
  CHECK(pooled.points.extents() == atlas::shape<3>{2, 120, 8});
  CHECK(pooled.points(1, 70, 3) == clouds.points(3, 10, 3));
  CHECK(pooled.context[70] == clouds.context[10]);
  CHECK(pooled.same_context().rejects(10, 70));
  CHECK(pooled.distinct_contexts().distinct);
  // Rows 10 and 70 are of one place in one block.
  CHECK(pooled.same_context_within(0).rejects(10, 70));
  const auto away = std::find_if(
      clouds.position.data(), clouds.position.data() + 60, [&](const atlas::index_t& position) {
        const auto row = &position - clouds.position.data();
        return clouds.context[row] == clouds.context[10] && position != clouds.position[10];
      });
  REQUIRE(away != clouds.position.data() + 60);
  CHECK_FALSE(pooled.same_context_within(0).rejects(10, away - clouds.position.data()));
  auto unattended = clouds;
  unattended.attended = {};
  CHECK(atlas::pooled_per_key_value_head(unattended, 2).attended.empty());
  CHECK_REFUSED(atlas::value_error, atlas::pooled_per_key_value_head(clouds, 3), "heads_per_group",
                "3");
}

TEST_CASE("clouds that cannot be collected are refused") {
  auto options = micro_clouds();
  options.min_context = 40;
  CHECK_REFUSED(atlas::value_error, cloud_collector(options), "min_context", "39");
  options = micro_clouds();
  options.points = 2;
  CHECK_REFUSED(atlas::value_error, cloud_collector(options), "points", "2");
  cloud_collector collector(micro_clouds());
  CHECK_REFUSED(atlas::value_error, collector.clouds(7), "layer", "7");
}
