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
#include "atlas/io/files.hpp"
#include "figures.hpp"
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
constexpr const char* handed[] = {"--model",  "--text",       "--clouds",    "--output-projection",
                                  "--blocks", "--block-size", "--layers",    "--deepest",
                                  "--points", "--local-dim",  "--surrogates"};

/// What was typed, as words of another command's line, as far as that command has such options.
std::vector<std::string> typed_words(const CLI::App& typed, const CLI::App& other) {
  std::vector<std::string> words;
  for (const char* name : handed) {
    if (!was_typed(typed, name) || other.get_option_no_throw(name) == nullptr) continue;
    words.emplace_back(name);
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
      "{}: needs a model, since it looks at attention and predictions; a file of "
      "clouds has neither.",
      part);
}

report_results measured_results(const report_options& o, const fs::path& folder) {
  report_results results;
  const bool clouds = was_typed(*o.common.command, "--clouds");
  for (const std::string& part : o.parts) {
    if (clouds && part != "measure") {
      results.missing.push_back(without_weights(part));
      continue;
    }
    const fs::path file = folder / (part + ".json");
    run_part(o, part, file);
    add_results(file, results);
  }
  return results;
}

report_results given_results(const report_options& o) {
  report_results results;
  for (const std::string& place : o.from)
    with_typed_names({}, [&] { add_results(place, results); });
  return results;
}

/// Makes the report's folder. One that was not there and stays empty is taken away again.
class report_folder {
 public:
  /// \throws error where it cannot be made
  explicit report_folder(const fs::path& folder) : folder_(folder) {
    std::error_code error;
    was_there_ = fs::exists(folder, error);
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder))
      throw atlas::error("--out", "a folder that can be made", folder.string());
  }
  ~report_folder() {
    std::error_code ignored;
    if (!was_there_ && fs::is_empty(folder_, ignored)) fs::remove(folder_, ignored);
  }
  report_folder(const report_folder&) = delete;
  report_folder& operator=(const report_folder&) = delete;

 private:
  fs::path folder_;
  bool was_there_ = false;
};

/// Parts that the results do not have.
void add_missing(const std::vector<figure>& figures, report_results& results) {
  const std::pair<const char*, const char*> makers[] = {
      {"overlap-by-layer", "Overlaps and dimensions come from atlas measure or atlas study."},
      {"phase-map", "The phase map comes from atlas thermo."},
      {"crystallization", "What low-rank residuals give back comes from atlas crystallize."},
      {"autoencoders", "Autoencoders against PCA come from atlas autoencode or atlas study."},
      {"claims", "The claims of the original study come from atlas study."}};
  for (const auto& maker : makers)
    if (std::none_of(figures.begin(), figures.end(),
                     [&](const figure& f) { return f.id == maker.first; }))
      results.missing.emplace_back(maker.second);
}

/// The report's files. One that stops half-way leaves none of them.
std::vector<output_file> report_files(const report_options& o, const report_content& report) {
  const fs::path folder = o.out;
  std::vector<output_file> files;
  const auto add = [&](const std::string& name, std::string text) {
    files.push_back({(folder / name).string(), [text = std::move(text)](const std::string& file) {
                       atlas::io::write_file(file, text);
                     }});
  };
  for (const figure& f : report.figures) {
    add(f.id + ".csv", csv_of(f.numbers));
    add(f.id + ".vg.json", whole_spec(f).dump(1) + "\n");
  }
  add("report.html", page_html(report));
  return files;
}

constexpr const char* name_of(standing s) {
  return s == standing::holds ? "beyond its null" : s == standing::chance ? "chance" : "undecided";
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
  return out + fmt::format("{} figures in {}\n", report.figures.size(),
                           (folder / "report.html").string());
}

void run_report(const report_options& o) {
  const CLI::App& typed = *o.common.command;
  if (!o.from.empty())
    for (const char* name : handed) refuse_typed(typed, {name}, "with --from");
  if (!o.from.empty()) refuse_typed(typed, {"--parts"}, "with --from");
  const fs::path folder = o.out;
  report_content content;
  if (!o.from.empty()) content.results = given_results(o);
  const report_folder made(folder);
  if (o.from.empty()) content.results = measured_results(o, folder);
  if (content.results.all.empty())
    throw atlas::value_error("--parts", "measure among them with --clouds",
                             "parts that need a model");
  begin_stage(o.common, "drawing");
  content.figures = drawn_figures(content.results);
  add_missing(content.figures, content.results);
  content.title = o.title.empty() ? content.results.all.front().source : o.title;
  atlas_program::report(o.common, report_json(content), summary_text(content, folder),
                        report_files(o, content));
}

/// Options of the commands that are run; theirs say what is wrong with them.
void add_handed_options(CLI::App& app) {
  const auto add = [&](const char* name, const char* help) {
    app.add_option(name)->description(help)->check(not_empty())->expected(1)->type_name("TEXT");
  };
  add("--model", "a Hugging Face folder, tiny-gpt2 or tiny-llama");
  add("--text", "a UTF-8 file, moby-dick or addresses");
  add("--clouds", "a safetensors file of clouds in place of a model");
  add("--output-projection", "how projections lie in that file");
  add("--blocks", "blocks of text, each read on its own");
  add("--block-size", "tokens in each");
  add("--layers", "such as 0,3-5; all unless told otherwise");
  add("--deepest", "so many of the last layers");
  add("--points", "rows of a cloud");
  add("--local-dim", "dimension of the heads' subspaces");
  add("--surrogates", "clouds without structure that each head is compared with");
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
