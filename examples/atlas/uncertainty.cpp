// SPDX-License-Identifier: MIT
#include "atlas/quantize/uncertainty.hpp"

#include <fmt/format.h>

#include <memory>

#include "linear_maps.hpp"
#include "options.hpp"
#include "quantizers.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct uncertainty_command_options {
  common_options common;
  model_options source;
  layer_options layers;
  index_t k = 0, draws = 20;
};

json result_json(const linear_map& map, const atlas::uncertainty_result& r) {
  json angles = json::array();
  for (index_t i = 0; i < r.angles.angles.size(); ++i) angles.push_back(number(r.angles.angles(i)));
  return {{"name", short_name(map)},
          {"layer", map.layer},
          {"outputs", map.weights.rows()},
          {"inputs", map.weights.cols()},
          {"effective_rank_weights", effective_rank_json(r.effective_rank_weights)},
          {"effective_rank_activations", effective_rank_json(r.effective_rank_activations)},
          {"k", r.k},
          {"angles", angles},
          {"mean_cosine",
           {{"value", number(r.mean_cosine)},
            {"null_mean", number(r.random.mean)},
            {"null_sd", number(r.random.sd)},
            {"z", number(r.z)},
            {"p", number(r.p)},
            {"rank_p", number(r.rank_p)}}},
          {"commutator",
           {{"value", number(r.commutator.value)},
            {"null_mean", number(r.commutator.random_mean)},
            {"null_sd", number(r.commutator.random_sd)},
            {"null_rms", number(r.commutator.random_rms)},
            {"z", number(r.commutator.z)},
            {"p", number(r.commutator.p)},
            {"rank_p", number(r.commutator.rank_p)}}}};
}

/// Of the second moments, and about the mean.
std::string rank_pair(const atlas::effective_ranks& ranks) {
  return fmt::format("{} ({})", digits(ranks.second_moments, 1), digits(ranks.about_mean, 1));
}

std::vector<std::string> result_row(const linear_map& map, const atlas::uncertainty_result& r) {
  return {short_name(map),
          rank_pair(r.effective_rank_weights),
          rank_pair(r.effective_rank_activations),
          std::to_string(r.k),
          digits(r.mean_cosine, 3),
          fmt::format("{:.3f} ({:.3f})", r.random.mean, r.random.sd),
          digits(r.z, 1),
          p_text(r.p),
          digits(r.commutator.value, 4),
          fmt::format("{:.4f} ({:.4f})", r.commutator.random_mean, r.commutator.random_sd),
          digits(r.commutator.z, 1),
          p_text(r.commutator.p)};
}

constexpr const char* how_to_read_uncertainty =
    "How to read this. F_W = E[(dL/dW)^T (dL/dW)] over blocks, G_A = E[a a^T] over tokens.\n"
    "Ranks are participation ratios of these second moments, in which a large mean counts as\n"
    "nearly all there is, and in brackets about the mean. Mean cosine of the principal angles\n"
    "of their top-k eigenspaces, beside random k-spaces; normalised commutator, 0 for a common\n"
    "eigenbasis, beside unrelated bases with the same spectra. One basis serves both as far as\n"
    "the cosine is above chance and the commutator below it.\n";

void run_uncertainty(const uncertainty_command_options& o) {
  begin_stage(o.common, "reading the model and the text");
  const model_source source = open_model_source(o.source);
  const auto maps = collect_linear_maps(
      source.lm.model, source.blocks,
      {.layers = chosen_layers(o.layers, source.lm.model.config().layers), .weight_fisher = true},
      o.common);
  for (const linear_map& map : maps) atlas::check_between(o.k, 0, map.weights.cols(), "--k");
  pass_meter passes(o.common, "eigenbases", static_cast<index_t>(maps.size()));
  json found = json::array();
  std::vector<std::vector<std::string>> rows = {
      {"matrix", "rank F_W (about mean)", "rank G_A (about mean)", "k", "cosine", "random (sd)",
       "z", "p", "commutator", "random (sd)", "z", "p"}};
  for (const linear_map& map : maps) {
    const auto r = atlas::fisher_uncertainty(map.weight_fisher, map.input_moments,
                                             {.k = o.k,
                                              .draws = o.draws,
                                              .seed = o.common.seed,
                                              .threads = o.common.threads,
                                              .on_progress = passes.next(),
                                              .gradient_mean = map.gradient_mean,
                                              .activation_mean = map.input_mean});
    found.push_back(result_json(map, r));
    rows.push_back(result_row(map, r));
  }
  report(o.common,
         {{"source", source.description}, {"tokens", source.blocks.size()}, {"matrices", found}},
         heading(source.description) + table_text(rows) + "\n" + how_to_read_uncertainty);
}

}  // namespace

void add_uncertainty(CLI::App& program) {
  const auto options = std::make_shared<uncertainty_command_options>();
  CLI::App& app = *program.add_subcommand(
      "uncertainty", "Whether weights and activations of a layer have a common eigenbasis.");
  add_model_options(app, options->source);
  add_layer_options(app, options->layers, "all unless told otherwise");
  add_whole(app, "--k", options->k, {0},
            "dimension of the eigenspaces; 0: the smaller effective rank of the second moments, "
            "at most 64");
  add_whole(app, "--draws", options->draws, {atlas::least_draws, 1 << 30},
            "random bases of the commutator's null");
  add_common_options(app, options->common, "atlas uncertainty --deepest 2");
  app.callback([options] { run_uncertainty(*options); });
}

}  // namespace atlas_program
