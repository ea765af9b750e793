#include "common.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

#include "atlas/io/files.hpp"
#include "atlas/stats/student_t.hpp"
#include "interrupts.hpp"
#include "progress_line.hpp"

namespace atlas_program {

void add_common_options(CLI::App& command, common_options& common, const std::string& example) {
  command.add_option("--threads", common.threads, "0: all of the machine; results do not change")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--seed", common.seed, "of everything that is drawn")->capture_default_str();
  command
      .add_option("--json", common.json_file,
                  "write the result here; standard output for - or nothing")
      ->expected(0, 1)
      ->default_str("-");
  command.add_flag("--quiet", common.quiet, "no table and no progress");
  command.footer("Example:\n  " + example);
}

void check_surrogates(atlas::index_t surrogates) {
  if (surrogates < 0 || (surrogates > 0 && surrogates < atlas::least_draws))
    throw atlas::value_error("--surrogates",
                             fmt::format("0 (none) or at least {}", atlas::least_draws),
                             std::to_string(surrogates));
}

namespace {

double share_done(const atlas::progress& p) {
  return p.total > 0 ? static_cast<double>(p.done) / static_cast<double>(p.total) : 0;
}

bool shows_progress(const common_options& common) {
  return !common.quiet && isatty(STDERR_FILENO) != 0;
}

}  // namespace

void begin_stage(const common_options& common, const std::string& stage) {
  stop_if_interrupted();
  if (shows_progress(common)) show_progress(stage, -1);
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

void report(const common_options& common, const json& result, const std::string& table,
            const std::vector<output_file>& others) {
  begin_stage(common, "writing the result");
  const bool to_file = !common.json_file.empty() && common.json_file != "-";
  const std::string text = common.json_file.empty() ? "" : result.dump(2) + "\n";
  {
    unbroken_writing writing;
    for (const output_file& other : others) other.write(other.name);
    if (to_file) atlas::io::write_file(common.json_file, text);
    if (to_file || !others.empty()) writing.is_the_result();
  }
  end_progress_line();
  if (common.json_file == "-")
    std::cout << text;
  else if (!common.quiet)
    std::cout << table;
  std::cout.flush();
  if (!std::cout) throw atlas::error("standard output", "room for the result", "an error");
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += fmt::format("{}{:>{}}", c > 0 ? "  " : "", row[c], widths[c]);
    text += line + "\n";
  }
  return text;
}

std::string digits(double x, int decimals) {
  return std::isnan(x) ? "-" : fmt::format("{:.{}f}", x, decimals);
}

std::string with_interval(double x, const atlas::interval& interval, int decimals) {
  if (std::isnan(interval.lower)) return digits(x, decimals);
  return fmt::format("{} [{}, {}]", digits(x, decimals), digits(interval.lower, decimals),
                     digits(interval.upper, decimals));
}

}  // namespace atlas_program
