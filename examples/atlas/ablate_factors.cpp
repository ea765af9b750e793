// SPDX-License-Identifier: MIT
/// \file
/// `atlas ablate --factors`: a design of models, each trained from several seeds.

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>

#include "ablation_effects.hpp"
#include "atlas/io/save_model.hpp"
#include "interrupts.hpp"
#include "model_source.hpp"
#include "ranks.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

void check_factorial(const ablation_options& o) {
  refuse_typed(*o.common.command, {"--checkpoints", "--save-every"},
               "with --factors, whose models are measured at the end alone");
  if (o.layers < 2)
    throw atlas::value_error("--layers", "at least 2 with --factors, for a plateau over depth",
                             std::to_string(o.layers));
  if (o.surrogates == 0)
    throw atlas::value_error("--surrogates",
                             "10 or more with --factors, whose dimensions are less "
                             "those of surrogates",
                             "0");
  const auto further = static_cast<std::uint64_t>(o.seeds - 1);
  if (o.common.seed > std::numeric_limits<std::uint64_t>::max() - further)
    throw atlas::value_error("--seed", fmt::format("one with room for {} more", further),
                             std::to_string(o.common.seed));
}

/// All that a run depends on but for its cell and its seed; kept runs are of these.
json described(const ablation_options& o, const ablation_texts& texts, const ablation_plan& plan) {
  json out = {{"command", "ablate --factors"}};
  const json of_texts = describe(o, texts);
  for (const char* key : {"version", "texts", "training_tokens", "training_hash", "held_out_blocks",
                          "held_out_hash", "model_dimension", "layers", "steps", "batch",
                          "block_size", "learning_rate", "points", "min_context", "surrogates"})
    out[key] = of_texts[key];
  out["local_dimension"] = plan.local_dimension;
  out["passages"] = o.passages;
  out["match"] = o.match;
  out["factors"] = o.factors;
  out["share"] = o.design;
  out["design"] = design_json(plan);
  return out;
}

/// In the place of one that a run has left that was killed before it had kept what it measured.
void keep_model(const study_store& store, const std::string& name, const atlas::transformer& model,
                const std::string& tokenizer) {
  const unbroken_writing writing;
  const std::filesystem::path folder = store.folder_of("models") / name;
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  atlas::io::save_transformer(folder, model, tokenizer);
}

/// Runs in the order of the results: all cells of a seed, then of the next.
parts_to_do parts_of(const ablation_options& o, const ablation_texts& texts,
                     const ablation_plan& plan, const study_store* store) {
  parts_to_do parts;
  const std::size_t cells = plan.cells.size();
  for (const std::uint64_t seed : plan.seeds)
    for (std::size_t c = 0; c < cells; ++c) parts.names.push_back(run_name(c, seed));
  parts.begin = [&o, total = parts.names.size()](index_t i) {
    begin_stage(o.common, fmt::format("run {} of {}", i + 1, total));
  };
  parts.measure = [&o, &texts, &plan, store, cells](index_t i) {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t cell = at % cells;
    const std::uint64_t seed = plan.seeds[at / cells];
    return ablation_run_json(o, texts, plan, cell, seed, [&](const atlas::transformer& model) {
      if (store) keep_model(*store, run_name(cell, seed), model, texts.tokenizer_text);
    });
  };
  return parts;
}

std::string heading_of_design(json source) {
  for (const char* key :
       {"command", "version", "training_hash", "held_out_hash", "factors", "share", "design"})
    source.erase(key);
  return heading(source);
}

}  // namespace

void run_factorial_ablation(const ablation_options& o) {
  check_factorial(o);
  begin_stage(o.common, "reading the texts");
  const ablation_texts texts = read_ablation_texts(o);
  const ablation_plan plan = ablation_plan_of(o, texts.vocabulary);
  if (o.passages > texts.held_out.extent(0))
    throw atlas::value_error(
        "--passages", fmt::format("at most the {} that are held out", texts.held_out.extent(0)),
        std::to_string(o.passages));
  check_points(o.common, o.points, o.passages, o.tokens_per_block, o.min_context);
  const json source = described(o, texts, plan);
  std::optional<study_store> store;
  if (!o.folder.empty()) {
    store.emplace(o.folder, source);
    set_interrupt_message("interrupted; run it again to go on from the models that are there");
  }
  const parts_to_do parts = parts_of(o, texts, plan, store ? &*store : nullptr);
  const std::vector<json> runs =
      all_parts(parts, store ? &*store : nullptr, [&](std::size_t there) {
        say(o.common,
            fmt::format("resuming: {} of {} models are there", there, parts.names.size()));
      });
  if (rank() > 0) return;
  begin_stage(o.common, "effects");
  const ablation_findings found = ablation_findings_of(o, plan, runs);
  json result = {{"source", source}, {"runs", runs}};
  result.update(findings_json(plan, found));
  result = with_run(o.common, result);
  const std::string csv = runs_csv(plan, runs, o.common);
  if (store) {
    store->write_file("runs.csv", csv);
    store->write_file("effects.csv", effects_csv(plan, found, o.common));
    store->write_file("result.json", result.dump(2) + "\n");
  }
  std::vector<output_file> files;
  if (!o.csv_file.empty()) files.push_back({o.csv_file, {}, csv});
  report_whole(o.common, result, heading_of_design(source) + findings_text(plan, runs, found),
               files);
}

}  // namespace atlas_program
