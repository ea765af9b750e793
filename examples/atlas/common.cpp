// SPDX-License-Identifier: MIT
#include "common.hpp"

#include <fmt/color.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include "atlas/io/files.hpp"
#include "atlas/version.hpp"
#include "interrupts.hpp"
#include "leftovers.hpp"
#include "options.hpp"
#include "places.hpp"
#include "progress_line.hpp"
#include "ranks.hpp"

namespace atlas_program {

namespace {

/// Refuses quiet where nothing at all would be written.
void check_quiet(const CLI::App& command, const std::vector<std::string>& files) {
  const auto written = [&](const std::string& file) {
    const CLI::Option* option = command.get_option_no_throw(file);
    return option != nullptr && (option->count() > 0 || !option->get_default_str().empty());
  };
  if (std::any_of(files.begin(), files.end(), written)) return;
  throw atlas::error("--quiet", fmt::format("{} beside it", fmt::join(files, " or ")),
                     "nowhere to write the result to");
}

/// \throws error for a command that ranks would do once each
void check_divides_work(const CLI::App& command) {
  static const std::map<std::string, std::string> dividing = {
      {"ablate", "ablate --factors"},  // which refuses its other half itself
      {"calibrate", "calibrate"},     {"dimension", "dimension"}, {"estimators", "estimators"},
      {"measure", "measure"},         {"study", "study"}};
  if (ranks() == 1 || dividing.count(command.get_name()) > 0) return;
  std::vector<std::string> names;
  for (const auto& [name, typed] : dividing) names.push_back(typed);
  throw atlas::error(
      fmt::format("mpirun: expected one of {}, which divide their work among "
                  "processes, got {}; run it without mpirun",
                  fmt::join(names, ", "), command.get_name()));
}

}  // namespace

void add_common_options(CLI::App& command, common_options& common, const std::string& example,
                        std::initializer_list<const char*> files) {
  common.command = &command;
  add_whole(command, "--threads", common.threads, {0, 1 << 16},
            "0: all of the machine; results do not change");
  if (ranks() > 1) common.threads = threads_of_a_rank();
  command.preparse_callback([&command](std::size_t) { check_divides_work(command); });
  command.parse_complete_callback([&command] {
    check_places(command);
    watch_sources(command);
    meet();  // so that no rank works for hours for a result that has no place
  });
  command.add_option("--seed", common.seed, "of everything that is drawn")
      ->transform(seed_number())
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--json",
          [&common](const std::string& file) { common.json_file = file.empty() ? "-" : file; },
          "write the result as JSON to FILE, or in place of the table where FILE is - or left "
          "out; no JSON without this option")
      ->expected(0, 1)
      ->type_name("[FILE]");
  std::vector<std::string> places = {"--json"};
  places.insert(places.end(), files.begin(), files.end());
  command.add_flag_callback(
      "--quiet",
      [&command, &common, places] {
        check_quiet(command, places);
        common.quiet = true;
      },
      fmt::format("no table and no progress; needs {}", fmt::join(places, " or ")));
  // For `atlas report`, which runs commands for their JSON.
  command.add_flag_callback("--without-table", [&common] { common.table = false; })->group("");
  command.footer("Example:\n  " + example);
}

namespace {

double share_done(const atlas::progress& p) {
  return p.total > 0 ? static_cast<double>(p.done) / static_cast<double>(p.total) : 0;
}

bool shows_progress(const common_options& common) {
  return !common.quiet && rank() == 0 && isatty(STDERR_FILENO) != 0;
}

}  // namespace

void begin_stage(const common_options& common, const std::string& stage) {
  stop_if_interrupted();
  check_sources();
  if (shows_progress(common)) show_progress(stage, -1);
}

void say(const common_options& common, const std::string& what) {
  if (common.quiet || rank() > 0) return;
  end_progress_line();
  fmt::print(stderr, "atlas: {}\n", what);
}

atlas::progress_callback progress_bar(const common_options& common) {
  if (!shows_progress(common)) return [](const atlas::progress&) { return !interrupted(); };
  return [](const atlas::progress& p) {
    show_progress(p.stage, share_done(p));
    return !interrupted();
  };
}

atlas::progress_callback advance_with(atlas::progress_meter& meter) {
  return [&meter, seen = atlas::index_t{0}](const atlas::progress& p) mutable {
    meter.advance(p.done - seen);
    seen = p.done;
    return true;
  };
}

pass_meter::pass_meter(const common_options& common, std::string stage, atlas::index_t passes)
    : stage_(std::move(stage)), callback_(progress_bar(common)), total_(steps_of_a_pass * passes) {
  if (!callback_({stage_, 0, total_})) throw atlas::cancelled();
}

atlas::progress_callback pass_meter::next(double share) {
  begin_ = end_;
  if (!callback_({stage_, begin_, total_})) throw atlas::cancelled();
  end_ += static_cast<atlas::index_t>(std::llround(share * steps_of_a_pass));
  return [this, from = begin_, to = end_](const atlas::progress& p) {
    const double done = share_done(p) * static_cast<double>(to - from);
    return callback_(
        {stage_, std::clamp(from + static_cast<atlas::index_t>(done), from, to), total_});
  };
}

json number(double x) {
  return std::isfinite(x) ? json(x) : json(nullptr);
}

json bounds(const atlas::interval& interval) {
  return {{"lower", number(interval.lower)}, {"upper", number(interval.upper)}};
}

namespace {

/// A number where the text is one, "true" where it is that.
json value_json(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_number() || value.is_boolean() ? value : json(text);
}

/// The default of several values is one text, "[2,3,4,8]".
std::vector<std::string> values_of(const std::vector<std::string>& texts) {
  if (texts.size() != 1 || !texts[0].starts_with('[') || !texts[0].ends_with(']')) return texts;
  std::istringstream all(texts[0].substr(1, texts[0].size() - 2));
  std::vector<std::string> values;
  for (std::string value; std::getline(all, value, ',');) values.push_back(value);
  return values;
}

json options_json(const CLI::App& command) {
  json out = json::object();
  for (const auto& [name, texts] : deciding_options(command)) {
    if (name == "--seed") continue;
    json values = json::array();
    for (const std::string& text : values_of(texts)) values.push_back(value_json(text));
    out[name] = values.empty() ? json(nullptr) : values.size() == 1 ? values[0] : values;
  }
  return out;
}

/// The options as one types them: without what was not given and has no default.
std::string options_text(const CLI::App& command) {
  std::string out;
  for (const auto& [name, texts] : deciding_options(command)) {
    const bool off = texts.empty() || texts == std::vector<std::string>{"false"};
    if (name == "--seed" || off) continue;
    out += (out.empty() ? "" : " ") + name;
    if (texts == std::vector<std::string>{"true"}) continue;
    for (const std::string& text : values_of(texts)) out += " " + text;
  }
  return out;
}

}  // namespace

json run_json(const common_options& common) {
  return {{"program", "atlas"},
          {"version", atlas::version},
          {"command", common.command->get_name()},
          {"seed", common.seed},
          {"options", options_json(*common.command)}};
}

json with_run(const common_options& common, const json& result) {
  json out = {{"run", run_json(common)}};
  out.update(result);
  return out;
}

namespace {

bool is_number(const std::string& text) {
  constexpr std::string_view numerals = "+-0123456789.eE";
  if (text.find_first_not_of(numerals) != std::string::npos) return false;
  char* end = nullptr;
  (void)std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size();
}

bool looks_like_formula(const std::string& text) {
  constexpr std::string_view begins = "=+-@\t\r";
  return !text.empty() && begins.find(text[0]) != std::string_view::npos && !is_number(text);
}

}  // namespace

std::string csv_field(const std::string& text) {
  const std::string shown = looks_like_formula(text) ? "'" + text : text;
  if (shown.find_first_of(",\"\n\r") == std::string::npos) return shown;
  std::string out = "\"";
  for (const char c : shown) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string run_fields(const common_options& common) {
  return fmt::format("{},{},{}", atlas::version, common.seed,
                     csv_field(options_text(*common.command)));
}

std::string in_typed_names(const std::string& what, const typed_names& names) {
  // The argument is the first word, perhaps with its part: "points", "clouds[3]", "clouds, head 3".
  for (const char* ends : {":, ", ":[, "}) {
    const std::size_t end = what.find_first_of(ends);
    if (end == std::string::npos) return what;
    const auto found = names.find(std::string_view(what).substr(0, end));
    if (found != names.end()) return found->second + what.substr(end);
  }
  return what;
}

void report(const common_options& common, const json& result, const std::string& table,
            const std::vector<output_file>& others) {
  report_whole(common, with_run(common, result), table, others);
}

namespace {

bool is_shown(const output_file& file) {
  return !file.write && is_standard_output(file.name);
}

void write_output(const output_file& file) {
  if (file.write)
    file.write(file.name);
  else
    atlas::io::write_file(file.name, file.text);
  remove_old_leftovers_of(file.name);
}

}  // namespace

void report_whole(const common_options& common, const json& result, const std::string& table,
                  const std::vector<output_file>& others) {
  if (rank() > 0) return;
  begin_stage(common, "writing the result");
  std::vector<output_file> files = others;
  if (!common.json_file.empty()) files.push_back({common.json_file, {}, result.dump(2) + "\n"});
  const auto shown = std::find_if(files.begin(), files.end(), is_shown);
  {
    unbroken_writing writing;
    for (const output_file& file : files)
      if (!is_shown(file)) write_output(file);
    // A part of a report is no result yet.
    if (common.table && std::any_of(files.begin(), files.end(), std::not_fn(is_shown)))
      writing.is_the_result();
  }
  end_progress_line();
  if (shown != files.end())
    std::cout << shown->text;
  else if (!common.quiet && common.table)
    std::cout << table;
  std::cout.flush();
  if (!std::cout) throw atlas::error("standard output", "room for the result", "an error");
}

namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool tables_have_styles() {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  // mpirun's pipe to a rank looks like a terminal wherever it leads.
  return isatty(STDOUT_FILENO) != 0 && ranks() == 1 && !dumb && !is_set("NO_COLOR");
}

std::string styled(const std::string& text, fmt::emphasis how) {
  return tables_have_styles() ? fmt::format(fmt::text_style(how), "{}", text) : text;
}

/// Bytes that change the style and take no place: from each escape to its "m".
std::size_t hidden_bytes(const std::string& cell) {
  std::size_t count = 0;
  bool hidden = false;
  for (const char c : cell) {
    hidden = hidden || c == '\x1b';
    count += hidden ? 1 : 0;
    if (c == 'm') hidden = false;
  }
  return count;
}

}  // namespace

std::string null_cell(const std::string& text) {
  return styled(text, fmt::emphasis::faint);
}

std::string beyond_cell(const std::string& text) {
  return styled(text, fmt::emphasis::bold);
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c)
      widths[c] = std::max(widths[c], row[c].size() - hidden_bytes(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += fmt::format("{}{:>{}}", c > 0 ? "  " : "", row[c], widths[c] + hidden_bytes(row[c]));
    text += line + "\n";
  }
  return text;
}

std::string digits(double x, int decimals) {
  return std::isnan(x) ? "-" : fmt::format("{:.{}f}", x, decimals);
}

std::string p_text(double p) {
  return std::isnan(p) ? "-" : fmt::format("{:.2g}", p);
}

std::string with_interval(double x, const atlas::interval& interval, int decimals) {
  if (std::isnan(interval.lower)) return digits(x, decimals);
  return fmt::format("{} [{}, {}]", digits(x, decimals), digits(interval.lower, decimals),
                     digits(interval.upper, decimals));
}

}  // namespace atlas_program
