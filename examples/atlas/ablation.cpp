// SPDX-License-Identifier: MIT
#include "ablation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "atlas/io/training_checkpoint.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "atlas/version.hpp"
#include "embedded.hpp"
#include "measure_layer.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Half of a model's dimension at most: overlaps need two heads.
void check_head_dimensions(const ablation_options& o) {
  for (const index_t d : o.head_dimensions)
    if (d < 2 || 2 * d > o.model_dimension || o.model_dimension % d != 0)
      throw atlas::value_error("--head-dims",
                               fmt::format("divisors of {} from 2 to its half", o.model_dimension),
                               std::to_string(d));
}

/// The tokens of one text: first those to train on, then whole blocks that are held out.
void add_tokens(const std::string& name, const atlas::io::tokenizer& words,
                const ablation_options& o, std::vector<index_t>& training,
                std::vector<index_t>& held_out) {
  const std::vector<index_t> tokens = words.encode(load_text(name));
  const auto count = static_cast<double>(tokens.size());
  const auto blocks = static_cast<index_t>(o.held_out * count) / o.tokens_per_block;
  const auto last = static_cast<index_t>(tokens.size()) - blocks * o.tokens_per_block;
  if (blocks < 1 || last < o.tokens_per_block)
    throw atlas::value_error(
        name, fmt::format("tokens for blocks of {}, to train on and held out", o.tokens_per_block),
        fmt::format("{}, of which a share of {} is held out", tokens.size(), o.held_out));
  training.insert(training.end(), tokens.begin(), tokens.begin() + last);
  held_out.insert(held_out.end(), tokens.begin() + last, tokens.end());
}

atlas::transformer_config config_of(const ablation_options& o, index_t vocabulary,
                                    index_t head_dimension) {
  atlas::transformer_config c;
  c.layers = o.layers;
  c.model_dimension = o.model_dimension;
  c.heads = c.key_value_heads = o.model_dimension / head_dimension;
  c.head_dimension = head_dimension;
  c.mlp_dimension = 4 * o.model_dimension;
  c.vocabulary = vocabulary;
  c.positions = o.tokens_per_block;
  return c;
}

}  // namespace

void check_ablation(const ablation_options& o) {
  check_head_dimensions(o);
  atlas::check_between(o.min_context, 0, o.tokens_per_block - 1, "--min-context");
}

ablation_texts read_ablation_texts(const ablation_options& o) {
  ablation_texts out;
  const atlas::io::model_files embedded = *embedded_model("tiny-gpt2");
  out.tokenizer_text = embedded.tokenizer;
  out.vocabulary = atlas::io::parse_transformer_config(embedded.config, "config").vocabulary;
  const auto words = atlas::io::tokenizer::from_text(out.tokenizer_text, "tokenizer");
  std::vector<index_t> training, held_out;
  for (const std::string& name : o.texts) add_tokens(name, words, o, training, held_out);
  out.training = atlas::owned_tensor<index_t, 1>({static_cast<index_t>(training.size())});
  std::copy(training.begin(), training.end(), out.training.mutable_view().data());
  const auto blocks = static_cast<index_t>(held_out.size()) / o.tokens_per_block;
  if (blocks < 2)
    throw atlas::value_error("--held-out", "at least 2 blocks in all texts together",
                             std::to_string(blocks));
  out.held_out = atlas::owned_tensor<index_t, 2>({blocks, o.tokens_per_block});
  std::copy(held_out.begin(), held_out.end(), out.held_out.mutable_view().data());
  return out;
}

json describe(const ablation_options& o, const ablation_texts& texts) {
  const atlas::tensor_view<const index_t, 1> held_out(texts.held_out.data(),
                                                      {texts.held_out.size()});
  return {{"version", atlas::version},
          {"texts", o.texts},
          {"training_tokens", texts.training.size()},
          {"training_hash", std::to_string(atlas::io::hash_of_tokens(texts.training))},
          {"held_out_blocks", texts.held_out.extent(0)},
          {"held_out_hash", std::to_string(atlas::io::hash_of_tokens(held_out))},
          {"model_dimension", o.model_dimension},
          {"layers", o.layers},
          {"head_dimensions", o.head_dimensions},
          {"steps", o.steps},
          {"batch", o.batch},
          {"block_size", o.tokens_per_block},
          {"learning_rate", o.learning_rate},
          {"measured_steps", measured_steps(o)},
          {"points", o.points},
          {"min_context", o.min_context},
          {"surrogates", o.surrogates},
          {"local_dimension", o.local_dimension},
          {"seed", o.common.seed}};
}

atlas::trainer untrained(const ablation_options& o, const ablation_texts& texts,
                         index_t head_dimension) {
  return atlas::trainer(atlas::random_transformer(config_of(o, texts.vocabulary, head_dimension),
                                                  {.seed = o.common.seed}),
                        texts.training, training_of(o, o.common.seed));
}

atlas::trainer_options training_of(const ablation_options& o, std::uint64_t seed) {
  return {.batch = o.batch,
          .schedule = {.peak = o.learning_rate, .warmup = o.steps / 10, .steps = o.steps},
          .seed = seed,
          .threads = o.common.threads};
}

std::vector<index_t> measured_steps(const ablation_options& o) {
  std::set<index_t> steps;
  for (const double c : o.checkpoints)
    steps.insert(static_cast<index_t>(std::llround(c * static_cast<double>(o.steps))));
  return {steps.begin(), steps.end()};
}

index_t local_dimension(const ablation_options& o, index_t head_dimension) {
  return std::min(o.local_dimension, head_dimension / 2);
}

json measure_step(const ablation_options& o, const ablation_texts& texts,
                  const atlas::trainer& training) {
  const atlas::transformer_config& config = training.model().config();
  measure_options measured;
  measured.common = o.common;
  measured.min_context = o.min_context;
  measured.points = o.points;
  measured.local_dimension = std::to_string(local_dimension(o, config.head_dimension));
  measured.surrogates = o.surrogates;
  measured.perplexity = true;
  const measure_source source = measure_model(training.model(), texts.held_out, {}, measured);
  const json& perplexity = source.description["perplexity"];
  json out = {{"step", training.steps_done()},
              {"perplexity", perplexity},
              {"loss", std::log(perplexity["value"].get<double>())},
              {"layers", json::array()}};
  atlas::progress_meter meter(progress_bar(o.common), "heads", steps_of_layers(source, measured));
  haar_nulls nulls(
      {.seed = o.common.seed, .threads = o.common.threads, .on_progress = progress_bar(o.common)});
  for (const source_layer& layer : source.layers)
    out["layers"].push_back(layer_json(measure_layer(layer, 1, measured, nulls, meter)));
  return out;
}

}  // namespace atlas_program
