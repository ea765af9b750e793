// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "atlas/io/files.hpp"
#include "atlas/io/model.hpp"
#include "atlas/protocols/collect_clouds.hpp"
#include "atlas/reference/random_transformer.hpp"
#include "atlas/version.hpp"
#include "embedded.hpp"
#include "source_content.hpp"
#include "study.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;
namespace fs = std::filesystem;

bool is_embedded(const std::string& name) {
  return embedded_model(name) && !fs::exists(name);
}

/// Configuration and content, without the weights.
study_model look_at_model(const std::string& name) {
  if (is_embedded(name)) {
    const io::model_files files = *embedded_model(name);
    return {name, io::parse_transformer_config(files.config, name), model_content(name), {}};
  }
  return {name, io::open_transformer_config(name), model_content(name), {}};
}

/// Texts, or files of tokens in their place.
std::vector<model_input> inputs_of(const study_options& o) {
  std::vector<model_input> inputs;
  for (const std::string& name : o.texts)
    inputs.push_back(o.tokens.empty() ? model_input{name, {}} : model_input{{}, name});
  return inputs;
}

void check_different(const std::vector<std::string>& names, const char* option) {
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j])
        throw atlas::value_error(option, "different ones", names[i] + " twice");
}

void check_study(const study_options& o) {
  check_different(o.models, "--model");
  check_different(o.texts, o.tokens.empty() ? "--text" : "--tokens");
  if (o.min_context < o.tokens_per_block)
    check_points(o.common, o.points, o.blocks, o.tokens_per_block, o.min_context);
}

void check_model(const study_model& m, const study_options& o) {
  atlas::check_between(o.tokens_per_block, 2, m.config.positions, "--block-size");
  atlas::check_between(o.min_context, 0, o.tokens_per_block - 1, "--min-context");
  atlas::check_between(o.local_dimension, 1, m.config.head_dimension, "--local-dim");
  if (m.config.heads < 3 || m.config.key_value_heads < 2)
    throw atlas::value_error(m.name, "at least 3 heads and 2 key/value heads",
                             fmt::format("{} and {}", m.config.heads, m.config.key_value_heads));
}

std::string layer_label(const std::string& model, const std::string& text, index_t layer) {
  return fmt::format("{} on {}, layer {}", model, text, layer);
}

/// All layers.
atlas::collect_clouds_options collection(const study_options& o,
                                         atlas::progress_callback on_progress) {
  return {.min_context = o.min_context,
          .points = o.points,
          .seed = o.common.seed,
          .threads = o.common.threads,
          .on_progress = std::move(on_progress)};
}

}  // namespace

std::vector<index_t> deepest_layers(const atlas::transformer_config& config) {
  std::vector<index_t> layers;
  for (index_t l = std::max<index_t>(0, config.layers - 3); l < config.layers; ++l)
    layers.push_back(l);
  return layers;
}

void study_session::enter(const std::string& place) {
  place_ = place;
  begin_stage(options_.common, place);
}

atlas::progress_callback study_session::progress() const {
  return [bar = progress_bar(options_.common), place = place_](const atlas::progress& p) {
    const std::string stage = fmt::format("{}: {}", place, p.stage);
    return bar({stage, p.done, p.total});
  };
}

study_session::study_session(const study_options& options) : options_(options) {
  check_study(options_);
  const study_options& o = options_;
  json models = json::array(), texts = json::array();
  for (const std::string& name : o.models) {
    study_model model = look_at_model(name);
    check_model(model, o);
    token_reader reader(name, model.config.vocabulary, o.bos);
    for (const model_input& input : inputs_of(o))
      model.blocks.push_back(load_blocks(input, o.blocks, o.tokens_per_block, reader));
    models.push_back(content_json(name, model.content));
    models_.push_back(std::move(model));
  }
  for (const model_input& input : inputs_of(o))
    texts.push_back(content_json(input.name(), input_content(input)));
  description_ = {{"program", std::string("atlas ") + atlas::version},
                  {"models", models},
                  {"texts", texts},
                  {"bos", o.bos},
                  {"seed", o.common.seed},
                  {"blocks", o.blocks},
                  {"block_size", o.tokens_per_block},
                  {"min_context", o.min_context},
                  {"points", o.points},
                  {"local_dimension", o.local_dimension},
                  {"surrogates", o.surrogates},
                  {"manifold_draws", o.manifold_draws},
                  {"training", training_name(o.autoencoders.training)},
                  {"epochs", o.autoencoders.epochs ? json(*o.autoencoders.epochs) : json(nullptr)}};
}

const atlas::transformer& study_session::open(std::size_t model) {
  if (!opened_ || opened_->first != model) {
    opened_.reset();
    opened_.emplace(model, load_transformer(models_[model].name));
  }
  return opened_->second;
}

study_clouds study_session::collect(std::size_t m, std::size_t t) {
  const atlas::transformer& model = open(m);
  const atlas::transformer_config& c = model.config();
  atlas::collect_clouds_options options = collection(options_, progress());
  options.further = {{deepest_layers(c), options.seed + 1}};
  options.perplexity = true;
  const atlas::collected_clouds collected =
      atlas::collect_clouds(model, models_[m].blocks[t], options);
  study_clouds out;
  out.perplexity = *collected.perplexity;
  const auto sample = [&](const atlas::head_clouds& clouds) {
    return atlas::sample_of(layer_label(models_[m].name, options_.texts[t], clouds.layer), clouds,
                            model.stream_projection(clouds.layer), c.heads_per_group());
  };
  model.for_each_parameter([&](const std::string&, const auto&, const auto& values) {
    out.parameters += static_cast<index_t>(values.size());
  });
  for (const atlas::head_clouds& clouds : collected.layers) out.layers.push_back(sample(clouds));
  for (const atlas::head_clouds& clouds : collected.further.front()) {
    out.other_choice.push_back(sample(clouds));
    out.other_choice.back().choice = 1;
  }
  return out;
}

const study_clouds& study_session::clouds(std::size_t model, std::size_t text) {
  const auto place = std::pair(text, model);
  const auto found = clouds_.find(place);
  if (found != clouds_.end()) return found->second;
  std::erase_if(clouds_, [&](const auto& kept) { return kept.first.first != text; });
  return clouds_.emplace(place, collect(model, text)).first->second;
}

atlas::head_sample study_session::initial_sample(std::size_t m, std::size_t t) const {
  const atlas::transformer model =
      atlas::random_transformer(models_[m].config, {.seed = options_.common.seed});
  const atlas::transformer_config& c = model.config();
  const index_t deepest = c.layers - 1;
  atlas::collect_clouds_options options = collection(options_, progress());
  options.layers = {deepest};
  const atlas::collected_clouds collected =
      atlas::collect_clouds(model, models_[m].blocks[t], options);
  return atlas::sample_of("at random weights", collected.layers.front(),
                          model.stream_projection(deepest), c.heads_per_group());
}

}  // namespace atlas_program
