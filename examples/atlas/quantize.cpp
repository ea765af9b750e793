// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <optional>

#include "atlas/core/parallel.hpp"
#include "atlas/reference/repeated_perplexity.hpp"
#include "atlas/stats/summary.hpp"
#include "interrupts.hpp"
#include "linear_maps.hpp"
#include "options.hpp"
#include "quantize_parts.hpp"
#include "quantize_report.hpp"
#include "source_content.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

struct quantize_options {
  common_options common;
  model_options source;
  layer_options layers;
  quantizer_settings settings;
  std::vector<int> bits = {2, 3, 4, 8};
  std::vector<std::string> methods;
  model_input calibration;
  index_t calibration_blocks = 12, draws = 3;
  std::string folder;  ///< of what is done; empty: nothing is kept
};

/// A model, its maps, and the weights that it came with.
struct quantize_run {
  const quantize_options& o;
  model_source source;
  std::vector<linear_map> maps;
  std::vector<atlas::eigenbasis> bases;       ///< of the inputs of each map
  std::vector<atlas::effective_ranks> ranks;  ///< likewise
  std::optional<study_store> store;
};

std::vector<std::string> chosen_methods(const quantize_options& o) {
  return o.methods.empty() ? quantizer_names(true) : o.methods;
}

/// All maps in one draw; matrices are the unit of work, each in one thread.
std::vector<matrix_errors> quantize_all(quantize_run& run, const std::string& method, int bits,
                                        std::uint64_t seed, pass_meter& passes) {
  const auto count = static_cast<index_t>(run.maps.size());
  std::vector<matrix_errors> errors(run.maps.size());
  std::vector<atlas::row_matrix<float>> weights(run.maps.size());
  atlas::progress_meter meter(passes.next(0.5), method, count);
  atlas::parallel_for(count, run.o.common.threads, [&](index_t i) {
    const auto k = static_cast<std::size_t>(i);
    const linear_map& map = run.maps[k];
    auto q = run_quantizer<float>(
        method, {map.weights, map.input_moments, map.input_mean, &map.output_moments, run.bases[k]},
        bits, run.o.settings, seed, 1);
    weights[k] = std::move(q.weights);
    errors[k] = {q.errors, {}, q.repairs};
    meter.advance();
  });
  for (std::size_t k = 0; k < weights.size(); ++k)
    replace_weights(run.source.lm.model, run.maps[k], weights[k]);
  return errors;
}

/// Mean over draws, and their spread.
std::vector<matrix_errors> merged(const std::vector<quantize_draw>& draws) {
  std::vector<matrix_errors> out = draws.front().matrices;
  if (draws.size() == 1) return out;
  for (std::size_t k = 0; k < out.size(); ++k) {
    std::vector<double> weights, output;
    for (const quantize_draw& draw : draws) {
      weights.push_back(draw.matrices[k].errors.weights);
      output.push_back(draw.matrices[k].errors.output);
    }
    out[k].errors = {atlas::summarize(weights).mean, atlas::summarize(output).mean};
    out[k].draws = output;
  }
  return out;
}

/// One draw: that of the folder, where it is there.
quantize_draw draw_of_method(quantize_run& run, const std::string& method, int bits, index_t draw,
                             const atlas::repeated_perplexity& text, pass_meter& passes) {
  const std::string part = draw_name(method, bits, draw);
  if (run.store)
    if (const auto kept = run.store->read(part)) {
      passes.next();
      return draw_of(*kept);
    }
  quantize_draw out;
  out.matrices =
      quantize_all(run, method, bits, run.o.common.seed + static_cast<std::uint64_t>(draw), passes);
  out.read = text.again({.threads = run.o.common.threads, .on_progress = passes.next(0.5)});
  const json kept = draw_json(out);
  if (run.store) run.store->write(part, kept);
  return draw_of(kept);  // the same whether it is kept or not
}

quantize_outcome outcome_of(quantize_run& run, const std::string& method, int bits,
                            const atlas::repeated_perplexity& text, pass_meter& passes) {
  quantize_outcome out{method, bits, {}, {}, {}, {}};
  std::vector<quantize_draw> draws;
  const index_t count = is_random(method) ? run.o.draws : 1;
  for (index_t draw = 0; draw < count; ++draw) {
    draws.push_back(draw_of_method(run, method, bits, draw, text, passes));
    out.perplexities.push_back(draws.back().read.perplexity);
  }
  out.read = draws.front().read;
  out.change = atlas::perplexity_change(text.baseline(), out.read);
  out.matrices = merged(draws);
  return out;
}

/// Each of quantizing all maps and reading the text.
index_t passes_of(const quantize_options& o, const std::vector<std::string>& methods) {
  index_t draws = 0;
  for (const std::string& m : methods) draws += is_random(m) ? o.draws : 1;
  return draws * static_cast<index_t>(o.bits.size());
}

/// Options that none of the methods looks at.
void check_options(const quantize_options& o, const std::vector<std::string>& methods) {
  check_quantizer_options(*o.common.command, o.settings, methods);
  if (std::none_of(methods.begin(), methods.end(), is_random))
    refuse_typed(*o.common.command, {"--draws"}, "without a method that draws its basis");
}

/// What kept parts are of: not which methods, numbers of bits and draws there are to be.
json kept_of(const quantize_options& o, const std::string& model, const model_input& calibration,
             const std::vector<index_t>& layers) {
  const model_input text = input_of(o.source);
  return {{"command", "quantize"},
          {"version", run_json(o.common)["version"]},
          {"model", content_json(model, model_content(model))},
          {"text", content_json(text.name(), input_content(text))},
          {"bos", o.source.bos},
          {"blocks", o.source.blocks},
          {"block_size", o.source.tokens_per_block},
          {"calibration", content_json(calibration.name(), input_content(calibration))},
          {"calibration_blocks", o.calibration_blocks},
          {"layers", layers},
          {"settings", settings_json(o.settings)},
          {"seed", o.common.seed}};
}

quantize_run prepare(const quantize_options& o, const model_input& calibration) {
  begin_stage(o.common, "reading the model and the text");
  quantize_run run{o, open_model_source(o.source), {}, {}, {}, {}};
  const auto blocks = load_blocks(calibration, o.calibration_blocks, o.source.tokens_per_block,
                                  run.source.lm.reader);
  const auto layers = chosen_layers(o.layers, run.source.lm.model.config().layers);
  if (!o.folder.empty()) {
    const auto model = run.source.description["model"].get<std::string>();
    run.store.emplace(o.folder, kept_of(o, model, calibration, layers));
    set_interrupt_message("interrupted; run it again to go on from the rows that are there");
  }
  run.maps = collect_linear_maps(run.source.lm.model, blocks,
                                 {.layers = layers, .output_moments = true}, o.common);
  run.bases.resize(run.maps.size());
  run.ranks.resize(run.maps.size());
  const auto count = static_cast<index_t>(run.maps.size());
  atlas::progress_meter meter(progress_bar(o.common), "eigenbases", count);
  atlas::parallel_for(count, o.common.threads, [&](index_t i) {
    const auto k = static_cast<std::size_t>(i);
    const linear_map& map = run.maps[k];
    run.bases[k] = atlas::symmetric_eigenbasis(map.input_moments);
    run.ranks[k] = atlas::second_moment_ranks(map.input_moments, map.input_mean.transpose());
    meter.advance();
  });
  return run;
}

index_t first_layer(const std::vector<linear_map>& maps) {
  index_t first = maps.front().layer;
  for (const linear_map& map : maps) first = std::min(first, map.layer);
  return first;
}

void run_quantize(const quantize_options& o) {
  const std::vector<std::string> methods = chosen_methods(o);
  check_options(o, methods);
  const model_input calibration = calibration_of(o.calibration, o.source);
  quantize_run run = prepare(o, calibration);
  const atlas::repeated_perplexity text(run.source.lm.model, run.source.blocks,
                                        {.first_changed = first_layer(run.maps),
                                         .threads = o.common.threads,
                                         .on_progress = progress_bar(o.common)});
  pass_meter passes(o.common, "quantizing", passes_of(o, methods));
  std::vector<quantize_outcome> outcomes;
  for (const int bits : o.bits)
    for (const std::string& method : methods)
      outcomes.push_back(outcome_of(run, method, bits, text, passes));
  json description = run.source.description;
  description["calibration"] = calibration.name();
  description["calibration_blocks"] = o.calibration_blocks;
  description["calibration_tokens"] = o.calibration_blocks * o.source.tokens_per_block;
  description["perplexity"] = perplexity_json(text.baseline());
  const quantize_report made{run.maps, run.ranks, outcomes, o.bits, methods};
  const json result = {{"source", description},
                       {"settings", settings_json(o.settings)},
                       {"draws", o.draws},
                       {"perplexity", made.perplexity_json()},
                       {"verdict", made.verdict_json()},
                       {"layers", made.layers_json()}};
  if (run.store) run.store->write_file("result.json", with_run(o.common, result).dump(2) + "\n");
  report(o.common, result, heading(description) + made.text());
}

}  // namespace

void add_quantize(CLI::App& program) {
  const auto options = std::make_shared<quantize_options>();
  CLI::App& app = *program.add_subcommand(
      "quantize", "Rounds a model's linear maps by every method: both errors, and the perplexity.");
  add_model_options(app, options->source);
  add_layer_options(app, options->layers, "all unless told otherwise");
  add_whole(app, "--bits", options->bits, {2, 8},
            "such as 2,3,4,8; the average where they are allocated");
  app.add_option("--methods", options->methods, "all of them unless told otherwise")
      ->check(one_of(quantizer_names(true)))
      ->delimiter(',');
  add_calibration_options(app, options->calibration, options->calibration_blocks,
                          "the second moments are of");
  add_whole(app, "--draws", options->draws, {1, 1000},
            "of each random basis: the null of the others");
  add_quantizer_options(app, options->settings);
  add_text(app, "--out", options->folder,
           "folder for each row of the tables and the result; a run that was killed goes on from "
           "there, and one of more methods, bits or draws has those. Nothing is kept otherwise");
  add_common_options(app, options->common, "atlas quantize --bits 3 --methods random,fisher,gptq",
                     {"--out"});
  app.callback([options] { run_quantize(*options); });
}

}  // namespace atlas_program
