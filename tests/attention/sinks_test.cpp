// SPDX-License-Identifier: MIT
#include "atlas/attention/sinks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../reference/models_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/attention/rules.hpp"
#include "atlas/attention/sink_queries.hpp"
#include "atlas/attention/thermodynamics.hpp"
#include "atlas/boltzmann/softmax.hpp"
#include "atlas/reference/perplexity.hpp"

namespace sinks_tests {
namespace {

using namespace atlas_test;
using atlas::index_t;
using atlas::owned_tensor;

/// A head of T positions whose logits are normal, `extra` more on one key.
struct drawn_head {
  owned_tensor<float, 2> logits, weights, values, queries;
  index_t window = 0;

  drawn_head(index_t t, index_t key, float extra, float value_scale, index_t limit = 0,
             std::uint64_t seed = 7)
      : logits({t, t}), values({t, 3}), queries({t, 3}), window(limit) {
    atlas::random_stream random(seed);
    for (index_t q = 0; q < t; ++q)
      for (index_t k = 0; k < t; ++k) {
        const auto x = static_cast<float>(2 * random.normal());
        const bool masked = k > q || (limit > 0 && q - k >= limit);
        logits.mutable_view()(q, k) =
            masked ? -std::numeric_limits<float>::infinity() : x + (k == key ? extra : 0);
      }
    for (index_t i = 0; i < 3 * t; ++i) {
      values.mutable_view().data()[i] = static_cast<float>(random.normal());
      queries.mutable_view().data()[i] = static_cast<float>(random.normal());
    }
    for (index_t k = 0; k < 3; ++k) values.mutable_view()(key, k) *= value_scale;
    weights = atlas::softmax<2>(logits);
  }
  atlas::head_capture capture() const {
    return {0, 0, 0, 0, logits, weights, values, values, queries, queries, window};
  }
};

TEST_CASE("a key that draws weight and has a short value is a sink, wherever it is") {
  for (const index_t key : {0, 5}) {
    const drawn_head head(40, key, 9, 0.1F);
    const auto sink = atlas::find_sink(head.capture());
    CHECK(sink.found);
    CHECK(sink.key == key);
    CHECK(sink.top > 0.8);
    // By the definition, query by query.
    double weight = 0, most = 0;
    for (index_t t = key + 1; t < 40; ++t) {
      weight += static_cast<double>(head.weights(t, key));
      bool top = true;
      for (index_t j = 0; j <= t; ++j) top = top && head.logits(t, j) <= head.logits(t, key);
      most += top ? 1 : 0;
    }
    const auto queries = static_cast<double>(39 - key);
    double alike = 0;
    for (index_t t = key + 1; t < 40; ++t) alike += 1 / static_cast<double>(t + 1);
    CHECK(sink.chance == Approx(alike / queries).epsilon(tolerance::double_rounding));
    CHECK(sink.weight == Approx(weight / queries).epsilon(tolerance::double_rounding));
    CHECK(sink.top == Approx(most / queries).epsilon(tolerance::double_rounding));
    std::vector<double> norms;
    for (index_t j = 0; j < 40; ++j) {
      double square = 0;
      for (index_t k = 0; k < 3; ++k) square += std::pow(static_cast<double>(head.values(j, k)), 2);
      norms.push_back(std::sqrt(square));
    }
    const double own = norms[static_cast<std::size_t>(key)];
    std::sort(norms.begin(), norms.end());
    CHECK(sink.value_norm == Approx(own / norms[20]).epsilon(tolerance::double_rounding));
  }
}

TEST_CASE("weight alone, a short value alone, and neither are no sinks") {
  CHECK_FALSE(atlas::find_sink(drawn_head(40, 0, 6, 4).capture()).found);
  CHECK_FALSE(atlas::find_sink(drawn_head(40, 0, -1, 0.1F).capture()).found);
  const auto none = atlas::find_sink(drawn_head(400, 0, 0, 1).capture());
  CHECK_FALSE(none.found);
  CHECK(none.weight < 0.1);
  // A key that few queries see.
  CHECK_FALSE(atlas::find_sink(drawn_head(40, 30, 6, 0.1F).capture()).found);
  CHECK(atlas::find_sink(drawn_head(40, 30, 6, 0.1F).capture(), {.queries = 9}).key == 30);
  CHECK(atlas::find_sink(drawn_head(16, 0, 6, 0.1F).capture()).key == -1);
  CHECK(atlas::find_sink(drawn_head(40, 0, 6, 4).capture(), {.value_norm = 100}).found);
}

TEST_CASE("queries that do not see a key say nothing of it") {
  const drawn_head head(64, 3, 8, 0.1F, 20);
  const auto sink = atlas::find_sink(head.capture());
  CHECK(sink.key == 3);
  double weight = 0;
  for (index_t t = 4; t < 23; ++t) weight += static_cast<double>(head.weights(t, 3));
  CHECK(sink.weight == Approx(weight / 19).epsilon(tolerance::double_rounding));
  CHECK(atlas::find_sink(drawn_head(64, 3, 8, 0.1F, 10).capture()).key == -1);
}

TEST_CASE("random logits make no sinks, whatever the window and the length, with short values") {
  int found = 0;
  for (const index_t window : {0, 2, 3, 8, 17, 24})
    for (const index_t t : {2, 3, 5, 17, 18, 33, 256})
      for (std::uint64_t seed = 0; seed < 8; ++seed) {
        drawn_head head(t, 0, 0, 1, window, seed);
        for (index_t j = 0; j < t; j += 4)
          for (index_t k = 0; k < 3; ++k) head.values.mutable_view()(j, k) *= 0.1F;
        found += atlas::find_sink(head.capture()).found ? 1 : 0;
      }
  CHECK(found == 0);
}

TEST_CASE("a key that no query sees is passed over, and without logits weights say what is seen") {
  drawn_head head(40, 2, 6, 0.1F);
  for (index_t t = 1; t < 40; ++t)
    head.logits.mutable_view()(t, 0) = -std::numeric_limits<float>::infinity();
  head.weights = atlas::softmax<2>(head.logits);
  const auto sink = atlas::find_sink(head.capture());
  CHECK(sink.key == 2);
  CHECK(sink.found);
  auto bare = head.capture();
  bare.logits = {};
  const auto same = atlas::find_sink(bare);
  CHECK(same.key == 2);
  CHECK(same.weight == sink.weight);
  CHECK(same.chance == sink.chance);
}

TEST_CASE("captures whose parts do not fit are refused") {
  const drawn_head head(20, 0, 6, 1), other(19, 0, 6, 1);
  auto bad = head.capture();
  bad.values = other.values;
  CHECK_REFUSED(atlas::shape_error, atlas::find_sink(bad), "head.values", "one row a key");
  bad = head.capture();
  bad.logits = other.logits;
  CHECK_REFUSED(atlas::shape_error, atlas::find_sink(bad), "head.logits", "got");
  bad.logits = {};
  CHECK_REFUSED(atlas::shape_error, atlas::head_without_key(bad, 0), "head.logits", "empty");
  bad.weights = {};
  CHECK_REFUSED(atlas::shape_error, atlas::find_sink(bad), "head.weights", "empty");
  drawn_head nan(20, 0, 6, 1);
  nan.values.mutable_view()(3, 1) = std::nanf("");
  CHECK_REFUSED(atlas::value_error, atlas::find_sink(nan.capture()), "head.values", "NaN");
  drawn_head narrow(20, 3, 0, 1);
  for (index_t j = 0; j < 10; ++j)
    if (j != 3) narrow.logits.mutable_view()(9, j) = -std::numeric_limits<float>::infinity();
  CHECK_REFUSED(atlas::value_error, atlas::head_without_key(narrow.capture(), 3), "key",
                "all that query 9 sees");
}

TEST_CASE("one position has no sink, values of length 0 are alike") {
  const auto one = atlas::find_sink(drawn_head(1, 0, 0, 1).capture());
  CHECK_FALSE(one.found);
  CHECK(std::isnan(one.weight));
  CHECK(one.key == -1);
  drawn_head zero(20, 0, 6, 1);
  for (index_t i = 0; i < zero.values.size(); ++i) zero.values.mutable_view().data()[i] = 0;
  CHECK(atlas::find_sink(zero.capture()).value_norm == 1);
  CHECK_REFUSED(atlas::value_error, atlas::find_sink(zero.capture(), {.weight = 1}), "sink weight",
                "got 1");
  CHECK_REFUSED(atlas::value_error, atlas::find_sink(zero.capture(), {.value_norm = 0}),
                "sink value_norm", "got 0");
  CHECK_REFUSED(atlas::value_error, atlas::head_without_key(zero.capture(), 20), "key", "got 20");
}

TEST_CASE("without a key the others have the weights of a softmax without it") {
  const drawn_head head(30, 2, 40, 0.1F);  // its weight is 1 to rounding
  const atlas::head_without_key left(head.capture(), 2);
  const auto c = left.capture();
  for (index_t t = 0; t < 30; ++t) {
    double total = 0;
    for (index_t j = 0; j <= t; ++j)
      if (t <= 2 || j != 2) total += std::exp(static_cast<double>(head.logits(t, j)));
    for (index_t j = 0; j < 30; ++j) {
      const bool kept = j <= t && (t <= 2 || j != 2);
      const double expected = kept ? std::exp(static_cast<double>(head.logits(t, j))) / total : 0;
      CHECK(static_cast<double>(c.weights(t, j)) ==
            Approx(expected).epsilon(tolerance::float_rounding).margin(1e-12));
      CHECK(std::isfinite(c.logits(t, j)) == kept);
    }
  }
}

TEST_CASE("queries that rest on a sink are those at it and those that look at no key more") {
  // Blocks 0 and 2 of head 0 have a sink at key 3, block 1 has none, and head 1 has none anywhere.
  std::vector<drawn_head> drawn;
  for (std::uint64_t i = 0; i < 6; ++i)
    drawn.emplace_back(48, 3, i == 0 || i == 2 ? 7 : 0, i == 0 || i == 2 ? 0.05F : 1, 0, i);
  atlas::sink_collector collector({.layers = {5}, .heads = 2, .blocks = 3});
  const atlas::head_observer see = collector.observer();
  owned_tensor<index_t, 1> context({144}), position({144});
  owned_tensor<index_t, 2> attended({2, 144});
  for (index_t h = 0; h < 2; ++h)
    for (index_t b = 0; b < 3; ++b) {
      atlas::head_capture c = drawn[static_cast<std::size_t>(3 * h + b)].capture();
      c.layer = 5, c.head = h, c.block = b;
      see(c);
      c.layer = 4;  // another layer is passed over
      see(c);
      for (index_t t = 0; t < 48; ++t) {
        const auto row = c.weights[t];
        context.mutable_view()[48 * b + t] = b;
        position.mutable_view()[48 * b + t] = t;
        attended.mutable_view()(h, 48 * b + t) =
            std::max_element(row.data(), row.data() + 48) - row.data();
      }
    }
  const auto rests = atlas::sink_queries(context, position, attended, collector.layer(5));
  index_t resting = 0;
  for (index_t n = 0; n < 144; ++n) {
    CHECK(rests(1, n) == 0);
    const bool at_sink = n % 48 == 3 || attended(0, n) == 3;
    CHECK((rests(0, n) == 1) == (n / 48 != 1 && at_sink));
    resting += rests(0, n);
  }
  CHECK(resting > 48);
  CHECK(resting < 90);
  CHECK_REFUSED(atlas::value_error, collector.layer(4), "layer", "4");
  const owned_tensor<index_t, 1> fewer({143});
  CHECK_REFUSED(atlas::shape_error,
                atlas::sink_queries(fewer, position, attended, collector.layer(5)), "context",
                "143");
  CHECK_REFUSED(atlas::shape_error,
                atlas::sink_queries(context, fewer, attended, collector.layer(5)), "position",
                "143");
  CHECK_REFUSED(atlas::shape_error, atlas::sink_queries(context, position, attended, {}), "sinks",
                "0");
  std::vector<atlas::attention_sink> five(5), two(2);
  CHECK_REFUSED(atlas::shape_error, atlas::sink_queries(context, position, attended, five), "sinks",
                "5");
  CHECK_REFUSED(atlas::value_error, atlas::sink_queries(context, position, attended, two),
                "context", "1");
  const auto made = [](const atlas::sink_collector_options& o) { return atlas::sink_collector(o); };
  CHECK_REFUSED(atlas::value_error, made({.heads = 0, .blocks = 1}), "heads", "0");
  CHECK_REFUSED(atlas::value_error, made({.heads = 1, .blocks = 0}), "blocks", "0");
  CHECK_REFUSED(atlas::value_error, made({.heads = 1, .blocks = 1, .sinks = {.weight = 2}}),
                "sink weight", "2");
  atlas::head_capture beyond = drawn[0].capture();
  beyond.layer = 5, beyond.block = 3;
  CHECK_REFUSED(atlas::value_error, see(beyond), "capture.block", "3");
}

TEST_CASE("captures without queries and keys have all observables but the share that is stable") {
  const drawn_head head(48, 0, 9, 0.05F);
  atlas::head_capture without = head.capture();
  without.queries = without.keys = {};
  const auto collected = [](const atlas::head_capture& c, bool without_sinks) {
    atlas::thermodynamics_collector collector({.layers = {0},
                                               .heads = 1,
                                               .blocks = 1,
                                               .tokens_per_block = 48,
                                               .without_sinks = without_sinks});
    collector.observer()(c);
    return collector.layer(0);
  };
  for (const bool without_sinks : {false, true}) {
    const auto a = collected(head.capture(), without_sinks), b = collected(without, without_sinks);
    for (index_t t = 0; t < 48; ++t) {
      CHECK(a.entropy(0, 0, t) == b.entropy(0, 0, t));
      CHECK(a.null_ratio(0, 0, t) == b.null_ratio(0, 0, t));
      CHECK(!std::isnan(a.stable(0, 0, t)));
      CHECK(std::isnan(b.stable(0, 0, t)));
    }
  }
}

TEST_CASE("observables without sinks are those of the head without the key") {
  const drawn_head head(48, 0, 9, 0.05F);
  const auto collected = [&](bool without, const atlas::head_capture& c) {
    atlas::thermodynamics_collector collector({.layers = {0},
                                               .heads = 1,
                                               .blocks = 1,
                                               .tokens_per_block = 48,
                                               .noise = 0.5,
                                               .without_sinks = without});
    collector.observer()(c);
    return collector.layer(0);
  };
  const auto with = collected(false, head.capture()), without = collected(true, head.capture());
  const atlas::head_without_key left(head.capture(), 0);
  REQUIRE(with.sinks.size() == 1);
  CHECK(with.sinks[0].found);
  CHECK(without.sinks[0].weight == with.sinks[0].weight);
  for (index_t t = 2; t < 48; ++t) {
    const auto o = atlas::boltzmann_observables<1>(left.capture().logits[t]);
    CHECK(without.entropy(0, 0, t) == o.entropy);
    CHECK(without.entropy(0, 0, t) != with.entropy(0, 0, t));
  }
  const auto seen = left.capture();
  const auto density = atlas::density_matrix(seen.weights, seen.values, {.threads = 1});
  const atlas::stability_options blur = {
      .noise = 0.5, .draws = 10, .left_out = 0, .seed = 0x9E3779B97F4A7C15U, .threads = 1};
  const auto stable = atlas::argmax_stability(seen.queries, seen.keys, blur).stable;
  int moved = 0;
  for (index_t t = 0; t < 48; ++t) {
    CHECK(without.purity(0, 0, t) == density.purity[t]);
    CHECK(without.stable(0, 0, t) == stable[t]);
    moved += without.stable(0, 0, t) != with.stable(0, 0, t);
  }
  CHECK(moved > 0);
  CHECK(without.null_entropy(0, 0, 47) != with.null_entropy(0, 0, 47));
  // No sink: nothing is left out.
  const drawn_head plain(48, 0, 0, 1);
  const auto a = collected(false, plain.capture()), b = collected(true, plain.capture());
  for (index_t t = 0; t < 48; ++t) {
    CHECK(a.entropy(0, 0, t) == b.entropy(0, 0, t));
    CHECK(a.stable(0, 0, t) == b.stable(0, 0, t));
  }
}

TEST_CASE("a key that is left out is no query's argmax") {
  // Key 0 is along all queries, far beyond their noise; the others are where noise decides.
  owned_tensor<double, 2> queries({8, 2}), keys({8, 2});
  for (index_t t = 0; t < 8; ++t) {
    queries.mutable_view()(t, 0) = 1 + 0.01 * static_cast<double>(t);
    keys.mutable_view()(t, 1) = 0.5 * static_cast<double>(t % 3);
  }
  keys.mutable_view()(0, 0) = 100;
  const auto share = [&](index_t left_out, bool causal) {
    return atlas::argmax_stability(
        queries, keys,
        {.noise = 1, .draws = 200, .causal = causal, .left_out = left_out, .threads = 1});
  };
  for (const bool causal : {true, false}) {
    CHECK(share(-1, causal).share == 1);
    CHECK(share(0, causal).stable[7] < 0.9);
  }
  CHECK(share(0, true).stable[1] == 1);  // the only other key
  // The last key, which is every query's where not causal.
  for (index_t k = 0; k < 2; ++k) {
    keys.mutable_view()(7, k) = keys(0, k);
    keys.mutable_view()(0, k) = 0;
  }
  CHECK(share(-1, false).share == 1);
  CHECK(share(7, false).stable[7] < 0.9);
  CHECK_REFUSED(atlas::value_error, share(8, true), "left_out", "got 8");
  owned_tensor<double, 2> one({1, 2});
  CHECK_REFUSED(atlas::value_error, atlas::argmax_stability(one, one, {.left_out = 0}), "left_out",
                "got 0");
}

TEST_CASE("rules: one value for all that see it, the best of the other keys, nothing") {
  owned_tensor<float, 2> context({12, 3});
  for (const index_t key : {0, 3})
    for (const index_t window : {0, 5}) {
      const drawn_head head(12, key, 9, 2, window);
      const auto same = [&](index_t t, index_t j) {
        CAPTURE(key, window, t);
        for (index_t k = 0; k < 3; ++k) CHECK(context(t, k) == head.values(j, k));
      };
      const auto sees = [&](index_t t, index_t j) {
        return j <= t && (window == 0 || t - j < window);
      };
      const auto best = [&](index_t t, index_t left_out) {
        index_t out = -1;
        for (index_t j = 0; j < 12; ++j)
          if (j != left_out && sees(t, j) && (out < 0 || head.logits(t, j) > head.logits(t, out)))
            out = j;
        return out;
      };
      atlas::constant_rule()(head.capture(), context.mutable_view());
      for (index_t t = 0; t < 12; ++t) same(t, sees(t, key) ? key : best(t, -1));
      atlas::other_top_rule()(head.capture(), context.mutable_view());
      for (index_t t = 0; t < 12; ++t) same(t, t == 0 ? 0 : best(t, key));
    }
  const drawn_head head(12, 0, 9, 2);
  atlas::zero_rule()(head.capture(), context.mutable_view());
  for (index_t i = 0; i < context.size(); ++i) CHECK(context.data()[i] == 0);
  // Weights that are 0 in float are told apart by their logits.
  owned_tensor<float, 2> far({3, 3});
  const float row[] = {0, -130, -112};
  for (index_t t = 0; t < 3; ++t)
    for (index_t j = 0; j < 3; ++j)
      far.mutable_view()(t, j) = j > t ? -std::numeric_limits<float>::infinity() : row[j];
  const auto weights = atlas::softmax<2>(far);
  owned_tensor<float, 2> values({3, 1}), out({3, 1});
  for (index_t j = 0; j < 3; ++j) values.mutable_view()(j, 0) = static_cast<float>(j);
  atlas::other_top_rule()({0, 0, 0, 0, far, weights, values, {}}, out.mutable_view());
  CHECK(out(2, 0) == 2);
}

TEST_CASE("in a model each rule takes the place of attention") {
  const auto model = atlas::io::open_transformer(model_folder("micro-llama"));
  const auto blocks = some_blocks(2, 32);
  const auto perplexity_with = [&](const atlas::context_rule& rule) {
    return atlas::perplexity(model, blocks, {.rules = {{1, rule}}, .threads = 1}).perplexity;
  };
  const double full = atlas::perplexity(model, blocks, {.threads = 1}).perplexity;
  CHECK(perplexity_with(atlas::full_rule()) == Approx(full).epsilon(tolerance::float_rounding));
  for (const auto& rule : {atlas::constant_rule(), atlas::other_top_rule(), atlas::zero_rule()}) {
    const double changed = perplexity_with(rule);
    CHECK(std::isfinite(changed));
    CHECK(std::abs(changed - full) > 1e-6 * full);
  }
}

}  // namespace
}  // namespace sinks_tests
