// SPDX-License-Identifier: MIT
/// \file
/// Heads left out: by zero, by their mean, by what they hand on in other passages.

#include "atlas/attention/left_out_rules.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/reference/random_transformer.hpp"

namespace left_out_rules_test {

namespace {

using atlas::index_t;

constexpr index_t blocks = 3, tokens = 8, heads = 4, d = 6;

atlas::transformer small_model() {
  atlas::transformer_config c;
  c.layers = 2;
  c.model_dimension = heads * d;
  c.heads = c.key_value_heads = heads;
  c.head_dimension = d;
  c.mlp_dimension = 16;
  c.vocabulary = 30;
  c.positions = tokens;
  atlas::transformer model = atlas::random_transformer(c, {.seed = 1});
  model.for_each_parameter([](const std::string&, const auto& extents, std::span<float> values) {
    if (extents.size() > 1)
      for (float& v : values) v *= 10;  // so that heads do something
  });
  return model;
}

atlas::owned_tensor<index_t, 2> text() {
  atlas::owned_tensor<index_t, 2> ids({blocks, tokens});
  atlas::random_stream random(9);
  for (index_t i = 0; i < blocks * tokens; ++i)
    ids.mutable_view().data()[i] = random.uniform_index(30);
  return ids;
}

/// What heads of layer 1 hand on under a rule.
atlas::owned_tensor<float, 3> contexts_of(const atlas::transformer& model,
                                          const atlas::context_rule& rule = {}) {
  atlas::context_collector collector({{1}, heads, d, blocks, tokens});
  atlas::forward_options o{.observed_layers = {1}, .observer = collector.observer()};
  if (rule) o.rules[1] = rule;
  model.forward(text(), o);
  return collector.contexts(1);
}

TEST_CASE("heads that are left out hand on what stands in their place, the others what they did") {
  const atlas::transformer model = small_model();
  const auto full = contexts_of(model);
  const auto zero = contexts_of(model, atlas::rule_of_heads(atlas::zero_rule(), {2}));
  const auto mean = contexts_of(model, atlas::rule_of_heads(atlas::mean_rule(full), {0, 3}));
  const std::vector<index_t> passages = {2, 0, 1};
  const auto other =
      contexts_of(model, atlas::rule_of_heads(atlas::other_passage_rule(full, passages), {1}));
  for (index_t h = 0; h < heads; ++h)
    for (index_t k = 0; k < d; ++k) {
      double sum = 0;
      for (index_t i = 0; i < blocks * tokens; ++i) sum += static_cast<double>(full(h, i, k));
      for (index_t i = 0; i < blocks * tokens; ++i) {
        CHECK(zero(h, i, k) == (h == 2 ? 0 : full(h, i, k)));
        if (h == 0 || h == 3)
          CHECK(static_cast<double>(mean(h, i, k)) == Approx(sum / (blocks * tokens)).margin(1e-7));
        else
          CHECK(mean(h, i, k) == full(h, i, k));
        const index_t from =
            h == 1 ? passages[static_cast<std::size_t>(i / tokens)] * tokens + i % tokens : i;
        CHECK(other(h, i, k) == full(h, from, k));
      }
    }
  // All heads by zero is the rule of the whole layer; no change is the baseline, to the bit.
  const auto loss = [&](const atlas::context_rule& rule) {
    return atlas::perplexity(model, text(), {.rules = {{1, rule}}}).block_losses;
  };
  CHECK(loss(atlas::rule_of_heads(atlas::zero_rule(), {0, 1, 2, 3})) == loss(atlas::zero_rule()));
  CHECK(loss(atlas::other_passage_rule(full, {0, 1, 2})) ==
        atlas::perplexity(model, text()).block_losses);
}

TEST_CASE("another passage is drawn for each, and each is that of one") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    atlas::random_stream random(seed);
    auto drawn = atlas::other_passages(static_cast<index_t>(2 + seed % 6), random);
    for (std::size_t b = 0; b < drawn.size(); ++b) CHECK(drawn[b] != static_cast<index_t>(b));
    std::sort(drawn.begin(), drawn.end());
    for (std::size_t b = 0; b < drawn.size(); ++b) CHECK(drawn[b] == static_cast<index_t>(b));
  }
}

TEST_CASE("rules that do not fit are refused by name") {
  const atlas::transformer model = small_model();
  const auto full = contexts_of(model);
  atlas::random_stream random(1);
  CHECK_REFUSED(atlas::value_error, atlas::other_passages(1, random), "blocks", "1");
  CHECK_REFUSED(atlas::value_error, atlas::rule_of_heads(atlas::zero_rule(), {}), "heads", "none");
  CHECK_REFUSED(atlas::value_error, atlas::rule_of_heads(atlas::zero_rule(), {-1}), "heads", "-1");
  CHECK_REFUSED(atlas::shape_error, atlas::other_passage_rule(full, {1, 2, 3, 4, 0}), "contexts",
                "a multiple of 5");
  CHECK_REFUSED(atlas::value_error, atlas::other_passage_rule(full, {1, 2, 3}), "passages", "3");
  CHECK_REFUSED(atlas::value_error, atlas::other_passage_rule(full, {}), "passages", "none");
  // Of other blocks, or other heads, than those of the model.
  CHECK_REFUSED(atlas::shape_error, contexts_of(model, atlas::other_passage_rule(full, {1, 0})),
                "contexts", "24");
  const atlas::owned_tensor<float, 3> two_blocks({heads, 2 * tokens, d});
  CHECK_REFUSED(atlas::value_error,
                contexts_of(model, atlas::other_passage_rule(two_blocks, {1, 0})), "capture.block",
                "2");
  const atlas::owned_tensor<float, 3> two_heads({2, blocks * tokens, d});
  CHECK_REFUSED(atlas::shape_error, contexts_of(model, atlas::mean_rule(two_heads)), "contexts",
                "one a head");
  const atlas::owned_tensor<float, 3> narrow({heads, blocks * tokens, d - 1});
  CHECK_REFUSED(atlas::shape_error, contexts_of(model, atlas::mean_rule(narrow)), "contexts",
                "head_dimension");
  CHECK_REFUSED(atlas::shape_error, atlas::mean_rule(atlas::owned_tensor<float, 3>()), "contexts",
                "empty");
  const atlas::context_collector collector({{1}, heads, d, blocks, tokens});
  CHECK_REFUSED(atlas::value_error, collector.contexts(0), "layer", "0");
  CHECK_REFUSED(atlas::value_error, atlas::context_collector({{1}, 0, d, blocks, tokens}), "heads",
                "0");
}

}  // namespace

}  // namespace left_out_rules_test
