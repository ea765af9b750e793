// SPDX-License-Identifier: MIT
#include "redundancy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "atlas/attention/left_out_rules.hpp"
#include "atlas/attention/sinks.hpp"
#include "atlas/io/files.hpp"
#include "atlas/reference/repeated_perplexity.hpp"
#include "interrupts.hpp"
#include "model_source.hpp"
#include "options.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct redundancy_options {
  common_options common;
  model_options source;
  layer_options layers;
  model_input held_out;
  std::vector<std::string> ways = {"zero", "mean", "resample"};
  head_measure_options measures;
  index_t pairs = 0, draws = 1, permutations = 9999;
  std::string folder, csv_file;
};

atlas::perplexity_result result_of_losses(std::vector<double> losses, index_t tokens) {
  atlas::perplexity_result out;
  const atlas::sample_summary s = atlas::summarize(losses);
  out.loss = s.mean;
  out.loss_standard_error = s.standard_error;
  out.perplexity = std::exp(s.mean);
  out.standard_error = out.perplexity * s.standard_error;
  out.tokens = tokens;
  out.block_losses = std::move(losses);
  return out;
}

/// Sets of heads of a layer that are left out together: each, and some pairs.
std::vector<std::vector<index_t>> sets_of_heads(index_t heads, index_t layer,
                                                const redundancy_options& o) {
  std::vector<std::vector<index_t>> out, pairs;
  for (index_t h = 0; h < heads; ++h) out.push_back({h});
  for (index_t h = 0; h < heads; ++h)
    for (index_t g = h + 1; g < heads; ++g) pairs.push_back({h, g});
  const auto count = static_cast<index_t>(pairs.size());
  atlas::random_stream random(o.common.seed, static_cast<std::uint64_t>(layer));
  for (const index_t p : atlas::sample_rows(count, std::min(count, o.pairs), random))
    out.push_back(pairs[static_cast<std::size_t>(p)]);
  return out;
}

/// Runs the model on one text, layer by layer, and keeps what is finished.
class redundancy_measuring {
 public:
  redundancy_measuring(const redundancy_options& o, const atlas::transformer& model,
                       const atlas::owned_tensor<index_t, 2>& blocks,
                       const std::optional<study_store>& store, pass_meter& passes)
      : o_(o), model_(model), blocks_(blocks), store_(store), passes_(passes) {}

  void measure(const std::vector<index_t>& layers, redundancy_text& into) {
    for (const index_t layer : layers) {
      into.layers.push_back(measures_of(into.name, layer));
      contexts_.reset();
      text_.reset();
      for (const auto& heads : sets_of_heads(model_.config().heads, layer, o_))
        for (const std::string& way : o_.ways)
          into.results.push_back({layer, heads, way, read_without(into.name, layer, heads, way)});
    }
  }

 private:
  std::vector<head_measures> measures_of(const std::string& text, index_t layer) {
    const std::string part = fmt::format("{}-layer-{}-measures", text, layer);
    const auto step = passes_.next();
    auto kept = store_ ? store_->read(part) : std::nullopt;
    if (!kept) {
      kept = measures_to_json(
          measure_heads(model_, blocks_, layer, o_.measures, o_.common, step).heads);
      if (store_) store_->write(part, *kept);
    }
    return measures_from_json(*kept);
  }

  atlas::perplexity_result read_without(const std::string& text, index_t layer,
                                        const std::vector<index_t>& heads, const std::string& way) {
    const std::string part =
        fmt::format("{}-layer-{}-{}-{}", text, layer, way, fmt::join(heads, "-"));
    const auto step = passes_.next();
    auto kept = store_ ? store_->read(part) : std::nullopt;
    if (!kept) {
      kept = reals_json(losses_without(layer, heads, way, step));
      if (store_) store_->write(part, *kept);
    }
    return result_of_losses(reals_of(*kept), blocks_.extent(0) * (blocks_.extent(1) - 1));
  }

  /// Means over draws where there are several.
  std::vector<double> losses_without(index_t layer, const std::vector<index_t>& heads,
                                     const std::string& way,
                                     const atlas::progress_callback& on_progress) {
    if (!text_) read_up_to(layer);
    std::vector<double> sum(static_cast<std::size_t>(blocks_.extent(0)), 0.0);
    const index_t draws = way == "resample" ? o_.draws : 1;
    for (index_t draw = 0; draw < draws; ++draw) {
      const auto rule = atlas::rule_of_heads(rule_of(layer, way, draw), heads);
      const auto read = text_->again(
          {.rules = {{layer, rule}}, .threads = o_.common.threads, .on_progress = on_progress});
      for (std::size_t b = 0; b < sum.size(); ++b)
        sum[b] += read.block_losses[b] / static_cast<double>(draws);
    }
    return sum;
  }

  atlas::context_rule rule_of(index_t layer, const std::string& way, index_t draw) {
    if (way == "zero") return atlas::zero_rule();
    if (!contexts_) collect_contexts(layer);
    if (way == "mean") return *mean_;
    atlas::random_stream random(atlas::seed_of_stream(o_.common.seed, 1),
                                static_cast<std::uint64_t>(layer * (index_t{1} << 20) + draw));
    return atlas::other_passage_rule(*contexts_, atlas::other_passages(blocks_.extent(0), random));
  }

  /// Layers before this one run once, however many of its heads are left out.
  void read_up_to(index_t layer) {
    text_.emplace(model_, blocks_,
                  atlas::repeated_perplexity_options{.first_changed = layer,
                                                     .threads = o_.common.threads,
                                                     .on_progress = progress_bar(o_.common)});
  }

  void collect_contexts(index_t layer) {
    const atlas::transformer_config& c = model_.config();
    atlas::context_collector collector(
        {{layer}, c.heads, c.head_dimension, blocks_.extent(0), blocks_.extent(1)});
    model_.forward(blocks_, {.observed_layers = {layer},
                             .observer = collector.observer(),
                             .threads = o_.common.threads,
                             .on_progress = progress_bar(o_.common)});
    contexts_ = collector.contexts(layer);
    mean_ = atlas::mean_rule(*contexts_);
  }

  const redundancy_options& o_;
  const atlas::transformer& model_;
  const atlas::owned_tensor<index_t, 2>& blocks_;
  const std::optional<study_store>& store_;
  pass_meter& passes_;
  std::optional<atlas::owned_tensor<float, 3>> contexts_;  ///< of the layer that is measured
  std::optional<atlas::context_rule> mean_;
  std::optional<atlas::repeated_perplexity> text_;  ///< from the layer that is measured on
};

/// What kept parts are of: the losses of both texts stand for the model and its numbers.
json redundancy_description(const redundancy_options& o, const json& source,
                            const redundancy_run& run) {
  return {{"command", "redundancy"},
          {"source", source},
          {"losses", {run.texts[0].baseline.block_losses, run.texts[1].baseline.block_losses}},
          {"draws", o.draws},
          {"min_context", o.measures.min_context},
          {"points", o.measures.points},
          {"local_dimension", o.measures.local_dimension},
          {"seed", o.common.seed},
          {"version", run_json(o.common)["version"]}};
}

void check_redundancy(const redundancy_options& o, const atlas::transformer_config& config,
                      index_t blocks) {
  if (config.norms != atlas::norm_position::before)
    throw atlas::error(o.source.model,
                       "a model without norms after attention, which change how much "
                       "a head writes (measure takes others)",
                       "one with them");
  if (blocks < 4)
    throw atlas::value_error("--blocks", "at least 4 passages, 2 a half", std::to_string(blocks));
  atlas::check_between(o.measures.min_context, 0, o.source.tokens_per_block - 1, "--min-context");
  check_points(o.common, o.measures.points, blocks, o.source.tokens_per_block,
               o.measures.min_context);
  atlas::check_between(o.measures.local_dimension, 1,
                       std::min(config.head_dimension, config.model_dimension), "--local-dim");
  for (std::size_t i = 0; i < o.ways.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (o.ways[i] == o.ways[j])
        throw atlas::value_error("--ways", "different ones", o.ways[i] + " twice");
  if (std::find(o.ways.begin(), o.ways.end(), "resample") == o.ways.end())
    refuse_typed(*o.common.command, {"--draws"}, "without resample among --ways");
  if (config.heads < 2) refuse_typed(*o.common.command, {"--pairs"}, "where layers have one head");
}

void run_redundancy(const redundancy_options& o) {
  if (!o.folder.empty())
    set_interrupt_message("interrupted; run it again to go on from the heads that are there");
  begin_stage(o.common, "reading the model and the texts");
  model_source source = open_model_source(o.source);
  const atlas::transformer& model = source.lm.model;
  const model_input held_out = calibration_of(o.held_out, o.source);
  check_redundancy(o, model.config(), source.blocks.extent(0));
  const auto held_blocks =
      load_blocks(held_out, source.blocks.extent(0), o.source.tokens_per_block, source.lm.reader);
  redundancy_run run{o.common,
                     chosen_layers(o.layers, model.config().layers),
                     o.ways,
                     o.permutations,
                     model.config().heads_per_group(),
                     {}};
  run.texts[0].name = "text";
  run.texts[1].name = "held_out";
  const std::array<const atlas::owned_tensor<index_t, 2>*, 2> blocks = {&source.blocks,
                                                                        &held_blocks};
  for (std::size_t t = 0; t < 2; ++t)
    run.texts[t].baseline = atlas::perplexity(
        model, *blocks[t], {.threads = o.common.threads, .on_progress = progress_bar(o.common)});
  json description = source.description;
  description["held_out"] = held_out.name();
  std::optional<study_store> store;
  if (!o.folder.empty()) store.emplace(o.folder, redundancy_description(o, description, run));
  index_t passes = 0;
  for (const index_t layer : run.layers)
    passes += 1 + static_cast<index_t>(sets_of_heads(model.config().heads, layer, o).size() *
                                       o.ways.size());
  pass_meter meter(o.common, "heads left out", 2 * passes);
  for (std::size_t t = 0; t < 2; ++t)
    redundancy_measuring(o, model, *blocks[t], store, meter).measure(run.layers, run.texts[t]);
  begin_stage(o.common, "correlations");
  const redundancy_findings found = find_redundancy(run);
  description["perplexity"] = perplexity_json(run.texts[0].baseline);
  json result = {{"source", description}, {"layers", run.layers}, {"ways", run.ways}};
  result.update(redundancy_json(run, found));
  const std::string csv = redundancy_csv(run);
  if (store) {
    store->write_file("result.json", with_run(o.common, result).dump(2) + "\n");
    store->write_file("result.csv", csv);
  }
  std::vector<output_file> files;
  if (!o.csv_file.empty()) files.push_back({o.csv_file, {}, csv});
  report(o.common, result, heading(description) + redundancy_tables(run, found), files);
}

}  // namespace

void add_redundancy(CLI::App& program) {
  const auto options = std::make_shared<redundancy_options>();
  options->source.blocks = 40;
  options->source.tokens_per_block = 128;
  CLI::App& app = *program.add_subcommand(
      "redundancy",
      "What each head is worth: the loss without it, alone and in pairs, and whether geometry "
      "predicts it beyond the length of what it writes.");
  add_model_options(app, options->source);
  add_layer_options(app, options->layers, "all unless told otherwise");
  auto* held_out = add_text(app, "--held-out", options->held_out.text,
                            "text that all is measured on again, a file, moby-dick or addresses; "
                            "the embedded one that is not read");
  add_text(app, "--held-out-tokens", options->held_out.tokens, "the same as --tokens has it")
      ->excludes(held_out);
  add_checked(
      app, "--ways", options->ways, one_of({"zero", "mean", "resample"}),
      "what stands in a head's place: zeros, its mean, what it hands on in another passage");
  add_whole(app, "--draws", options->draws, {1, 1000}, "of other passages, for resample");
  add_whole(app, "--pairs", options->pairs, {1, 1 << 20, true},
            "pairs of heads of each layer that are left out together, drawn at random, or all "
            "where there are no more; 0: none");
  add_min_context(app, options->measures.min_context);
  add_whole(app, "--points", options->measures.points, {8}, "rows of a cloud");
  add_whole(app, "--local-dim", options->measures.local_dimension, {1},
            "k, dimension of the heads' subspaces");
  add_whole(app, "--permutations", options->permutations, {1, 1 << 24},
            "of heads within layers, for p");
  add_text(app, "--out", options->folder,
           "folder for what is finished and the result; a run that was killed goes on from there. "
           "Nothing is kept otherwise");
  add_text(app, "--csv", options->csv_file, "also write a row a head and way here");
  add_common_options(app, options->common, "atlas redundancy --model tiny-llama --deepest 2",
                     {"--out", "--csv"});
  app.callback([options] { run_redundancy(*options); });
}

}  // namespace atlas_program
