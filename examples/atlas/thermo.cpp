// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>

#include "atlas/attention/sinks.hpp"
#include "atlas/attention/thermodynamics.hpp"
#include "atlas/boltzmann/crystallization.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/stats/correlation.hpp"
#include "hook_captures.hpp"
#include "model_source.hpp"
#include "options.hpp"
#include "sink_choice.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct thermo_options {
  common_options common;
  model_options source;
  layer_options layers;
  std::string clouds_file;  ///< of activations, in place of a model
  index_t min_context = 16, permutations = 1999, draws = 10;
  double noise = 0.05;
  atlas::sink_options sinks;
  bool without_sinks = false;
};

/// One observable: how it is called and where it is.
struct observable {
  const char* name;
  atlas::owned_tensor<double, 3> atlas::layer_thermodynamics ::*values;
};

constexpr observable observables[] = {
    {"free_energy", &atlas::layer_thermodynamics::free_energy},
    {"mean_energy", &atlas::layer_thermodynamics::mean_energy},
    {"heat_capacity", &atlas::layer_thermodynamics::heat_capacity},
    {"entropy", &atlas::layer_thermodynamics::entropy},
    {"entropy_null", &atlas::layer_thermodynamics::null_entropy},
    {"purity", &atlas::layer_thermodynamics::purity},
    {"von_neumann_entropy", &atlas::layer_thermodynamics::von_neumann_entropy},
    {"ratio", &atlas::layer_thermodynamics::ratio},
    {"ratio_null", &atlas::layer_thermodynamics::null_ratio},
    {"margin", &atlas::layer_thermodynamics::margin},
    {"argmax_stability", &atlas::layer_thermodynamics::stable},
};

/// What a number that is added to a row of logits changes.
bool is_energy(const observable& x) {
  return x.values == &atlas::layer_thermodynamics::free_energy ||
         x.values == &atlas::layer_thermodynamics::mean_energy;
}

/// T_eff of a mean entropy is not a mean; it gets a column of its own.
atlas::owned_tensor<double, 3> effective_temperature(const atlas::layer_thermodynamics& layer) {
  auto out = atlas::copy_as<double>(
      static_cast<const atlas::tensor_view<const double, 3>&>(layer.entropy));
  double* const x = out.mutable_view().data();
  for (index_t i = 0; i < out.size(); ++i) x[i] = std::exp(x[i]);
  return out;
}

/// Mean over heads, `[B, T]`.
atlas::owned_tensor<double, 2> mean_over_heads(const atlas::tensor_view<const double, 3>& x) {
  atlas::owned_tensor<double, 2> out({x.extent(1), x.extent(2)});
  for (index_t h = 0; h < x.extent(0); ++h)
    for (index_t b = 0; b < x.extent(1); ++b)
      for (index_t t = 0; t < x.extent(2); ++t)
        out.mutable_view()(b, t) += x(h, b, t) / static_cast<double>(x.extent(0));
  return out;
}

/// Rows from `min_context` on of all blocks, one after the other.
std::vector<double> late_rows(const atlas::tensor_view<const double, 2>& x, index_t min_context) {
  std::vector<double> out;
  for (index_t b = 0; b < x.extent(0); ++b)
    for (index_t t = min_context; t < x.extent(1); ++t) out.push_back(x(b, t));
  return out;
}

/// With prediction entropy; blocks are shuffled whole. Nothing where there is too little to shuffle
/// or nothing varies.
using maybe_correlation = std::optional<atlas::correlation>;
struct correlations {
  maybe_correlation pearson, spearman, partial;
};

template <class Correlate>
maybe_correlation if_defined(Correlate&& correlate) {
  try {
    return correlate();
  } catch (const atlas::value_error&) {
    return std::nullopt;
  }
}

correlations correlate(const std::vector<double>& x, const std::vector<double>& prediction,
                       const std::vector<double>& log_position,
                       const atlas::permutation_options& shuffles) {
  correlations out;
  out.pearson = if_defined([&] { return atlas::pearson(x, prediction, shuffles); });
  out.spearman = if_defined([&] { return atlas::spearman(x, prediction, shuffles); });
  out.partial =
      if_defined([&] { return atlas::partial_pearson(x, prediction, log_position, shuffles); });
  return out;
}

json correlations_json(const correlations& c) {
  const auto one = [](const maybe_correlation& r) {
    return r ? json{{"coefficient", number(r->coefficient)}, {"p", number(r->p)}} : json(nullptr);
  };
  return {{"pearson", one(c.pearson)},
          {"spearman", one(c.spearman)},
          {"partial_given_log_position", one(c.partial)}};
}

std::string correlation_text(const maybe_correlation& r) {
  return r ? fmt::format("{:.2f} (p {:.3f})", r->coefficient, r->p) : "-";
}

/// What was seen of a model and a text.
struct thermo_run {
  const thermo_options& o;
  atlas::progress_meter* meter = nullptr;  ///< a step for each observable that is correlated
  index_t heads = 0, blocks = 0;
  bool energies = true;  ///< logits are known, not only but for a number that is added to a row
  std::vector<double> prediction, log_position;  ///< of late rows
  atlas::permutation_options shuffles;

  /// Whether the model's predictions are known.
  bool predicts() const { return !prediction.empty(); }
};

/// Heat capacity and von Neumann entropy with prediction entropy, of one head or of their mean.
struct with_prediction {
  correlations capacity, mixed;
};

/// Those of each head, and at last those of the mean over heads. Each observable is one thread's.
std::vector<with_prediction> correlate_layer(const thermo_run& run,
                                             const atlas::layer_thermodynamics& layer) {
  std::vector<with_prediction> out(static_cast<std::size_t>(run.heads + 1));
  if (!run.predicts()) return out;
  atlas::permutation_options shuffles = run.shuffles;
  shuffles.threads = atlas::threads_inside(2 * std::ssize(out), run.o.common.threads);
  shuffles.on_progress = run.meter->within_a_step();
  atlas::parallel_for(2 * std::ssize(out), run.o.common.threads, [&](index_t i) {
    const index_t head = i / 2;
    const auto& x = i % 2 == 0 ? layer.heat_capacity : layer.von_neumann_entropy;
    with_prediction& of_head = out[static_cast<std::size_t>(head)];
    const std::vector<double> rows = head < run.heads
                                         ? late_rows(x[head], run.o.min_context)
                                         : late_rows(mean_over_heads(x), run.o.min_context);
    (i % 2 == 0 ? of_head.capacity : of_head.mixed) =
        correlate(rows, run.prediction, run.log_position, shuffles);
    run.meter->advance();
  });
  return out;
}

json summary_json(const atlas::sample_summary& s) {
  return {{"mean", number(s.mean)}, {"standard_error", number(s.standard_error)}};
}

/// Of a head's sinks: in how many blocks it has one, and the share of the queries after it that
/// look at it most, 0 of other blocks. Its place, weight and length are of the blocks that have
/// one.
json sink_json(const atlas::layer_thermodynamics& layer, index_t head, index_t blocks) {
  std::vector<double> share, weight, value_norm;
  std::map<index_t, index_t> places;
  for (index_t b = 0; b < blocks; ++b) {
    const atlas::attention_sink& sink = layer.sinks[static_cast<std::size_t>(head * blocks + b)];
    share.push_back(sink.found ? sink.top : 0);
    if (!sink.found) continue;
    weight.push_back(sink.weight);
    value_norm.push_back(sink.value_norm);
    ++places[sink.key];
  }
  json out = {{"blocks", weight.size()}, {"share", summary_json(atlas::summarize(share))}};
  if (weight.empty()) return out;
  const auto place =
      std::max_element(places.begin(), places.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  out["position"] = place->first;
  out["weight"] = summary_json(atlas::summarize(weight));
  out["value_norm"] = summary_json(atlas::summarize(value_norm));
  return out;
}

json with_prediction_json(const thermo_run& run, const with_prediction& x) {
  if (!run.predicts()) return nullptr;
  return {{"heat_capacity", correlations_json(x.capacity)},
          {"von_neumann_entropy", correlations_json(x.mixed)}};
}

json head_json(const thermo_run& run, const atlas::layer_thermodynamics& layer, index_t head,
               const with_prediction& correlated) {
  json out = {{"head", head}, {"sink", sink_json(layer, head, run.blocks)}};
  for (const observable& x : observables)
    out[x.name] =
        run.energies || !is_energy(x)
            ? summary_json(atlas::mean_over_blocks((layer.*(x.values))[head], run.o.min_context))
            : summary_json({.mean = std::nan(""), .standard_error = std::nan("")});
  out["effective_temperature"] =
      summary_json(atlas::mean_over_blocks(effective_temperature(layer)[head], run.o.min_context));
  out["prediction_entropy"] = with_prediction_json(run, correlated);
  return out;
}

/// The share of queries that look at a sink most; none where no block has one.
std::string sink_text(const json& sink) {
  return sink["blocks"] == 0 ? "-" : digits(sink["share"]["mean"].get<double>(), 2);
}

std::vector<std::string> head_row(const json& head) {
  const auto mean = [&](const char* name, int decimals) {
    const json& x = head[name]["mean"];
    return x.is_null() ? "-" : digits(x.get<double>(), decimals);
  };
  const auto with_null = [&](const std::string& name) {
    return fmt::format("{} ({})", mean(name.c_str(), 2), mean((name + "_null").c_str(), 2));
  };
  return {
      head["head"].dump(),      mean("free_energy", 2),         mean("mean_energy", 2),
      mean("heat_capacity", 2), with_null("entropy"),           mean("effective_temperature", 1),
      mean("purity", 3),        mean("von_neumann_entropy", 2), with_null("ratio"),
      mean("margin", 2),        mean("argmax_stability", 2),    sink_text(head["sink"])};
}

struct layer_outcome {
  json result;
  std::string table;
  std::vector<std::string> correlation_row;
  double mean_ratio = 0;
};

layer_outcome describe_layer(const thermo_run& run, index_t number,
                             const atlas::layer_thermodynamics& layer) {
  json heads = json::array();
  std::vector<std::vector<std::string>> rows = {{"head", "F", "<E>", "C", "S (null)", "T_eff",
                                                 "purity", "S_vn", "R (null)", "margin", "stable",
                                                 "sink"}};
  const std::vector<with_prediction> correlated = correlate_layer(run, layer);
  for (index_t h = 0; h < run.heads; ++h) {
    heads.push_back(head_json(run, layer, h, correlated[static_cast<std::size_t>(h)]));
    rows.push_back(head_row(heads.back()));
  }
  const auto& [capacity, mixed] = correlated.back();
  const auto ratio = atlas::mean_over_blocks(mean_over_heads(layer.ratio), run.o.min_context);
  layer_outcome out;
  out.mean_ratio = ratio.mean;
  out.result = {{"layer", number},
                {"mean_ratio", summary_json(ratio)},
                {"heads", heads},
                {"prediction_entropy", with_prediction_json(run, correlated.back())},
                {"undefined_rows", layer.undefined_rows}};
  out.table = fmt::format("Layer {}\n", number) + table_text(rows) + "\n";
  out.correlation_row = {std::to_string(number),
                         digits(ratio.mean, 3),
                         correlation_text(capacity.pearson),
                         correlation_text(capacity.spearman),
                         correlation_text(capacity.partial),
                         correlation_text(mixed.pearson),
                         correlation_text(mixed.spearman),
                         correlation_text(mixed.partial)};
  return out;
}

constexpr const char* how_to_read_thermo =
    "How to read this. Means over positions. Free energy F, mean energy <E>, heat capacity C\n"
    "and entropy S of the softmax at beta 1; T_eff = e^S keys; S_vn and purity of the density\n"
    "matrix of the values' directions; R = p2/p1 and margin p1 - p2 of the two largest weights;\n"
    "stable: share of blurred queries that look at the same key most; sink: share of queries that\n"
    "look most at a key that draws weight whatever they ask and hands on little (-: no such key);\n"
    "--without-sinks has the rest without it. Nulls: independent normal logits of the row's own\n"
    "spread. Concentration carries structure as far as it differs from these. p values are of\n"
    "shuffles of whole passages: rows of one passage are not independent.\n";

std::string depth_text(const atlas::crystallization_point& point) {
  if (!point.layer) return "L_c: none, mean R does not stay below 0.05\n\n";
  return fmt::format("L_c: layer {}, {:.0f} % of the depth\n\n", *point.layer,
                     100 * *point.fraction);
}

/// The pass: everything looks on at once.
json observe(const model_source& source, const thermo_options& o,
             const std::vector<index_t>& layers, atlas::thermodynamics_collector& collector,
             atlas::owned_tensor<double, 2>& prediction) {
  const auto see = [&](index_t first, const atlas::tensor_view<const float, 2>& logits) {
    const auto seen = atlas::boltzmann_observables(logits, {.threads = o.common.threads});
    std::copy_n(seen.entropy.data(), seen.entropy.size(), prediction.mutable_view().data() + first);
  };
  return perplexity_json(atlas::perplexity(source.lm.model, source.blocks,
                                           {.observed_layers = layers,
                                            .observer = collector.observer(),
                                            .logits_observer = see,
                                            .threads = o.common.threads,
                                            .on_progress = progress_bar(o.common)}));
}

/// Heat capacity and von Neumann entropy, of each head and of their mean.
index_t correlated_observables(std::size_t layers, index_t heads) {
  return 2 * (heads + 1) * static_cast<index_t>(layers);
}

thermo_run prepare(const thermo_options& o, index_t heads,
                   const atlas::tensor_view<const double, 2>& prediction,
                   atlas::progress_meter& meter) {
  thermo_run run{o,  &meter, heads, o.source.blocks, true, late_rows(prediction, o.min_context),
                 {}, {}};
  const index_t late = prediction.extent(1) - o.min_context;
  for (index_t i = 0; i < late * prediction.extent(0); ++i)
    run.log_position.push_back(std::log(static_cast<double>(o.min_context + i % late + 1)));
  run.shuffles = {.permutations = o.permutations, .rows_per_block = late, .seed = o.common.seed};
  return run;
}

/// From `min_context` on.
void check_positions(const thermo_options& o, index_t blocks, index_t tokens_per_block) {
  atlas::check_between(o.min_context, 0, tokens_per_block - 1, "--min-context");
  if (const index_t rows = blocks * (tokens_per_block - o.min_context); rows < 4)
    throw atlas::value_error("--min-context", "at least 4 positions from there on in all blocks",
                             std::to_string(rows));
}

atlas::thermodynamics_options collected(const thermo_options& o, std::vector<index_t> layers,
                                        index_t heads, index_t blocks, index_t tokens_per_block) {
  return {.layers = std::move(layers),
          .heads = heads,
          .blocks = blocks,
          .tokens_per_block = tokens_per_block,
          .noise = o.noise,
          .draws = o.draws,
          .seed = o.common.seed,
          .sinks = o.sinks,
          .without_sinks = o.without_sinks};
}

json sinks_json(const thermo_options& o) {
  return {{"weight", o.sinks.weight}, {"value_norm", o.sinks.value_norm}};
}

/// Nothing of a model's predictions is in a file of activations.
void check_activations(const thermo_options& o, const array_file& file) {
  const CLI::App& typed = *o.common.command;
  refuse_typed(typed, {"--model", "--text", "--tokens", "--bos", "--blocks", "--block-size"},
               "with --clouds, whose passages are those of the file");
  refuse_typed(typed, {"--permutations"},
               "with --clouds, which say nothing of a model's predictions");
  if (!holds_activations(file))
    throw atlas::format_error(
        o.clouds_file,
        "activations, blocks.L.attn.hook_pattern or hook_attn_scores and hook_v, since "
        "observables are of attention",
        "clouds of layer.L.head.H");
  check_metadata_of_activations(file);
}

/// Observables of a layer of a file, and how it was read.
layer_outcome describe_hooked_layer(const thermo_options& o, const array_file& file,
                                    index_t number) {
  const layer_captures captures(file, number);
  const capture_source& source = captures.source();
  check_positions(o, source.passages, source.length);
  atlas::thermodynamics_collector collector(
      collected(o, {number}, source.heads, source.passages, source.length));
  captures.see(collector.observer(), o.common.threads, progress_bar(o.common));
  const thermo_run run{o,  nullptr, source.heads, source.passages, source.logits_are_scores, {},
                       {}, {}};
  layer_outcome out = describe_layer(run, number, collector.layer(number));
  out.result["passages"] = source.passages;
  out.result["positions"] = source.length;
  out.result["logits"] = source.logits_are_scores ? "hook_attn_scores" : "ln hook_pattern";
  return out;
}

void run_on_activations(const thermo_options& o) {
  begin_stage(o.common, "reading the activations");
  const array_file file(o.clouds_file);
  check_activations(o, file);
  json description = {{"clouds", o.clouds_file}, {"min_context", o.min_context}};
  if (o.without_sinks) description["without_sinks"] = true;
  json found = json::array();
  std::string table = heading(description);
  for (const index_t l : chosen_layers(o.layers, layers_of_activations(file))) {
    layer_outcome outcome = describe_hooked_layer(o, file, l);
    found.push_back(std::move(outcome.result));
    table += outcome.table;
  }
  report(o.common, {{"source", description}, {"sinks", sinks_json(o)}, {"layers", found}},
         table + how_to_read_thermo);
}

void run_thermo(const thermo_options& o) {
  if (o.noise == 0) refuse_typed(*o.common.command, {"--draws"}, "without --noise");
  if (!o.clouds_file.empty()) return run_on_activations(o);
  if (o.source.blocks < 2)
    refuse_typed(*o.common.command, {"--permutations"}, "where there is one block to shuffle");
  begin_stage(o.common, "reading the model and the text");
  model_source source = open_model_source(o.source);
  const atlas::transformer_config& config = source.lm.model.config();
  const std::vector<index_t> layers = chosen_layers(o.layers, config.layers);
  check_positions(o, o.source.blocks, o.source.tokens_per_block);
  atlas::thermodynamics_collector collector(
      collected(o, layers, config.heads, o.source.blocks, o.source.tokens_per_block));
  atlas::owned_tensor<double, 2> prediction({o.source.blocks, o.source.tokens_per_block});
  source.description["min_context"] = o.min_context;
  if (o.without_sinks) source.description["without_sinks"] = true;
  source.description["perplexity"] = observe(source, o, layers, collector, prediction);
  atlas::progress_meter meter(progress_bar(o.common), "correlations",
                              correlated_observables(layers.size(), config.heads));
  const thermo_run run = prepare(o, config.heads, prediction, meter);
  json found = json::array();
  std::string table = heading(source.description);
  std::vector<std::vector<std::string>> profile = {{"layer", "mean R", "C: Pearson", "Spearman",
                                                    "partial", "S_vn: Pearson", "Spearman",
                                                    "partial"}};
  std::vector<double> ratios;
  for (const index_t l : layers) {
    layer_outcome outcome = describe_layer(run, l, collector.layer(l));
    found.push_back(std::move(outcome.result));
    table += outcome.table;
    profile.push_back(std::move(outcome.correlation_row));
    ratios.push_back(outcome.mean_ratio);
  }
  table += "Correlation with prediction entropy; partial: given log position\n" +
           table_text(profile) + "\n";
  json result = {{"source", source.description},
                 {"points", o.source.blocks * (o.source.tokens_per_block - o.min_context)},
                 {"sinks", sinks_json(o)},
                 {"layers", found}};
  if (static_cast<index_t>(layers.size()) == config.layers) {
    const auto point = atlas::crystallization_depth(ratios);
    result["crystallization"] = {{"layer", point.layer ? json(*point.layer) : json(nullptr)},
                                 {"fraction", point.layer ? json(*point.fraction) : json(nullptr)}};
    table += depth_text(point);
  }
  report(o.common, result, table + how_to_read_thermo);
}

}  // namespace

void add_thermo(CLI::App& program) {
  const auto options = std::make_shared<thermo_options>();
  CLI::App& app = *program.add_subcommand(
      "thermo", "Boltzmann observables of a model's attention, and how settled it is.");
  add_model_options(app, options->source);
  add_layer_options(app, options->layers, "all unless told otherwise");
  add_min_context(app, options->min_context);
  add_whole(app, "--permutations", options->permutations, {1, 1 << 30}, "of passages, for p");
  add_real(app, "--noise", options->noise, {}, "of the queries, in sd of their coordinates");
  add_whole(app, "--draws", options->draws, {1}, "of that noise for each query");
  add_text(app, "--clouds", options->clouds_file,
           "instead of a model, a safetensors or npz file of activations, see "
           "docs/guide/activations.md");
  add_sink_options(app, options->without_sinks, options->sinks,
                   "observables of the other keys where a head has a sink in a block");
  add_common_options(app, options->common, "atlas thermo --model tiny-llama --deepest 2");
  app.callback([options] { run_thermo(*options); });
}

}  // namespace atlas_program
