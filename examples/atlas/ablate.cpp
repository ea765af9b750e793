// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "ablation.hpp"
#include "ablation_design.hpp"
#include "ablation_folder.hpp"
#include "ablation_report.hpp"
#include "atlas/io/files.hpp"
#include "model_source.hpp"
#include "options.hpp"
#include "ranks.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace io = atlas::io;

/// One run: what to do, on what, and where to keep it.
struct ablation_run {
  const ablation_options& o;
  const ablation_texts& texts;
  const ablation_folder& folder;
};

bool has_step(const json& measurements, index_t step) {
  return std::any_of(measurements.begin(), measurements.end(),
                     [&](const json& m) { return m["step"] == step; });
}

bool has_all(const json& measurements, const std::vector<index_t>& steps) {
  return std::all_of(steps.begin(), steps.end(),
                     [&](index_t step) { return has_step(measurements, step); });
}

/// Where training stops next, to measure or to save.
index_t next_stop(const ablation_options& o, const std::vector<index_t>& measured, index_t step) {
  index_t next = std::min(o.steps, (step / o.save_every + 1) * o.save_every);
  for (const index_t m : measured)
    if (m > step) next = std::min(next, m);
  return next;
}

/// A checkpoint at the end, also of an interrupt unless it comes in a step of more than 0.4 s: the
/// program does not wait for the end of such a step, and what was trained since the checkpoint
/// before it is lost.
void train_to(const ablation_run& run, index_t d, index_t until, atlas::trainer& training,
              atlas::progress_meter& meter) {
  try {
    while (training.steps_done() < until) {
      training.step();
      meter.advance();
    }
  } catch (const atlas::cancelled&) {
    run.folder.save(d, training);
    throw;
  }
  run.folder.save(d, training);
}

/// Trains and measures from wherever the run is.
void go_on(const ablation_run& run, index_t d, atlas::trainer& training, json& measurements) {
  const std::vector<index_t> measured = measured_steps(run.o);
  const std::string stage = fmt::format("training, head dimension {}", d);
  atlas::progress_meter meter(progress_bar(run.o.common), stage, run.o.steps);
  meter.advance(training.steps_done());
  for (;;) {
    const index_t step = training.steps_done();
    if (std::binary_search(measured.begin(), measured.end(), step) &&
        !has_step(measurements, step)) {
      measurements.push_back(measure_step(run.o, run.texts, training));
      run.folder.save_measurements(d, measurements);
    }
    if (step >= run.o.steps) return;
    train_to(run, d, next_stop(run.o, measured, step), training, meter);
  }
}

json measurements_of(const ablation_run& run, index_t d) {
  json measurements = run.folder.measurements(d);
  if (run.folder.finished(d) && has_all(measurements, measured_steps(run.o))) {
    say(run.o.common, fmt::format("head dimension {} is done already", d));
    return measurements;
  }
  atlas::trainer training = untrained(run.o, run.texts, d);
  run.folder.load(d, training);
  if (training.steps_done() > 0 || !measurements.empty())
    say(run.o.common, fmt::format("head dimension {} goes on from step {} of {}", d,
                                  training.steps_done(), run.o.steps));
  go_on(run, d, training, measurements);
  if (!run.folder.finished(d)) run.folder.finish(d, training, run.texts.tokenizer_text);
  return measurements;
}

json model_json(const ablation_run& run, index_t d) {
  return {{"head_dimension", d},
          {"heads", run.o.model_dimension / d},
          {"local_dimension", local_dimension(run.o, d)},
          {"measurements", measurements_of(run, d)}};
}

constexpr const char* how_to_read_ablate =
    "How to read this. Models that differ in the number of heads alone, from the same initial\n"
    "numbers on the same batches. O_h: mean overlap of the heads' k-dimensional subspaces in\n"
    "their own coordinates, beside random ones (Haar, z, p after Holm's correction over all\n"
    "rows). In stream: the same where the heads write, beside Haar and beside the heads' own\n"
    "clouds turned at random and written by their weights (turned). TwoNN: mean dimension over "
    "heads, of all\n"
    "neighbours, of those in other passages, and of Gaussian surrogates with these. Two heads\n"
    "are one pair: z says little there. Perplexity: of blocks that were not trained on.\n";

std::string models_text(const ablation_options& o) {
  std::vector<std::string> models;
  for (const index_t d : o.head_dimensions)
    models.push_back(fmt::format("{} (k = {})", d, local_dimension(o, d)));
  return fmt::format("Head dimensions: {}\n\n", fmt::join(models, ", "));
}

/// Without what no reader wants to see.
std::string heading_of(json description) {
  for (const char* key : {"version", "training_hash", "held_out_hash", "local_dimension"})
    description.erase(key);
  return heading(description);
}

void run_sweep(ablation_options o) {
  refuse_typed(*o.common.command,
               {"--kv-heads", "--seeds", "--design", "--match", "--passages", "--permutations"},
               "without --factors");
  if (ranks() > 1)
    throw atlas::error("mpirun", "--factors, whose models are divided among processes",
                       "a sweep over head dimensions");
  std::sort(o.head_dimensions.begin(), o.head_dimensions.end());
  o.head_dimensions.erase(std::unique(o.head_dimensions.begin(), o.head_dimensions.end()),
                          o.head_dimensions.end());
  if (o.folder.empty())
    refuse_typed(*o.common.command, {"--save-every"}, "without --out, where nothing is kept");
  check_ablation(o);
  begin_stage(o.common, "reading the texts");
  const ablation_texts texts = read_ablation_texts(o);
  check_points(o.common, o.points, texts.held_out.extent(0), o.tokens_per_block, o.min_context);
  for (const index_t d : o.head_dimensions) untrained(o, texts, d);  // refuses bad ones
  const json description = describe(o, texts);
  const ablation_folder folder(o.folder, description);
  const ablation_run run{o, texts, folder};
  json models = json::array();
  for (const index_t d : o.head_dimensions) models.push_back(model_json(run, d));
  const auto rows = ablation_rows(models);
  const json result = with_run(
      o.common,
      {{"source", description}, {"departures", departures_json(rows)}, {"models", models}});
  const std::string csv = ablation_csv(rows, o.common);
  folder.save_result(result, csv);
  std::vector<output_file> files;
  if (!o.csv_file.empty()) files.push_back({o.csv_file, {}, csv});
  report_whole(o.common, result,
               heading_of(description) + models_text(o) + ablation_table(rows) +
                   departures_text(rows) + how_to_read_ablate,
               files);
}

void run_ablate(const ablation_options& o) {
  if (o.factors.empty())
    run_sweep(o);
  else
    run_factorial_ablation(o);
}

void add_training_options(CLI::App& app, ablation_options& o) {
  constexpr index_t large = index_t{1} << 20;
  add_checked(app, "--text", o.texts, not_empty(), "UTF-8 files, moby-dick or addresses");
  add_whole(
      app, "--head-dims", o.head_dimensions, {2},
      "a model each, of model-dim / this heads; with --factors the two levels of d_head (16,32), "
      "or one number for all (16)");
  add_whole(app, "--model-dim", o.model_dimension, {4, large}, "width of the residual stream");
  add_whole(app, "--layers", o.layers, {1, large}, "of each model");
  add_whole(app, "--steps", o.steps, {1},
            "of AdamW, the first tenth warming up, then half a cosine");
  add_whole(app, "--batch", o.batch, {1, large}, "blocks a step");
  add_whole(app, "--block-size", o.tokens_per_block, {2, large}, "tokens in each");
  add_real(app, "--learning-rate", o.learning_rate, positive, "at its peak");
  add_real(app, "--held-out", o.held_out, open_unit,
           "last share of each text, not trained on but measured");
}

void add_measuring_options(CLI::App& app, ablation_options& o) {
  add_real(app, "--checkpoints", o.checkpoints, {0, 1},
           "shares of the steps after which to measure");
  add_whole(app, "--points", o.points, {3}, "rows of a cloud");
  add_min_context(app, o.min_context);
  add_whole(app, "--surrogates", o.surrogates, surrogate_range,
            "Gaussian surrogates of each cloud, 0: none");
  add_whole(app, "--local-dim", o.local_dimension, {1, 1 << 20},
            "k, dimension of the heads' subspaces, but at most half of the head's");
}

/// None of them decides anything without the first.
void add_factor_options(CLI::App& app, ablation_options& o) {
  std::vector<CLI::Option*> all;
  all.push_back(
      app.add_option(
             "--factors", o.factors,
             "a design in place of the sweep over --head-dims: models that differ in some "
             "of these, each trained from several seeds and measured at the end, some 3 minutes a "
             "model of the default size")
          ->check(one_of(ablation_factor_names()))
          ->delimiter(','));
  all.push_back(add_whole(app, "--kv-heads", o.key_value_heads, {2},
                          "the two levels of kv_heads (2,4), or the number of key/value heads in "
                          "all models where it is no factor (as many as heads)"));
  all.push_back(add_choice(app, "--design", o.design, ablation_design_names(),
                           "share of all combinations that is trained, chosen so that as little "
                           "as can be is confounded"));
  all.push_back(add_choice(app, "--match", o.match, ablation_match_names(),
                           "what models have in common: parameters (the MLP makes up for the "
                           "rest) or the MLP's width"));
  all.push_back(add_whole(app, "--seeds", o.seeds, {2, 1000},
                          "of initial numbers and batches, from --seed on"));
  all.push_back(add_whole(app, "--passages", o.passages, {4, 1 << 20},
                          "held-out blocks that heads are measured on"));
  all.push_back(add_whole(app, "--permutations", o.permutations, {1, 1 << 24},
                          "of models within seeds, for p"));
  for (CLI::Option* option : all) option->group("With --factors");
}

void add_output_options(CLI::App& app, ablation_options& o) {
  add_text(app, "--out", o.folder,
           "folder for checkpoints, models and results; a run that was killed goes on from there. "
           "Nothing is kept otherwise");
  add_whole(app, "--save-every", o.save_every, {1},
            "steps between checkpoints there, which is what an interrupt may lose");
  add_text(app, "--csv", o.csv_file, "also write the table here");
}

}  // namespace

void add_ablate(CLI::App& program) {
  const auto options = std::make_shared<ablation_options>();
  CLI::App& app = *program.add_subcommand(
      "ablate",
      "Trains small models that differ in the number of heads alone, and measures their heads "
      "before, along and after; or, with --factors, a design of models of other architectures. The "
      "defaults take some 5 minutes on 2 cores.");
  add_training_options(app, *options);
  add_factor_options(app, *options);
  add_measuring_options(app, *options);
  add_output_options(app, *options);
  add_common_options(app, options->common,
                     "atlas ablate --head-dims 8,16 --steps 200 --out ablation",
                     {"--out", "--csv"});
  app.callback([&app, options] {
    // With factors these defaults say nothing of what is done.
    if (!options->factors.empty())
      for (const char* name : {"--head-dims", "--checkpoints", "--save-every"})
        app.get_option(name)->default_str("");
    run_ablate(*options);
  });
}

}  // namespace atlas_program
