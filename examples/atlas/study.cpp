#include "study.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "interrupts.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// Says on standard error what is not a result.
void say(const study_options& o, const std::string& what) {
  if (!o.common.quiet) fmt::print(stderr, "{}\n", what);
}

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

/// The parts that are there.
json kept_parts(const std::vector<study_part>& parts, const study_store& store) {
  json found = json::object();
  for (const study_part& part : parts)
    if (auto result = store.read(part.name)) found[part.name] = std::move(*result);
  return found;
}

/// All parts by name, in their order; measures and keeps those that are not there.
json all_parts(study_session& session, const study_store& store) {
  const std::vector<study_part> parts = study_parts(session);
  const json found = kept_parts(parts, store);
  if (!found.empty())
    say(session.options(),
        fmt::format("resuming: {} of {} parts are there", found.size(), parts.size()));
  json out = json::object();
  for (const study_part& part : parts) {
    session.enter(fmt::format("part {} of {}, {}", out.size() + 1, parts.size(), part.name));
    if (found.contains(part.name)) {
      out[part.name] = found[part.name];
    } else {
      // Read back, so that a part is the same whether it was just measured or was there.
      store.write(part.name, measured(part, session));
      out[part.name] = *store.read(part.name);
    }
  }
  return out;
}

void run_study(study_options o) {
  if (o.models.empty()) o.models = {"tiny-gpt2", "tiny-llama"};
  if (o.texts.empty()) o.texts = {"moby-dick", "addresses"};
  begin_stage(o.common, "reading the models and the texts");
  study_session session(o);
  const study_store store(o.out, session.description());
  set_interrupt_message("interrupted; run it again to go on from the parts that are there");
  const json parts = all_parts(session, store);
  begin_stage(o.common, "verdicts");
  const auto files = study_files(session, parts, study_claims(session, parts));
  for (const auto& [name, text] : files) store.write_file(name, text);
  report(o.common, json::parse(files.front().second), files.back().second);
}

void add_study_options(CLI::App& app, study_options& o) {
  app.add_option("--model", o.models,
                 "Hugging Face folders, or tiny-gpt2 and tiny-llama (default: both)");
  app.add_option("--text", o.texts, "UTF-8 files, or moby-dick and addresses (default: both)");
  app.add_option("--out", o.out, "folder of the results; a run goes on from the parts in it")
      ->capture_default_str();
  app.add_option("--blocks", o.blocks, "blocks of text, each read on its own")
      ->capture_default_str();
  app.add_option("--block-size", o.block_size, "tokens in each")->capture_default_str();
  app.add_option("--min-context", o.min_context, "first positions of a block left out")
      ->capture_default_str();
  app.add_option("--points", o.points, "rows of a cloud, drawn from all positions")
      ->capture_default_str();
  app.add_option("--local-dim", o.local_dimension, "dimension of the heads' subspaces")
      ->capture_default_str();
  app.add_option("--surrogates", o.surrogates, "Gaussian surrogates of each cloud, 10 or more")
      ->capture_default_str();
  app.add_option("--manifold-draws", o.manifold_draws, "the same of manifold checks, 10 or more")
      ->capture_default_str();
  add_training_option(app, o.autoencoders.training);
  app.add_option("--epochs", o.autoencoders.epochs, "of the autoencoders, at most");
}

}  // namespace

void add_study(CLI::App& program) {
  const auto options = std::make_shared<study_options>();
  CLI::App& app = *program.add_subcommand(
      "study", "Every protocol on some models and texts, kept part by part, with verdicts.");
  add_study_options(app, *options);
  add_common_options(app, options->common,
                     "atlas study --model tiny-gpt2 --text moby-dick --out results");
  app.callback([options] { run_study(*options); });
}

}  // namespace atlas_program
