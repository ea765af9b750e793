// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `atlas study`: every protocol on some models and texts, in parts that are kept.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atlas/autoencoder/autoencoder_options.hpp"
#include "atlas/protocols/head_sample.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/protocols/verdict.hpp"
#include "atlas/reference/perplexity.hpp"
#include "autoencoder_training.hpp"
#include "common.hpp"
#include "model_source.hpp"

namespace atlas_program {

struct study_options {
  common_options common;
  std::vector<std::string> models, texts, tokens;
  std::string out = "atlas-study", bos = "default";
  atlas::index_t blocks = 100, tokens_per_block = 256, min_context = 16, points = 1200;
  atlas::index_t local_dimension = 7, surrogates = 20, manifold_draws = 10;
  atlas::autoencoder_options autoencoders;  ///< as far as options name them
};

/// A model as far as it is known before it is run.
struct study_model {
  std::string name;
  atlas::transformer_config config;
  std::uint64_t content = 0;                                   ///< hash of its files
  std::vector<atlas::owned_tensor<atlas::index_t, 2>> blocks;  ///< of each text
};

/// Clouds of all layers of a model on a text, in the order of the layers.
struct study_clouds {
  std::vector<atlas::head_sample> layers;
  std::vector<atlas::head_sample> other_choice;  ///< other points of the deepest layers
  atlas::perplexity_result perplexity;
  atlas::index_t parameters = 0;  ///< of the model
};

/// What the parts are measured from. Models are opened and run when a part first needs them.
class study_session {
 public:
  /// \throws whatever is wrong with the options, the models or the texts
  explicit study_session(const study_options& options);

  const study_options& options() const { return options_; }
  const std::vector<study_model>& models() const { return models_; }
  std::size_t texts() const { return options_.texts.size(); }
  /// Says what is being worked on. \throws atlas::cancelled after an interrupt
  void enter(const std::string& place);
  /// For work within a part: stops it after an interrupt, and says how far it is.
  atlas::progress_callback progress() const;
  /// Rows of each cloud.
  atlas::index_t points() const {
    return (std::min)(options_.points,
                      options_.blocks * (options_.tokens_per_block - options_.min_context));
  }
  /// What decides the results, and nothing else.
  const json& description() const { return description_; }
  /// Those of one text are kept until another text is asked for.
  const study_clouds& clouds(std::size_t model, std::size_t text);
  /// Clouds of the deepest layer of the same architecture with random weights.
  atlas::head_sample initial_sample(std::size_t model, std::size_t text) const;

 private:
  const atlas::transformer& open(std::size_t model);
  study_clouds collect(std::size_t model, std::size_t text);

  study_options options_;
  std::string place_;
  std::vector<study_model> models_;
  json description_;
  std::optional<std::pair<std::size_t, atlas::transformer>> opened_;
  std::map<std::pair<std::size_t, std::size_t>, study_clouds> clouds_;
};

/// One piece of work: its name, which is that of its file, and what it measures.
struct study_part {
  std::string name;
  std::function<json(study_session&)> measure;
};

/// All parts, those of one text after the other.
std::vector<study_part> study_parts(const study_session& session);

/// The deepest layers that get the dearer measurements, three or all.
std::vector<atlas::index_t> deepest_layers(const atlas::transformer_config& config);

/// Options of the library's protocols, within the part that was entered.
atlas::protocol_options protocol_options_of(const study_session& session);

/// Measurements of one model and text.
json measure_perplexity(study_session& session, std::size_t model, std::size_t text);
json measure_study_layer(study_session& session, std::size_t model, std::size_t text,
                         atlas::index_t layer);
json measure_robustness(study_session& session, std::size_t model, std::size_t text);
json measure_within_model(study_session& session, std::size_t model, std::size_t text);
json measure_manifold(study_session& session, std::size_t model, std::size_t text,
                      atlas::index_t layer);
json measure_atlas(study_session& session, std::size_t model, std::size_t text);
json measure_autoencoders(study_session& session, std::size_t model, std::size_t text);
json measure_maturation(study_session& session, std::size_t model, std::size_t text);
/// Of all models on one text.
json measure_architectures(study_session& session, std::size_t text);

/// Names of parts.
std::string part_name(std::size_t model, std::size_t text, const std::string& what);
std::string layer_part(std::size_t model, std::size_t text, const std::string& what,
                       atlas::index_t layer);

/// Findings as JSON and back: numbers keep every bit, NaN is null.
json finding_json(const atlas::finding& f);
json findings_json(const std::vector<atlas::finding>& findings);
atlas::finding finding_of(const json& j);
json sampled_json(const atlas::sampled_value& v);
atlas::sampled_value sampled_of(const json& j, const std::string& label);

/// A claim of the original study, and what became of it here.
struct study_claim {
  std::string id, title;
  std::string measured, null;  ///< what they are, in words
  std::vector<atlas::finding> findings;
  std::string note = {};
};

/// The claims, from all parts by name.
std::vector<study_claim> study_claims(const study_session& session, const json& parts);

/// Files that the study ends with, by name.
std::vector<std::pair<std::string, std::string>> study_files(
    const study_session& session, const json& parts, const std::vector<study_claim>& claims);

}  // namespace atlas_program
