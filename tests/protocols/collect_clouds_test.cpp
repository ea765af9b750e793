// SPDX-License-Identifier: MIT
#include "atlas/protocols/collect_clouds.hpp"

#include <map>
#include <mutex>
#include <utility>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/attention/residual.hpp"
#include "atlas/core/random.hpp"
#include "atlas/reference/random_transformer.hpp"

using namespace atlas_test;
using atlas::collect_clouds;
using atlas::index_t;

namespace {

/// Of random weights, with grouped queries in the llama family.
atlas::transformer micro(atlas::model_family family) {
  const bool llama = family == atlas::model_family::llama;
  atlas::transformer_config c;
  if (llama) c = atlas::llama_config();
  c.layers = 2;
  c.model_dimension = 32;
  c.heads = 4;
  c.key_value_heads = llama ? 2 : 4;
  c.head_dimension = 8;
  c.mlp_dimension = 40;
  c.vocabulary = 50;
  c.positions = 40;
  return atlas::random_transformer(c, {.seed = 2});
}

atlas::owned_tensor<index_t, 2> some_blocks(index_t count, index_t tokens) {
  atlas::owned_tensor<index_t, 2> blocks({count, tokens});
  atlas::random_stream random(5);
  for (index_t i = 0; i < blocks.size(); ++i)
    blocks.mutable_view().data()[i] = random.uniform_index(50);
  return blocks;
}

template <class T, std::size_t Rank>
bool same_numbers(const atlas::owned_tensor<T, Rank>& a, const atlas::owned_tensor<T, Rank>& b) {
  if (a.extents() != b.extents()) return false;
  for (index_t i = 0; i < a.size(); ++i)
    if (a.data()[i] != b.data()[i]) return false;
  return true;
}

bool same_clouds(const atlas::head_clouds& a, const atlas::head_clouds& b) {
  return a.layer == b.layer && a.undefined_rows == b.undefined_rows &&
         same_numbers(a.points, b.points) && same_numbers(a.context, b.context) &&
         same_numbers(a.position, b.position) && same_numbers(a.attended, b.attended);
}

/// As users put it together themselves.
std::vector<atlas::head_clouds> with_a_collector(const atlas::transformer& model,
                                                 const atlas::owned_tensor<index_t, 2>& blocks,
                                                 const std::vector<index_t>& layers,
                                                 atlas::residual_kind kind, std::uint64_t seed) {
  atlas::cloud_collector collector({.layers = layers,
                                    .heads = model.config().heads,
                                    .head_dimension = model.config().head_dimension,
                                    .blocks = blocks.extent(0),
                                    .tokens_per_block = blocks.extent(1),
                                    .min_context = 6,
                                    .points = 60,
                                    .kind = kind,
                                    .seed = seed});
  model.forward(blocks, {.observed_layers = layers, .observer = collector.observer()});
  std::vector<atlas::head_clouds> out;
  for (const index_t l : layers) out.push_back(collector.clouds(l));
  return out;
}

}  // namespace

TEST_CASE("clouds of one call are those of a collector, of all choices, to the bit") {
  const auto blocks = some_blocks(5, 40);
  for (const auto family : {atlas::model_family::gpt2, atlas::model_family::llama}) {
    const auto model = micro(family);
    for (const auto kind : {atlas::residual_kind::raw, atlas::residual_kind::tail}) {
      atlas::collect_clouds_options options{.min_context = 6,
                                            .points = 60,
                                            .kind = kind,
                                            .seed = 3,
                                            .further = {{{1}, 4}},
                                            .perplexity = true};
      const auto all = collect_clouds(model, blocks, options);
      const auto wanted = with_a_collector(model, blocks, {0, 1}, kind, 3);
      const auto other = with_a_collector(model, blocks, {1}, kind, 4);
      REQUIRE(static_cast<index_t>(all.layers.size()) == model.config().layers);
      CHECK(same_clouds(all.layers[0], wanted[0]));
      CHECK(same_clouds(all.layers[1], wanted[1]));
      REQUIRE(all.further.size() == 1);
      REQUIRE(all.further[0].size() == 1);
      CHECK(same_clouds(all.further[0][0], other[0]));
      CHECK(all.perplexity->block_losses == atlas::perplexity(model, blocks).block_losses);
      options.layers = {1, 0};
      options.perplexity = false;
      options.threads = 3;
      const auto chosen = collect_clouds(model, blocks, options);
      CHECK(same_clouds(chosen.layers[0], wanted[1]));
      CHECK(same_clouds(chosen.layers[1], wanted[0]));
      CHECK_FALSE(chosen.perplexity.has_value());
    }
  }
}

TEST_CASE("rows of one call are the residuals of the places that they name") {
  const auto model = micro(atlas::model_family::llama);
  const auto blocks = some_blocks(3, 40);
  std::map<std::pair<index_t, index_t>, atlas::owned_tensor<float, 2>> residuals;
  std::mutex mutex;
  model.forward(blocks, {.observed_layers = {1}, .observer = [&](const atlas::head_capture& h) {
                           auto r = atlas::decompose_residual(h.weights, h.values);
                           const std::lock_guard lock(mutex);
                           residuals[{h.block, h.head}] = std::move(r.raw);
                         }});
  const auto clouds =
      collect_clouds(model, blocks, {.layers = {1}, .min_context = 4, .rows_per_passage = 7})
          .layers.front();
  CHECK(clouds.points.extents() ==
        atlas::shape<3>{model.config().heads, 21, model.config().head_dimension});
  index_t wrong = 0;
  for (index_t n = 0; n < 21; ++n) {
    CHECK(clouds.context[n] == n / 7);
    CHECK(clouds.position[n] >= 4);
    if (n % 7 > 0) CHECK(clouds.position[n] > clouds.position[n - 1]);
    for (index_t h = 0; h < clouds.points.extent(0); ++h)
      for (index_t k = 0; k < clouds.points.extent(2); ++k)
        wrong += clouds.points(h, n, k) !=
                 residuals[std::pair(clouds.context[n], h)](clouds.position[n], k);
  }
  CHECK(wrong == 0);
}

TEST_CASE("what cannot be collected in one call is refused, and the call can be stopped") {
  const auto model = micro(atlas::model_family::llama);
  const auto blocks = some_blocks(2, 40);
  CHECK_REFUSED(atlas::value_error, collect_clouds(model, blocks, {.layers = {9}}), "layers", "9");
  CHECK_REFUSED(atlas::value_error, collect_clouds(model, blocks, {.min_context = 40}),
                "min_context", "40");
  CHECK_REFUSED(atlas::value_error, collect_clouds(model, blocks, {.rows_per_passage = 0}),
                "rows_per_passage", "0");
  CHECK_REFUSED(atlas::shape_error, collect_clouds(model, atlas::owned_tensor<index_t, 2>({0, 4})),
                "blocks", "empty");
  CHECK_THROWS_AS(
      collect_clouds(model, blocks, {.on_progress = [](const atlas::progress&) { return false; }}),
      atlas::cancelled);
}
