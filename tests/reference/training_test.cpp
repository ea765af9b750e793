// SPDX-License-Identifier: MIT
#include "atlas/reference/training/trainer.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "../messages.hpp"
#include "../statistics_for_tests.hpp"
#include "../tolerances.hpp"
#include "atlas/reference/perplexity.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "models_for_tests.hpp"

using namespace atlas_test;

namespace {

atlas::transformer_config small_config(atlas::model_family family = atlas::model_family::gpt2) {
  atlas::transformer_config c;
  if (family == atlas::model_family::llama) c = atlas::llama_config();
  c.layers = 2;
  c.model_dimension = 24;
  c.heads = 3;
  c.key_value_heads = family == atlas::model_family::gpt2 ? 3 : 1;
  c.head_dimension = 8;
  c.mlp_dimension = 40;
  c.vocabulary = 50;
  c.positions = 32;
  c.mlp_activation =
      family == atlas::model_family::gpt2 ? atlas::activation::gelu_tanh : atlas::activation::silu;
  c.tied = family == atlas::model_family::gpt2;
  return c;
}

/// Tokens of which each mostly says what the next one is.
std::vector<atlas::index_t> token_stream(atlas::index_t count) {
  atlas::random_stream random(2);
  std::vector<atlas::index_t> tokens = {0};
  while (static_cast<atlas::index_t>(tokens.size()) < count)
    tokens.push_back(random.uniform() < 0.1 ? random.uniform_index(50)
                                            : (7 * tokens.back() + 3) % 50);
  return tokens;
}

const atlas::trainer_options quick_training = {
    .batch = 4, .schedule = {.peak = 3e-3, .warmup = 5, .steps = 40}, .weight_decay = 0.2};

atlas::trainer small_trainer(const atlas::trainer_options& options = quick_training,
                             atlas::model_family family = atlas::model_family::gpt2) {
  return {atlas::random_transformer(small_config(family), {.seed = 1}), token_stream(800), options};
}

bool same_weights(const atlas::transformer& a, const atlas::transformer& b) {
  const auto& x = a.weights().parameters;
  const auto& y = b.weights().parameters;
  for (std::size_t k = 0; k < x.size(); ++k)
    if (x[k].values != y[k].values) return false;
  return x.size() == y.size();
}

std::vector<double> losses_of(const std::vector<atlas::training_step>& steps) {
  std::vector<double> losses;
  for (const auto& s : steps) losses.push_back(s.loss);
  return losses;
}

/// AdamW in long double on the trainer's own gradients.
struct long_training {
  std::vector<std::vector<long double>> values, first, second;

  explicit long_training(const atlas::transformer& model) {
    for (const auto& p : model.weights().parameters) {
      values.emplace_back(p.values.begin(), p.values.end());
      first.emplace_back(p.values.size());
      second.emplace_back(p.values.size());
    }
  }

  void step(const std::vector<atlas::parameter>& gradients, const atlas::trainer_options& o,
            const atlas::training_step& now) {
    long double square = 0;
    for (const auto& g : gradients)
      for (const float v : g.values) square += static_cast<long double>(v) * v;
    const long double factor = std::min(1.0L, o.largest_norm / std::sqrt(square));
    const auto power = static_cast<long double>(now.step);
    const long double b1 = o.beta1, b2 = o.beta2, rate = now.learning_rate;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      const std::string& name = gradients[k].name;
      const bool decays = gradients[k].extents.size() == 2 && !has(name, "wte") &&
                          !has(name, "wpe") && !has(name, "embed_tokens");
      for (std::size_t i = 0; i < values[k].size(); ++i) {
        const long double g = factor * gradients[k].values[i];
        first[k][i] = b1 * first[k][i] + (1 - b1) * g;
        second[k][i] = b2 * second[k][i] + (1 - b2) * g * g;
        if (decays) values[k][i] *= 1 - rate * static_cast<long double>(o.weight_decay);
        values[k][i] -= rate * (first[k][i] / (1 - std::pow(b1, power))) /
                        (std::sqrt(second[k][i] / (1 - std::pow(b2, power))) +
                         static_cast<long double>(o.epsilon));
      }
    }
  }

  /// The largest gap to the weights of a model.
  double gap(const atlas::transformer& model) const {
    long double worst = 0;
    for (std::size_t k = 0; k < values.size(); ++k)
      for (std::size_t i = 0; i < values[k].size(); ++i)
        worst = std::max(
            worst, std::abs(values[k][i] -
                            static_cast<long double>(model.weights().parameters[k].values[i])));
    return static_cast<double>(worst);
  }
};

}  // namespace

TEST_CASE("steps are AdamW on shortened gradients, written out in long double") {
  for (const auto family : {atlas::model_family::gpt2, atlas::model_family::llama}) {
    auto options = quick_training;
    options.largest_norm = 0.5;
    atlas::trainer training = small_trainer(options, family);
    long_training wanted(training.model());
    for (int i = 0; i < 8; ++i) {
      const auto blocks = atlas::token_batch(
          training.tokens(), {.blocks = 4, .tokens_per_block = 32, .step = training.steps_done()});
      const auto g = atlas::loss_gradients(training.model(), blocks);
      const auto now = training.step();
      CHECK(now.loss == g.loss);
      CHECK(now.step == i + 1);
      CHECK(now.learning_rate == atlas::learning_rate_at(options.schedule, i + 1));
      wanted.step(g.gradients, options, now);
      // Values of about 1 are rounded once a step.
      CHECK(wanted.gap(training.model()) < 1e-6);
    }
  }
}

TEST_CASE("the loss falls from that of knowing nothing, in both families") {
  for (const auto family : {atlas::model_family::gpt2, atlas::model_family::llama}) {
    auto options = quick_training;
    options.schedule = {.peak = 1e-2, .warmup = 10, .steps = 150};
    atlas::trainer training = small_trainer(options, family);
    const auto steps = atlas::train(training, 150);
    REQUIRE(steps.size() == 150);
    CHECK(steps.front().loss == Approx(std::log(50.0)).epsilon(0.03));
    CHECK(steps.back().loss < 1.5);
    const auto blocks =
        atlas::token_batch(training.tokens(), {.blocks = 8, .tokens_per_block = 32, .seed = 9});
    CHECK(atlas::perplexity(training.model(), blocks).loss < 1.5);
  }
}

TEST_CASE("training is the same bits for every number of threads") {
  const auto run = [](int threads) {
    auto options = quick_training;
    options.threads = threads;
    atlas::trainer training = small_trainer(options);
    const auto losses = losses_of(atlas::train(training, 6));
    return std::pair(losses, training.state().parameters);
  };
  const auto one = run(1);
  for (const int threads : {2, 3}) {
    const auto more = run(threads);
    CHECK(more.first == one.first);
    for (std::size_t k = 0; k < one.second.size(); ++k)
      CHECK(more.second[k].values == one.second[k].values);
  }
}

TEST_CASE("a run that goes on from a state is the one that was not interrupted") {
  atlas::trainer whole = small_trainer();
  const auto wanted = losses_of(atlas::train(whole, 20));
  atlas::trainer before = small_trainer();
  atlas::train(before, 11);
  atlas::trainer after = small_trainer();
  after.restore(before.state());
  CHECK(after.steps_done() == 11);
  const auto got = losses_of(atlas::train(after, 20));
  CHECK(got == std::vector<double>(wanted.begin() + 11, wanted.end()));
  CHECK(same_weights(after.model(), whole.model()));
}

TEST_CASE("the cosine schedule is its closed form") {
  const atlas::cosine_schedule s{.peak = 2, .warmup = 4, .steps = 12, .floor = 0.25};
  const std::vector<double> rise = {0.5, 1, 1.5, 2};
  for (atlas::index_t t = 1; t <= 4; ++t)
    CHECK(atlas::learning_rate_at(s, t) == rise[static_cast<std::size_t>(t) - 1]);
  CHECK(atlas::learning_rate_at(s, 6) == Approx(0.5 + 0.75 * (1 + std::sqrt(0.5))));
  CHECK(atlas::learning_rate_at(s, 8) == Approx(1.25));
  CHECK(atlas::learning_rate_at(s, 12) == 0.5);
  CHECK(atlas::learning_rate_at(s, 1000) == 0.5);
  CHECK(atlas::learning_rate_at({.peak = 3, .warmup = 0, .steps = 10, .floor = 0}, 5) ==
        Approx(1.5));
  CHECK(atlas::learning_rate_at({.peak = 3, .warmup = 7, .steps = 7}, 7) == 3);
}

TEST_CASE("batches are pieces of the stream, by seed and step") {
  std::vector<atlas::index_t> tokens(40);
  for (std::size_t i = 0; i < 40; ++i) tokens[i] = static_cast<atlas::index_t>(i);
  std::set<atlas::index_t> first;
  for (atlas::index_t at = 0; at < 200; ++at) {
    const auto batch = atlas::token_batch(
        atlas::as_view<1>(tokens), {.blocks = 3, .tokens_per_block = 10, .seed = 5, .step = at});
    for (atlas::index_t b = 0; b < 3; ++b) {
      first.insert(batch(b, 0));
      for (atlas::index_t t = 1; t < 10; ++t) CHECK(batch(b, t) == batch(b, 0) + t);
    }
  }
  CHECK(*first.begin() == 0);
  CHECK(*first.rbegin() == 30);
  CHECK(first.size() == 31);
  CHECK(atlas::token_batch(atlas::as_view<1>(tokens),
                           {.blocks = 1, .tokens_per_block = 40, .seed = 5})(0, 39) == 39);
}

TEST_CASE("random models start as GPT-2 does") {
  for (const auto family : {atlas::model_family::gpt2, atlas::model_family::llama}) {
    auto c = small_config(family);
    c.layers = 8;
    const auto model = atlas::random_transformer(c, {.seed = 3});
    std::vector<double> plain, into_stream;
    model.for_each_parameter([&](const std::string& name, const auto& extents, auto values) {
      if (extents.size() == 1) {
        const float level = name.ends_with(".bias") ? 0.0F : 1.0F;
        for (const float v : values) CHECK(v == level);
        return;
      }
      const bool residual = has(name, "c_proj") || has(name, "o_proj") || has(name, "down_proj");
      for (const float v : values)
        (residual ? into_stream : plain)
            .push_back(static_cast<double>(v) / (residual ? 0.005 : 0.02));
    });
    CHECK(ks_p(plain, normal_cdf) > 1e-3);
    CHECK(ks_p(into_stream, normal_cdf) > 1e-3);
    CHECK(same_weights(model, atlas::random_transformer(c, {.seed = 3})));
    CHECK(!same_weights(model, atlas::random_transformer(c, {.seed = 4})));
  }
}

TEST_CASE("training can be stopped after a whole step, and gone on with") {
  atlas::trainer training = small_trainer();
  const auto stop = [](const atlas::progress& p) {
    CHECK(p.total == 10);
    return p.done < 3;
  };
  CHECK_THROWS_AS(atlas::train(training, 10, {.on_progress = stop}), atlas::cancelled);
  CHECK(training.steps_done() == 3);
  atlas::train(training, 10);
  atlas::trainer whole = small_trainer();
  atlas::train(whole, 10);
  CHECK(same_weights(training.model(), whole.model()));
}

TEST_CASE("a step that is not finite changes nothing") {
  auto options = quick_training;
  options.schedule = {.peak = 1e30, .warmup = 0, .steps = 40};
  atlas::trainer training = small_trainer(options);
  CHECK_REFUSED(atlas::value_error, atlas::train(training, 9), "schedule.peak", "in step");
  const auto state = training.state();
  CHECK_THROWS_AS(training.step(), atlas::value_error);
  CHECK(training.steps_done() == state.step);
  for (std::size_t k = 0; k < state.parameters.size(); ++k)
    CHECK(training.model().weights().parameters[k].values == state.parameters[k].values);
}

TEST_CASE("tokens, options and states that do not fit are refused") {
  const auto with = [](atlas::trainer_options o) { return small_trainer(o); };
  CHECK_REFUSED(atlas::value_error, with({.batch = 0}), "blocks", "got 0");
  CHECK_REFUSED(atlas::value_error, with({.tokens_per_block = 33}), "tokens_per_block", "got 33");
  CHECK_REFUSED(atlas::value_error, with({.tokens_per_block = 1}), "tokens_per_block", "got 1");
  CHECK_REFUSED(atlas::value_error, with({.schedule = {.peak = NAN}}), "schedule.peak", "NaN");
  CHECK_REFUSED(atlas::value_error, with({.schedule = {.warmup = 2000}}), "schedule.warmup",
                "2000");
  CHECK_REFUSED(atlas::value_error, with({.schedule = {.warmup = 0, .steps = 0}}), "schedule.steps",
                "got 0");
  CHECK_REFUSED(atlas::value_error, with({.schedule = {.floor = 2}}), "schedule.floor", "got 2");
  CHECK_REFUSED(atlas::value_error, with({.beta2 = 1}), "beta2", "got 1");
  CHECK_REFUSED(atlas::value_error, with({.weight_decay = -1}), "weight_decay", "-1");
  CHECK_REFUSED(atlas::value_error, with({.largest_norm = -1}), "largest_norm", "-1");
  CHECK_REFUSED(atlas::value_error, with({.threads = -1}), "threads", "-1");
  const auto on = [](std::vector<atlas::index_t> tokens) {
    return atlas::trainer(atlas::random_transformer(small_config(), {.seed = 1}), tokens,
                          quick_training);
  };
  CHECK_REFUSED(atlas::shape_error, on(token_stream(31)), "tokens", "at least 32, got 31");
  auto wild = token_stream(100);
  wild[70] = 50;
  CHECK_REFUSED(atlas::value_error, on(wild), "tokens", "got 50");

  atlas::trainer training = small_trainer();
  atlas::train(training, 2);
  const auto kept = training.state();
  const auto refused = [&](auto change, const char* part, const char* other) {
    auto state = kept;
    change(state);
    std::string message = "nothing was thrown";
    try {
      training.restore(state);
    } catch (const atlas::error& e) {
      message = e.what();
    }
    INFO(message);
    CHECK(has(message, part));
    CHECK(has(message, other));
  };
  refused([](auto& s) { s.step = -1; }, "step", "-1");
  refused([](auto& s) { s.parameters.pop_back(); }, "parameters", "tensors");
  refused([](auto& s) { s.moments.pop_back(); }, "moments", "tensors");
  refused([](auto& s) { s.parameters[0].name = "other"; }, "wte", "other");
  refused([](auto& s) { s.parameters[1].extents = {24, 32}; }, "[32, 24]", "[24, 32]");
  refused([](auto& s) { s.moments[2].second.pop_back(); }, "ln_1", "size");
  refused([](auto& s) { s.moments[0].first[5] = std::numeric_limits<float>::infinity(); }, "wte",
          "inf");
  CHECK(training.steps_done() == 2);
  atlas::trainer whole = small_trainer();
  atlas::train(whole, 2);
  CHECK(same_weights(training.model(), whole.model()));
}

TEST_CASE("models of all architectures begin with norms that do nothing and maps of one size") {
  for (const std::string& name : further_architectures) {
    CAPTURE(name);
    const auto c = micro(name).config();
    const auto model = atlas::random_transformer(c, {.seed = 3});
    const double layers = static_cast<double>(c.layers);
    int writing = 0;
    model.for_each_parameter([&](const std::string& parameter, const auto& extents, auto values) {
      CAPTURE(parameter);
      const auto n = static_cast<double>(values.size());
      double sum = 0, squares = 0;
      for (const float x : values) {
        sum += static_cast<double>(x);
        squares += static_cast<double>(x) * static_cast<double>(x);
      }
      if (extents.size() == 1) {
        CHECK(sum / n == (parameter.ends_with(".bias") ? 0 : 1 - c.norm_offset));
        return;
      }
      const bool writes = has(parameter, "o_proj.") || has(parameter, "down_proj.") ||
                          has(parameter, "attention.dense.") || has(parameter, "4h_to_h.") ||
                          has(parameter, "attention.output.weight") || has(parameter, "mlp.down.");
      writing += writes;
      CHECK(std::sqrt(squares / n) ==
            Approx(writes ? 0.02 / std::sqrt(2 * layers) : 0.02).epsilon(0.25));
    });
    CHECK(writing == 2 * c.layers);
    // Logits near 0 are those of a guess.
    const auto gradients = atlas::loss_gradients(model, some_blocks(2, 20, 80));
    CHECK(gradients.loss == Approx(std::log(80.0)).epsilon(0.02));
  }
}
