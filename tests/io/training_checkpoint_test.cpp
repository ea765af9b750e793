// SPDX-License-Identifier: MIT
#include "atlas/io/training_checkpoint.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "../catch.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "files_for_tests.hpp"

using namespace atlas_test;
namespace io = atlas::io;

namespace {

atlas::transformer_config trained_config() {
  atlas::transformer_config c;
  c.layers = 1;
  c.model_dimension = 16;
  c.heads = c.key_value_heads = 2;
  c.head_dimension = 8;
  c.mlp_dimension = 32;
  c.vocabulary = 30;
  c.positions = 16;
  return c;
}

std::vector<atlas::index_t> training_tokens() {
  std::vector<atlas::index_t> tokens;
  for (atlas::index_t i = 0; i < 300; ++i) tokens.push_back((i * i + 7 * i) % 30);
  return tokens;
}

const atlas::trainer_options training_options = {
    .batch = 3, .schedule = {.peak = 1e-2, .warmup = 3, .steps = 30}};

atlas::trainer fresh_trainer(const atlas::trainer_options& o = training_options) {
  return {atlas::random_transformer(trained_config(), {.seed = 5}), training_tokens(), o};
}

bool same_state(const atlas::trainer& a, const atlas::trainer& b) {
  const auto x = a.state(), y = b.state();
  bool same = x.step == y.step && x.parameters.size() == y.parameters.size();
  for (std::size_t k = 0; same && k < x.parameters.size(); ++k)
    same = x.parameters[k].values == y.parameters[k].values &&
           x.moments[k].first == y.moments[k].first && x.moments[k].second == y.moments[k].second;
  return same;
}

/// A checkpoint with its tensors and metadata changed.
template <class Change>
std::filesystem::path changed_checkpoint(const temporary_folder& folder, Change&& change) {
  const auto file = io::safetensors::open(folder / "run.safetensors");
  auto metadata = file.metadata();
  std::vector<io::tensor_entry> entries;
  for (const auto& name : file.names()) entries.push_back(file.at(name));
  change(entries, metadata);
  io::write_safetensors(folder / "changed.safetensors", entries, metadata);
  return folder / "changed.safetensors";
}

}  // namespace

TEST_CASE("a run that was killed goes on from its last checkpoint, bit for bit") {
  const temporary_folder folder;
  const auto file = folder / "run.safetensors";
  atlas::trainer whole = fresh_trainer();
  atlas::train(whole, 25);
  {
    atlas::trainer killed = fresh_trainer();
    for (int i = 0; i < 13; ++i) {
      killed.step();
      if (killed.steps_done() % 5 == 0) io::save_training(file, killed);
    }
  }
  CHECK(folder.size() == 1);
  auto options = training_options;
  options.threads = 2;
  atlas::trainer resumed = fresh_trainer(options);
  io::load_training(file, resumed);
  CHECK(resumed.steps_done() == 10);
  atlas::train(resumed, 25);
  CHECK(same_state(resumed, whole));
}

TEST_CASE("a checkpoint opens as a model, too") {
  const temporary_folder folder;
  atlas::trainer training = fresh_trainer();
  atlas::train(training, 4);
  io::save_training(folder / "model.safetensors", training);
  folder.write("config.json", io::transformer_config_text(trained_config()));
  const auto model = io::open_transformer(folder.path());
  std::size_t k = 0;
  model.for_each_parameter([&](const auto&, const auto&, const auto& values) {
    CHECK(std::ranges::equal(values, training.model().weights().parameters[k++].values));
  });
}

TEST_CASE("checkpoints of other runs are refused and nothing is lost") {
  const temporary_folder folder;
  const auto file = folder / "run.safetensors";
  atlas::trainer training = fresh_trainer();
  atlas::train(training, 3);
  io::save_training(file, training);
  const auto refused = [&](atlas::trainer other, const char* part, const char* got) {
    atlas::train(other, 1);
    const auto before = other.state();
    CHECK_REFUSED(atlas::format_error, (io::load_training(file, other), 0), part, got);
    CHECK(other.steps_done() == 1);
    CHECK(other.state().parameters[0].values == before.parameters[0].values);
    CHECK(other.state().moments[0].first == before.moments[0].first);
  };
  const auto with = [&](auto change) {
    auto o = training_options;
    change(o);
    return fresh_trainer(o);
  };
  refused(with([](auto& o) { o.seed = 4; }), "seed", "\"4\", got \"0\"");
  refused(with([](auto& o) { o.batch = 4; }), "batch", "got \"3\"");
  refused(with([](auto& o) { o.tokens_per_block = 8; }), "block_size", "got \"16\"");
  refused(with([](auto& o) { o.schedule.peak = 0.1; }), "schedule.peak", "got \"0.01\"");
  refused(with([](auto& o) { o.schedule.steps = 31; }), "schedule.steps", "got \"30\"");
  refused(with([](auto& o) { o.weight_decay = 0; }), "weight_decay", "got \"0.1\"");
  auto tokens = training_tokens();
  tokens[9] = 1;
  refused({atlas::random_transformer(trained_config(), {.seed = 5}), tokens, training_options},
          "tokens.hash", "got");
  auto config = trained_config();
  config.heads = config.key_value_heads = 4;
  config.head_dimension = 4;
  refused({atlas::random_transformer(config, {.seed = 5}), training_tokens(), training_options},
          "config", "n_head");
}

TEST_CASE("damaged checkpoints are refused and nothing is lost") {
  const temporary_folder folder;
  const auto file = folder / "run.safetensors";
  atlas::trainer training = fresh_trainer();
  atlas::train(training, 3);
  io::save_training(file, training);
  atlas::trainer other = fresh_trainer();
  atlas::train(other, 2);
  atlas::trainer kept = fresh_trainer();
  kept.restore(other.state());
  const auto message = [&](const std::filesystem::path& damaged) {
    const auto text = message_of<atlas::error>([&] { io::load_training(damaged, other); });
    CHECK(same_state(other, kept));
    return text;
  };
  CHECK(has(message(folder / "missing"), "missing"));
  const std::string whole = io::read_text(file);
  for (const std::size_t size :
       {whole.size() - 1, whole.size() / 2, std::size_t{100}, std::size_t{0}})
    CHECK(has(message(folder.write("cut", whole.substr(0, size))), "cut"));
  const auto changed = [&](auto change) { return message(changed_checkpoint(folder, change)); };
  CHECK(has(changed([](auto& e, auto&) { e.pop_back(); }), "none of that name"));
  CHECK(has(changed([](auto& e, auto&) { e.erase(e.begin()); }), "adam.first"));
  CHECK(has(changed([](auto& e, auto&) {
              e.push_back({"more", e[0].type, e[0].extents, e[0].bytes});
            }),
            "tensors"));
  CHECK(has(changed([](auto& e, auto&) {
              std::reverse(e[0].extents.begin(), e[0].extents.end());
              e[0].extents.push_back(1);
            }),
            "adam.first"));
  CHECK(has(changed([](auto&, auto& m) { m.erase("seed"); }), "seed"));
  CHECK(has(changed([](auto&, auto& m) { m.erase("step"); }), "step"));
  CHECK(has(changed([](auto&, auto& m) { m["step"] = "-2"; }), "step"));
  CHECK(has(changed([](auto&, auto& m) { m["step"] = "3x"; }), "3x"));
  CHECK(has(changed([](auto&, auto& m) { m["format"] = "other"; }), "format"));
  const std::vector<float> poison(30 * 16, std::numeric_limits<float>::quiet_NaN());
  const auto poisoned = changed([&](auto& e, auto&) {
    for (auto& x : e)
      if (x.name == "adam.second.transformer.wte.weight")
        x.bytes = std::as_bytes(std::span(poison));
  });
  for (const char* part : {"changed.safetensors", "transformer.wte.weight", "NaN at [0]"})
    CHECK(has(poisoned, part));
  io::load_training(file, other);
  CHECK(same_state(other, training));
}
