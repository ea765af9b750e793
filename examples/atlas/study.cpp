// SPDX-License-Identifier: MIT
#include "study.hpp"

#include <fmt/format.h>

#include <memory>

#include "interrupts.hpp"
#include "options.hpp"
#include "ranks.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Errors say which part they are from.
json measured(const study_part& part, study_session& session) {
  try {
    return part.measure(session);
  } catch (const atlas::cancelled&) {
    throw;
  } catch (const atlas::error& e) {
    throw atlas::error(part.name + ": " + e.what());
  }
}

/// All parts by name, in their order, at rank 0; measures and keeps those that are not there.
json all_parts(study_session& session, const study_store& store) {
  const std::vector<study_part> parts = study_parts(session);
  parts_to_do work;
  for (const study_part& part : parts) work.names.push_back(part.name);
  const auto at = [&](index_t i) -> const study_part& {
    return parts[static_cast<std::size_t>(i)];
  };
  work.begin = [&](index_t i) {
    session.enter(fmt::format("part {} of {}, {}", i + 1, parts.size(), at(i).name));
  };
  work.measure = [&](index_t i) { return measured(at(i), session); };
  const std::vector<json> found = all_parts(work, &store, [&](std::size_t there) {
    say(session.options().common,
        fmt::format("resuming: {} of {} parts are there", there, parts.size()));
  });
  json out = json::object();
  for (std::size_t i = 0; i < found.size(); ++i) out[parts[i].name] = found[i];
  return out;
}

void run_study(study_options o) {
  if (o.models.empty()) o.models = {"tiny-gpt2", "tiny-llama"};
  if (!o.tokens.empty()) o.texts = o.tokens;  // by their files' names wherever a text has one
  if (o.texts.empty()) o.texts = {"moby-dick", "addresses"};
  begin_stage(o.common, "reading the models and the texts");
  study_session session(o);
  const study_store store(o.out, session.description());
  set_interrupt_message("interrupted; run it again to go on from the parts that are there");
  const json parts = all_parts(session, store);
  if (rank() > 0) return;
  begin_stage(o.common, "verdicts");
  const auto files = study_files(session, parts, study_claims(session, parts));
  for (const auto& [name, text] : files) store.write_file(name, text);
  report_whole(o.common, json::parse(files.front().second), files.back().second);
}

void add_study_options(CLI::App& app, study_options& o) {
  constexpr index_t many = index_t{1} << 30;
  add_text(app, "--model", o.models,
           "Hugging Face folders, GGUF files, or tiny-gpt2 and tiny-llama (default: both)");
  auto* text =
      add_text(app, "--text", o.texts, "UTF-8 files, or moby-dick and addresses (default: both)");
  add_text(app, "--tokens", o.tokens,
           ".npy files of the ids of tokens, [N], in the place of texts; need no tokenizer")
      ->excludes(text);
  add_bos_option(app, o.bos);
  add_text(app, "--out", o.out, "folder of the results; a run goes on from the parts in it")
      ->capture_default_str();
  add_whole(app, "--blocks", o.blocks, {5, many}, "blocks of text, each read on its own");
  add_whole(app, "--block-size", o.tokens_per_block, {2}, "tokens in each");
  add_min_context(app, o.min_context);
  add_whole(app, "--points", o.points, {60, many}, "rows of a cloud, drawn from all positions");
  add_whole(app, "--local-dim", o.local_dimension, {1}, "dimension of the heads' subspaces");
  add_whole(app, "--surrogates", o.surrogates, {surrogate_range.low, many},
            "Gaussian surrogates of each cloud");
  add_whole(app, "--manifold-draws", o.manifold_draws, {surrogate_range.low, many},
            "the same of manifold checks");
  add_training_option(app, o.autoencoders.training);
  add_whole(app, "--epochs", o.autoencoders.epochs, {0, many}, "of the autoencoders, at most");
}

}  // namespace

void add_study(CLI::App& program) {
  const auto options = std::make_shared<study_options>();
  CLI::App& app = *program.add_subcommand(
      "study", "Every protocol on some models and texts, kept part by part, with verdicts.");
  add_study_options(app, *options);
  add_common_options(app, options->common,
                     "atlas study --model tiny-gpt2 --text moby-dick --out results", {"--out"});
  app.callback([options] { run_study(*options); });
}

}  // namespace atlas_program
