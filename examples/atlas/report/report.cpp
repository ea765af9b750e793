// SPDX-License-Identifier: MIT
/// \file
/// `atlas report`: results as one HTML file with figures, each beside its null.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "../interrupts.hpp"
#include "../options.hpp"
#include "../typing_errors.hpp"
#include "figures.hpp"
#include "folder.hpp"
#include "page.hpp"
#include "results.hpp"

namespace atlas_program {

namespace {

namespace fs = std::filesystem;

struct report_options {
  common_options common;
  std::string out = "atlas-report";
  std::vector<std::string> from, parts = {"measure", "thermo", "crystallize"};
  std::string title;
};

/// Options that are handed to the commands that have them, where they were typed.
constexpr const char* handed[] = {"--model",
                                  "--text",
                                  "--tokens",
                                  "--bos",
                                  "--calibration-tokens",
                                  "--clouds",
                                  "--output-projection",
                                  "--rows",
                                  "--blocks",
                                  "--block-size",
                                  "--layers",
                                  "--deepest",
                                  "--points",
                                  "--local-dim",
                                  "--surrogates",
                                  "--without-sinks",
                                  "--sink-weight",
                                  "--sink-norm"};

/// What was typed, as words of another command's line, as far as that command has such options.
std::vector<std::string> typed_words(const CLI::App& typed, const CLI::App& other) {
  std::vector<std::string> words;
  for (const char* name : handed) {
    if (!was_typed(typed, name) || other.get_option_no_throw(name) == nullptr) continue;
    words.emplace_back(name);
    if (typed.get_option(name)->get_expected_max() == 0) continue;  // a flag
    const auto values = typed.get_option(name)->results();
    words.push_back(fmt::format("{}", fmt::join(values, ",")));
  }
  return words;
}

/// Runs a command of this program for its JSON.
void run_part(const report_options& o, const std::string& part, const fs::path& file) {
  CLI::App program("", "atlas");
  add_commands(program);
  CLI::App& command = *program.get_subcommand(part);
  std::vector<std::string> words = {part};
  for (std::string& word : typed_words(*o.common.command, command))
    words.push_back(std::move(word));
  if (part == "measure") words.insert(words.end(), {"--ranks", "auto", "--profile"});
  for (const std::string& word :
       {std::string("--seed"), std::to_string(o.common.seed), std::string("--threads"),
        std::to_string(o.common.threads), std::string("--json"), file.string(),
        std::string("--without-table")})
    words.push_back(word);
  if (o.common.quiet) words.emplace_back("--quiet");
  std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 takes them
  try {
    program.parse(std::move(reversed));
  } catch (const CLI::ParseError& e) {
    throw atlas::error(typing_error(program, e, words));
  }
}

/// What is not measured where there are only clouds, and why.
std::string without_weights(const std::string& part) {
  return fmt::format(
      "{}: needs a model, since it looks at attention and predictions; a file in the place of a "
      "model has not both.",
      part);
}

report_results measured_results(const report_options& o, report_folder& folder) {
  report_results results;
  const bool clouds = was_typed(*o.common.command, "--clouds");
  for (const std::string& part : o.parts) {
    if (clouds && part != "measure") {
      results.missing.push_back(without_weights(part));
      continue;
    }
    const fs::path file = folder.unfinished_part(part);
    run_part(o, part, file);
    add_results(file, results);
  }
  return results;
}

report_results given_results(const report_options& o) {
  report_results results;
  for (std::size_t i = 0; i < o.from.size(); ++i) {
    std::error_code ignored;
    for (std::size_t j = 0; j < i; ++j)
      if (fs::equivalent(o.from[i], o.from[j], ignored))
        throw atlas::value_error("--from", "different results", o.from[i] + " twice");
    if (fs::equivalent(o.from[i], o.out, ignored))
      throw atlas::value_error(
          "--out", "another folder than those of --from, whose files would be lost", o.out);
    add_results(o.from[i], results);
  }
  return results;
}

/// Parts that the results do not have.
void add_missing(const std::vector<figure>& figures, report_results& results) {
  const std::pair<const char*, const char*> makers[] = {
      {"overlap-by-layer", "Overlaps and dimensions come from atlas measure or atlas study."},
      {"phase-map", "The phase map comes from atlas thermo."},
      {"crystallization", "What low-rank residuals give back comes from atlas crystallize."},
      {"autoencoders-against-pca",
       "Autoencoders against PCA come from atlas autoencode or atlas study."},
      {"claims", "The claims of the original study come from atlas study."}};
  for (const auto& maker : makers)
    if (std::none_of(figures.begin(), figures.end(),
                     [&](const figure& f) { return f.id == maker.first; }))
      results.missing.emplace_back(maker.second);
}

constexpr const char* name_of(standing s) {
  return s == standing::holds    ? "beyond its null"
         : s == standing::chance ? "chance"
         : s == standing::fact   ? "measured"
                                 : "undecided";
}

/// What the report says in words.
json report_json(const report_content& report) {
  json figures = json::array();
  for (const figure& f : report.figures) {
    json readings = json::array();
    for (const reading& r : f.readings)
      readings.push_back({{"standing", name_of(r.standing)}, {"text", r.text}});
    figures.push_back({{"id", f.id}, {"title", f.title}, {"readings", readings}});
  }
  return {{"title", report.title}, {"figures", figures}, {"missing", report.results.missing}};
}

/// What a damaged file makes nonsense of is said in a line.
std::vector<figure> drawn_figures(const report_results& results) {
  try {
    return all_figures(results);
  } catch (const json::exception& e) {
    throw atlas::format_error("--from", "results as the commands write them", e.what());
  }
}

/// What the first screen of the report says.
std::string summary_text(const report_content& report, const fs::path& folder) {
  std::string out;
  for (const reading& r : first_readings(report.figures)) out += "- " + r.text + "\n";
  return out + fmt::format("{} {} in {}\n", report.figures.size(),
                           report.figures.size() == 1 ? "figure" : "figures",
                           (folder / "report.html").string());
}

/// \throws value_error for options that do not go together
void check_report(const report_options& o) {
  const CLI::App& typed = *o.common.command;
  const auto& parts = o.parts;
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (std::find(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(i), parts[i]) !=
        parts.begin() + static_cast<std::ptrdiff_t>(i))
      throw atlas::value_error("--parts", "different ones", parts[i] + " twice");
  if (was_typed(typed, "--clouds") &&
      std::find(parts.begin(), parts.end(), "measure") == parts.end())
    throw atlas::value_error("--parts", "measure, which is all that clouds have the data for",
                             "parts that need a model");
  if (o.common.json_file.empty() || o.common.json_file == "-") return;
  const fs::path json_file = fs::weakly_canonical(o.common.json_file);
  if (json_file.parent_path() == fs::weakly_canonical(o.out))
    throw atlas::value_error("--json", "a file outside of the report's folder", o.common.json_file);
}

/// What all of it is of.
std::string title_of(const report_options& o, const report_results& results) {
  if (!o.title.empty()) return o.title;
  const std::string& first = results.all.front().source;
  const bool one = std::all_of(results.all.begin(), results.all.end(),
                               [&](const command_result& r) { return r.source == first; });
  if (one) return first;
  if (o.from.size() == 1)
    return fs::absolute(o.from.front()).lexically_normal().filename().string();
  return fmt::format("{} results", results.all.size());
}

void run_report(const report_options& o) {
  const CLI::App& typed = *o.common.command;
  if (!o.from.empty())
    for (const char* name : handed) refuse_typed(typed, {name}, "with --from");
  if (!o.from.empty()) refuse_typed(typed, {"--parts"}, "with --from");
  check_report(o);
  const fs::path folder = o.out;
  report_content content;
  if (!o.from.empty()) content.results = given_results(o);
  report_folder made(folder);
  if (o.from.empty()) content.results = measured_results(o, made);
  begin_stage(o.common, "drawing");
  content.figures = drawn_figures(content.results);
  if (content.figures.empty())
    throw atlas::value_error("--from", "results that there are figures of", "none");
  add_missing(content.figures, content.results);
  content.title = title_of(o, content.results);
  atlas_program::report(o.common, report_json(content), summary_text(content, folder),
                        made.files_of(content));
}

/// Options of the commands that are run; theirs say what is wrong with them.
void add_handed_options(CLI::App& app) {
  const auto add = [&](const char* name, const char* help) {
    app.add_option(name)->description(help)->check(not_empty())->expected(1)->type_name("TEXT");
  };
  add("--model", "a Hugging Face folder, a GGUF file, tiny-gpt2 or tiny-llama");
  add("--text", "a UTF-8 file, moby-dick or addresses");
  add("--tokens", "a .npy file of the ids of tokens in the place of a text");
  add("--calibration-tokens", "the same for what atlas crystallize calibrates on");
  add("--bos", "the token that each block begins with, an id, none or default");
  add("--clouds", "a file of clouds or of activations in place of a model");
  add("--output-projection", "how projections lie in that file");
  add("--rows", "what clouds of activations are");
  add("--blocks", "blocks of text, each read on its own");
  add("--block-size", "tokens in each");
  add("--layers", "such as 0,3-5; all unless told otherwise");
  add("--deepest", "so many of the last layers");
  add("--points", "rows of a cloud");
  add("--local-dim", "dimension of the heads' subspaces");
  add("--surrogates", "clouds without structure that each head is compared with");
  app.add_flag("--without-sinks")
      ->description("clouds without the rows that rest on a sink, observables without sinks");
  add("--sink-weight", "mean weight beyond chance from which on a key is a sink");
  add("--sink-norm", "length of its value, over the median, up to which it is one");
}

}  // namespace

void add_report(CLI::App& program) {
  const auto options = std::make_shared<report_options>();
  CLI::App& app = *program.add_subcommand(
      "report", "Results as one HTML file with figures, each beside its null.");
  add_text(
      app, "--from", options->from,
      "results that commands wrote with --json, or folders of a study or an ablation, in place "
      "of measuring");
  add_text(app, "--out", options->out, "folder of the report, and of the results that are measured")
      ->capture_default_str();
  add_text(app, "--title", options->title, "of the page; what was measured unless told otherwise");
  add_handed_options(app);
  add_checked(app, "--parts", options->parts,
              one_of({"measure", "thermo", "crystallize", "autoencode"}), "what is measured");
  add_common_options(app, options->common, "atlas report --model tiny-llama --out report",
                     {"--out"});
  app.callback([options] { run_report(*options); });
}

}  // namespace atlas_program
