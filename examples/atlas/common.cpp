#include "common.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/timer/progress_display.hpp>
#include <cmath>
#include <csignal>
#include <ctime>
#include <iostream>
#include <memory>

#include "atlas/io/files.hpp"
#include "atlas/stats/student_t.hpp"

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

volatile std::sig_atomic_t interrupted = 0;

/// One bar a stage.
class stage_bars {
 public:
  bool operator()(const atlas::progress& p) {
    if (!bar_ || p.stage != stage_ || p.done < done_) {
      stage_ = p.stage;
      done_ = 0;
      std::cerr << stage_;
      bar_ = std::make_unique<boost::timer::progress_display>(static_cast<unsigned long>(p.total),
                                                              std::cerr, "\n", "", "");
    }
    *bar_ += static_cast<unsigned long>(p.done - done_);
    done_ = p.done;
    return true;
  }

 private:
  std::string stage_;
  atlas::index_t done_ = 0;
  std::unique_ptr<boost::timer::progress_display> bar_;
};

}  // namespace

void watch_for_interrupts() {
  // A second one ends the program at once, unless it came with the first: timeout sends its signal
  // to the program and then to the group it is in.
  const auto note = [](int signal) {
    static volatile std::time_t first = 0;
    const std::time_t now = std::time(nullptr);
    if (interrupted == 0) {
      first = now;
      interrupted = 1;
    } else if (now - first > 1) {
      std::signal(signal, SIG_DFL);
      std::raise(signal);
    }
  };
  std::signal(SIGINT, note);
  std::signal(SIGTERM, note);
}

atlas::progress_callback progress_bar(const common_options& common) {
  if (common.quiet || isatty(STDERR_FILENO) == 0)
    return [](const atlas::progress&) { return interrupted == 0; };
  return [bars = std::make_shared<stage_bars>()](const atlas::progress& p) {
    return (*bars)(p) && interrupted == 0;
  };
}

json number(double x) {
  return std::isfinite(x) ? json(x) : json(nullptr);
}

json bounds(const atlas::interval& interval) {
  return {{"lower", number(interval.lower)}, {"upper", number(interval.upper)}};
}

void report(const common_options& common, const json& result, const std::string& table) {
  const std::string text = result.dump(2) + "\n";
  if (common.json_file == "-") {
    std::cout << text;
  } else {
    if (!common.json_file.empty()) atlas::io::write_file(common.json_file, text);
    if (!common.quiet) std::cout << table;
  }
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
