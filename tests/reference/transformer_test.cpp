// SPDX-License-Identifier: MIT
#include "atlas/reference/transformer.hpp"

#include <limits>
#include <mutex>
#include <set>
#include <vector>

#include "../catch.hpp"
#include "../clouds_for_tests.hpp"
#include "../messages.hpp"
#include "../tolerances.hpp"
#include "atlas/attention/rules.hpp"
#include "atlas/reference/perplexity.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;
using atlas::owned_tensor;
using atlas::tensor_view;

namespace {

/// All logits of a pass, in order.
std::vector<float> logits_of(const atlas::transformer& model,
                             const tensor_view<const atlas::index_t, 2>& blocks,
                             atlas::forward_options options = {}) {
  std::vector<float> all;
  options.logits_observer = [&](atlas::index_t first, const tensor_view<const float, 2>& rows) {
    CHECK(static_cast<atlas::index_t>(all.size()) == first * rows.extent(1));
    all.insert(all.end(), rows.data(), rows.data() + rows.size());
  };
  model.forward(blocks, options);
  return all;
}

double largest_gap(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double gap = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    gap = std::max(gap, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return gap;
}

/// Row by row, however it is stored.
std::vector<float> rows_of(const tensor_view<const float, 2>& x) {
  std::vector<float> all;
  for (atlas::index_t i = 0; i < x.extent(0); ++i)
    for (atlas::index_t k = 0; k < x.extent(1); ++k) all.push_back(x(i, k));
  return all;
}

}  // namespace

TEST_CASE("logits are the same bits for every number of threads") {
  for (const std::string name : {"micro-gpt2", "micro-mistral"}) {
    const auto model = micro(name);
    const auto blocks = some_blocks(7, 33);
    const auto one = logits_of(model, blocks, {.threads = 1});
    CHECK(one.size() == 7 * 33 * 96);
    for (const int threads : {2, 3}) CHECK(one == logits_of(model, blocks, {.threads = threads}));
  }
  for (const std::string& name : further_architectures) {
    const auto model = micro(name);
    const auto blocks = some_blocks(7, 33, 80);
    CHECK(logits_of(model, blocks, {.threads = 1}) == logits_of(model, blocks, {.threads = 3}));
  }
}

TEST_CASE("what is handed out of a head is what its architecture computes with") {
  for (const std::string& name : further_architectures) {
    CAPTURE(name);
    const auto model = micro(name);
    const auto& c = model.config();
    std::mutex guard;
    double worst = 0, largest = 0;
    atlas::forward_options options;
    options.observer = [&](const atlas::head_capture& head) {
      const std::lock_guard<std::mutex> lock(guard);
      for (atlas::index_t t = 0; t < 20; ++t) {
        double sum = 0;
        for (atlas::index_t i = 0; i < 20; ++i) {
          const bool seen = i <= t && (head.window == 0 || t - i < head.window);
          CHECK(std::isfinite(head.logits(t, i)) == seen);
          CHECK((head.weights(t, i) > 0) == seen);
          if (!seen) continue;
          double wanted = 0;
          for (atlas::index_t k = 0; k < c.head_dimension; ++k)
            wanted += static_cast<double>(head.queries(t, k)) *
                      static_cast<double>(head.keys(i, k)) * c.logit_scale(head.layer);
          if (c.logit_cap > 0) wanted = c.logit_cap * std::tanh(wanted / c.logit_cap);
          worst = std::max(worst, std::abs(wanted - static_cast<double>(head.logits(t, i))));
          largest = std::max(largest, std::abs(wanted));
          sum += std::exp(wanted);
        }
        for (atlas::index_t i = 0; i <= t; ++i)
          if (head.weights(t, i) > 0)
            CHECK(static_cast<double>(head.weights(t, i)) ==
                  Approx(std::exp(static_cast<double>(head.logits(t, i))) / sum).epsilon(1e-4));
      }
    };
    model.forward(some_blocks(1, 20, 80), options);
    CHECK(worst < 1e-5 * largest);
    CHECK(largest > 0.5);
  }
}

TEST_CASE("a stream projection points where heads write, norms after attention included") {
  for (const std::string name : {"architectures/gemma2", "architectures/olmo2"}) {
    CAPTURE(name);
    auto model = micro(name);
    const auto& c = model.config();
    // Without an MLP and biases, a layer adds what its heads write and nothing else.
    model.for_each_parameter([](const std::string& parameter, const auto&, auto values) {
      if (has(parameter, "down_proj") || has(parameter, "o_proj.bias"))
        std::fill(values.begin(), values.end(), 0.0F);
    });
    CHECK_REFUSED(atlas::value_error, model.output_projection(0), "norms", "stream_projection");
    CHECK_REFUSED(atlas::value_error, model.stream_projection(c.layers), "layer",
                  std::to_string(c.layers));
    const auto projection = model.stream_projection(0);
    CHECK(projection.extents() == atlas::shape<2>{c.heads * c.head_dimension, c.model_dimension});
    constexpr atlas::index_t size = 15;
    std::vector<std::vector<double>> written(size, std::vector<double>(16));
    std::mutex guard;
    std::vector<float> before, after;
    atlas::forward_options options;
    options.observed_layers = {0};
    options.observer = [&](const atlas::head_capture& head) {
      const std::lock_guard<std::mutex> lock(guard);
      for (atlas::index_t t = 0; t < size; ++t)
        for (atlas::index_t k = 0; k < c.head_dimension; ++k)
          for (atlas::index_t m = 0; m < 16; ++m)
            written[static_cast<std::size_t>(t)][static_cast<std::size_t>(m)] +=
                static_cast<double>(head.context(t, k)) *
                static_cast<double>(projection(head.head * c.head_dimension + k, m));
    };
    options.hidden_observer = [&](atlas::index_t depth, atlas::index_t,
                                  const tensor_view<const float, 2>& rows) {
      if (depth > 1) return;
      (depth == 0 ? before : after).assign(rows.data(), rows.data() + rows.size());
    };
    model.forward(some_blocks(1, size, 80), options);
    for (std::size_t t = 0; t < size; ++t) {
      double along = 0, a = 0, b = 0;
      for (std::size_t m = 0; m < 16; ++m) {
        const double added = static_cast<double>(after[t * 16 + m] - before[t * 16 + m]);
        along += added * written[t][m];
        a += added * added;
        b += written[t][m] * written[t][m];
      }
      CHECK(along / std::sqrt(a * b) == Approx(1).margin(1e-6));
    }
  }
  const auto model = micro("architectures/gpt_neox");
  const auto projection = model.stream_projection(1);
  CHECK(largest_gap({projection.data(), projection.data() + projection.size()},
                    rows_of(model.output_projection(1))) == 0);
}

TEST_CASE("blocks are read each on its own, and tokens do not see later ones") {
  const auto model = micro("micro-qwen2");
  const auto blocks = some_blocks(3, 20);
  const auto all = logits_of(model, blocks);
  owned_tensor<atlas::index_t, 2> second({1, 20});
  std::copy_n(&blocks(1, 0), 20, second.mutable_view().data());
  const auto alone = logits_of(model, second);
  CHECK(largest_gap(alone, {all.begin() + 20 * 96, all.begin() + 40 * 96}) <
        tolerance::float_rounding);
  second.mutable_view()(0, 19) = (second(0, 19) + 1) % 96;
  const auto changed = logits_of(model, second);
  CHECK(std::equal(alone.begin(), alone.begin() + 19 * 96, changed.begin()));
  CHECK(!std::equal(alone.begin() + 19 * 96, alone.end(), changed.begin() + 19 * 96));
}

TEST_CASE("more positions than fit into one batch give the same as fewer at a time") {
  const auto model = micro("micro-gpt2");
  const auto blocks = some_blocks(150, 60);  // 9000 positions
  const auto all = logits_of(model, blocks);
  owned_tensor<atlas::index_t, 2> last({1, 60});
  std::copy_n(&blocks(149, 0), 60, last.mutable_view().data());
  CHECK(largest_gap(logits_of(model, last), {all.end() - 60 * 96, all.end()}) <
        tolerance::float_rounding);
}

TEST_CASE("full attention as a rule changes nothing, V* does") {
  const auto model = micro("micro-llama");
  const auto blocks = some_blocks(2, 40);
  const auto plain = logits_of(model, blocks);
  const auto full =
      logits_of(model, blocks, {.rules = {{0, atlas::full_rule()}, {1, atlas::full_rule()}}});
  CHECK(largest_gap(plain, full) < tolerance::float_rounding);
  const auto everything = logits_of(model, blocks, {.rules = {{0, atlas::top_k_rule(40)}}});
  CHECK(largest_gap(plain, everything) < tolerance::float_rounding);
  CHECK(largest_gap(plain, logits_of(model, blocks, {.rules = {{0, atlas::top_k_rule(1)}}})) >
        1e-3);
  CHECK(largest_gap(plain, logits_of(model, blocks, {.rules = {{0, {}}}})) == 0);
  CHECK_REFUSED(atlas::value_error, atlas::top_k_rule(0), "k", "0");
}

TEST_CASE("observers see the layers asked for, with weights, logits and context that agree") {
  const auto model = micro("micro-mistral");
  const auto blocks = some_blocks(3, 48);
  std::set<std::vector<atlas::index_t>> seen;
  std::mutex mutex;
  int wrong = 0;
  model.forward(blocks, {.observed_layers = {1}, .observer = [&](const atlas::head_capture& c) {
                           const std::lock_guard lock(mutex);
                           seen.insert({c.layer, c.block, c.head});
                           wrong += c.key_value_head != c.head / 2;
                           for (atlas::index_t q = 0; q < 48; ++q) {
                             double sum = 0, context = 0;
                             for (atlas::index_t k = 0; k < 48; ++k) {
                               const bool visible = k <= q && k > q - 16;  // the model's window
                               wrong += std::isinf(c.logits(q, k)) == visible;
                               wrong += visible != (c.weights(q, k) > 0);
                               sum += static_cast<double>(c.weights(q, k));
                               context += static_cast<double>(c.weights(q, k)) *
                                          static_cast<double>(c.values(k, 2));
                             }
                             wrong += std::abs(sum - 1) > tolerance::float_rounding;
                             wrong += std::abs(context - static_cast<double>(c.context(q, 2))) >
                                      tolerance::float_rounding;
                           }
                         }});
  CHECK(seen.size() == 3 * 4);
  CHECK(seen.count({1, 2, 3}) == 1);
  CHECK(wrong == 0);
}

TEST_CASE("the pass stops after the last observed layer") {
  const auto model = micro("micro-gpt2");
  std::vector<atlas::index_t> totals;
  const auto count = [&](const atlas::progress& p) {
    totals.push_back(p.total);
    return true;
  };
  model.forward(some_blocks(1, 10),
                {.observed_layers = {0}, .observer = [](const auto&) {}, .on_progress = count});
  CHECK(totals == std::vector<atlas::index_t>{1});
  totals.clear();
  logits_of(model, some_blocks(1, 10), {.on_progress = count});
  CHECK(totals == std::vector<atlas::index_t>{3, 3, 3});
  CHECK_THROWS_AS(
      logits_of(model, some_blocks(1, 10), {.on_progress = [](const auto&) { return false; }}),
      atlas::cancelled);
}

TEST_CASE("the output projection is what takes the heads' contexts to the stream") {
  for (const std::string name : {"micro-gpt2", "micro-llama-headdim"}) {
    const auto model = micro(name);
    const auto projection = model.output_projection(1);
    CHECK(projection.extent(0) == 4 * model.config().head_dimension);
    CHECK(projection.extent(1) == 32);
    const bool gpt2 = name == "micro-gpt2";
    model.for_each_parameter(
        [&](const std::string& parameter, const std::vector<atlas::index_t>&, auto values) {
          if (parameter == (gpt2 ? "transformer.h.1.attn.c_proj.weight"
                                 : "model.layers.1.self_attn.o_proj.weight")) {
            const auto columns = gpt2 ? 32 : projection.extent(0);
            CHECK(projection(5, 2) ==
                  values[static_cast<std::size_t>(gpt2 ? 5 * columns + 2 : 2 * columns + 5)]);
          }
        });
    CHECK_REFUSED(atlas::value_error, model.output_projection(2), "layer", "2");
  }
}

TEST_CASE("parameters can be changed by name") {
  auto model = micro("micro-gpt2");
  const auto blocks = some_blocks(1, 12);
  const auto before = logits_of(model, blocks);
  int parameters = 0;
  model.for_each_parameter([&](const std::string& name, const auto&, std::span<float> values) {
    ++parameters;
    if (name == "transformer.ln_f.bias") values[0] += 1;
  });
  CHECK(parameters == 2 * 12 + 4);
  CHECK(largest_gap(before, logits_of(model, blocks)) > 1e-3);
}

TEST_CASE("perplexity of uniform logits is the size of the vocabulary") {
  auto model = micro("micro-gpt2");
  model.for_each_parameter([](const std::string& name, const auto&, std::span<float> values) {
    if (name.starts_with("transformer.ln_f")) std::fill(values.begin(), values.end(), 0.0f);
  });
  const auto p = atlas::perplexity(model, some_blocks(4, 30));
  CHECK(p.perplexity == Approx(96).epsilon(tolerance::float_rounding));
  CHECK(p.standard_error == Approx(0).margin(1e-6));
  CHECK(p.tokens == 4 * 29);
  CHECK_REFUSED(atlas::shape_error, atlas::perplexity(model, some_blocks(2, 1)), "blocks", "1");
}

TEST_CASE("llama3 rescaling keeps fast planes, divides slow ones, and blends between") {
  const atlas::rotary_options o{
      .theta = 500000, .kind = atlas::rotary_options::rescaling::llama3, .factor = 8};
  const auto plain = atlas::detail::rotary_frequencies(128, {.theta = 500000});
  const auto scaled = atlas::detail::rotary_frequencies(128, o);
  CHECK(scaled.front() == plain.front());
  CHECK(scaled.back() == Approx(plain.back() / 8));
  for (std::size_t i = 1; i < scaled.size(); ++i) CHECK(scaled[i] < scaled[i - 1]);
}

TEST_CASE("divisors of rotary frequencies come on top of a rescaling, one a plane") {
  const std::vector<float> divisors = {1, 2, 8, 1.5F};
  atlas::rotary_options o{
      .theta = 100, .kind = atlas::rotary_options::rescaling::linear, .factor = 3};
  const auto plain = atlas::detail::rotary_frequencies(8, o);
  o.divisors = divisors;
  const auto divided = atlas::detail::rotary_frequencies(8, o);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(divided[i] == plain[i] / static_cast<double>(divisors[i]));
  atlas::transformer_config c = micro("micro-llama").config();
  REQUIRE(c.head_dimension == 8);
  c.rotary = o;
  atlas::check_config(c);
  for (const float wrong : {0.0F, -1.0F, std::numeric_limits<float>::infinity()}) {
    c.rotary.divisors[3] = wrong;
    CHECK_REFUSED(atlas::value_error, atlas::check_config(c), "rotary.divisors", "positive");
  }
  c.rotary.divisors = {1, 2, 3};
  CHECK_REFUSED(atlas::shape_error, atlas::check_config(c), "rotary.divisors", "3");
  c.rotary.divisors = {};
  c.rotary.kind = atlas::rotary_options::rescaling::llama3;
  c.rotary.low_frequency_factor = c.rotary.high_frequency_factor = 4;
  CHECK_REFUSED(atlas::value_error, atlas::check_config(c), "rotary.high_frequency_factor", "4");
  c = micro("micro-llama").config();
  c.norm_epsilon = 1;
  CHECK_REFUSED(atlas::value_error, atlas::check_config(c), "norm_epsilon", "[0, 1), got 1");
}

TEST_CASE("input that a model cannot read is refused") {
  const auto model = micro("micro-gpt2");
  CHECK_REFUSED(atlas::shape_error, model.forward(some_blocks(1, 65)), "64 positions", "65");
  CHECK_REFUSED(atlas::shape_error, model.forward(owned_tensor<atlas::index_t, 2>({0, 4})),
                "blocks", "0");
  auto wild = some_blocks(1, 4);
  wild.mutable_view()(0, 2) = 96;
  CHECK_REFUSED(atlas::value_error, model.forward(wild), "from 0 to 95", "96");
  CHECK_REFUSED(atlas::value_error, (model.forward(some_blocks(1, 4), {.observed_layers = {2}})),
                "observed_layers", "2");
  CHECK_REFUSED(atlas::value_error, (model.forward(some_blocks(1, 4), {.rules = {{-1, {}}}})),
                "rules", "-1");
}

TEST_CASE("weights that do not fit a configuration are refused by name") {
  const atlas::transformer_config c = micro("micro-llama").config();
  const auto zeros = [](const std::string&, const std::vector<atlas::index_t>& extents) {
    atlas::index_t n = 1;
    for (const auto e : extents) n *= e;
    return std::vector<float>(static_cast<std::size_t>(n));
  };
  CHECK_NOTHROW(atlas::transformer(c, zeros));
  const auto short_norm = [&](const std::string& name, const std::vector<atlas::index_t>& extents) {
    return name == "model.norm.weight" ? std::vector<float>(3) : zeros(name, extents);
  };
  CHECK_REFUSED(atlas::shape_error, atlas::transformer(c, short_norm), "model.norm.weight", "3");
  const auto nan = [&](const std::string& name, const std::vector<atlas::index_t>& extents) {
    auto values = zeros(name, extents);
    if (name == "lm_head.weight") values[5] = std::numeric_limits<float>::quiet_NaN();
    return values;
  };
  CHECK_REFUSED(atlas::value_error, atlas::transformer(c, nan), "lm_head.weight", "NaN");
  auto bad = c;
  bad.key_value_heads = 3;
  CHECK_REFUSED(atlas::value_error, atlas::transformer(bad, zeros), "key_value_heads", "3");
  bad = c;
  bad.head_dimension = 7;
  CHECK_REFUSED(atlas::value_error, atlas::transformer(bad, zeros), "head_dimension", "7");
}

TEST_CASE("settings of architectures that are out of range or that a family has no tensors for") {
  using config = atlas::transformer_config;
  const auto refused = [](const std::string& name, const char* field, const std::string& other,
                          void (*change)(config&)) {
    config c = micro(name).config();
    change(c);
    CHECK_REFUSED(atlas::value_error, atlas::check_config(c), field, other);
  };
  const std::string gemma = "architectures/gemma3", neox = "architectures/gpt_neox";
  refused(gemma, "query_scalar", "-1", [](config& c) { c.query_scalar = -1; });
  refused(gemma, "query_scalar", "not scaled", [](config& c) { c.scale_logits = false; });
  refused(gemma, "logit_cap", "-2", [](config& c) { c.logit_cap = -2; });
  refused(gemma, "output_cap", "inf", [](config& c) { c.output_cap = INFINITY; });
  refused(gemma, "embedding_scale", "0", [](config& c) { c.embedding_scale = 0; });
  refused(gemma, "norm_offset", "NaN", [](config& c) { c.norm_offset = NAN; });
  refused(gemma, "rotary_share", "1.5", [](config& c) { c.rotary_share = 1.5; });
  refused(gemma, "rotary_share", "learned positions", [](config& c) { c.rotary_share = 0; });
  refused(gemma, "head_dimension", "3 of 6", [](config& c) { c.rotary_share = 0.5; });
  refused(gemma, "rotary", "-3", [](config& c) { c.window_rotary->theta = -3; });
  refused(neox, "norms", "before", [](config& c) { c.norms = atlas::norm_position::both; });
  refused(neox, "head_norm", "none", [](config& c) { c.head_norm = atlas::query_key_norm::heads; });
  refused(neox, "gated_mlp", "false", [](config& c) { c.gated_mlp = true; });
  refused(neox, "key_value_heads", "as many", [](config& c) { c.key_value_heads = 1; });
  refused("micro-llama", "heads * head_dimension", "from 1",
          [](config& c) { c.head_dimension = atlas::index_t{1} << 30; });
}
