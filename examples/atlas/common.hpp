// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What all subcommands share: options, progress, JSON and tables.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/progress.hpp"
#include "option_ranges.hpp"
#include "typed_options.hpp"

namespace atlas_program {

/// Objects in the order in which they are filled.
using json = nlohmann::ordered_json;

struct common_options {
  int threads = 0;
  std::uint64_t seed = 0;
  std::string json_file;  ///< empty: none; "-": standard output
  bool quiet = false;
  bool table = true;  ///< written to standard output, unless that is quiet or has the JSON
  const CLI::App* command = nullptr;  ///< the subcommand, with what was typed
};

/// Adds `--threads`, `--seed`, `--json` and `--quiet` to a subcommand, and its example.
/// \param files options that write a result too, so that quiet without `--json` makes sense
void add_common_options(CLI::App& command, common_options& common, const std::string& example,
                        std::initializer_list<const char*> files = {});

/// Says on standard error, while that is a terminal, what is being done and for how long.
/// \throws atlas::cancelled after an interrupt
void begin_stage(const common_options& common, const std::string& stage);

/// Says on standard error what is not a result, in a line of its own; nothing if quiet.
void say(const common_options& common, const std::string& what);

/// Stops the work after an interrupt; says how far it is on standard error while that is a
/// terminal.
atlas::progress_callback progress_bar(const common_options& common);

/// Steps of another stage are steps of this one. The meter must outlive what is returned.
atlas::progress_callback advance_with(atlas::progress_meter& meter);

/// A stage of passes, one after the other, that report their own steps.
class pass_meter {
 public:
  /// Must outlive the callbacks. \param passes whose shares add up to as many
  pass_meter(const common_options& common, std::string stage, atlas::index_t passes);
  /// For the next pass, or for a share of one. \throws atlas::cancelled after an interrupt
  atlas::progress_callback next(double share = 1);

 private:
  static constexpr atlas::index_t steps_of_a_pass = 1000;

  std::string stage_;
  atlas::progress_callback callback_;
  atlas::index_t total_, begin_ = 0, end_ = 0;
};

/// NaN and infinities become null: JSON has no others.
json number(double x);
json bounds(const atlas::interval& interval);

/// What made a result: `{"program", "version", "command", "seed", "options"}`, all options that
/// decide it with their values, typed or not; null for those that were not given and have no
/// default.
json run_json(const common_options& common);
/// The result with that before it, as `run`.
json with_run(const common_options& common, const json& result);
/// The same for the rows of a CSV file: names of columns, and a field for each.
inline constexpr std::string_view run_columns = "version,seed,options";
std::string run_fields(const common_options& common);
/// A field of a CSV row (RFC 4180). A text that a spreadsheet would take for a formula (it begins
/// with
/// `=`, `+`, `-`, `@`, a tab or a carriage return, and is no number) has an apostrophe before it.
std::string csv_field(const std::string& text);

/// A file beside the JSON, and what writes it. A text, which has none to write it, goes to standard
/// output in the place of the table where its name says so.
struct output_file {
  std::string name;
  std::function<void(const std::string&)> write;
  std::string text = {};
};

/// Writes the result, with what made it, where `--json` says, with the other files, and the table
/// to standard output unless that is where one of them goes or the user asked for quiet. \throws
/// atlas::cancelled after an interrupt, before anything is written
void report(const common_options& common, const json& result, const std::string& table,
            const std::vector<output_file>& others = {});
/// The same of a result that has all.
void report_whole(const common_options& common, const json& result, const std::string& table,
                  const std::vector<output_file>& others = {});

/// What the library calls its arguments, and what stands for them on the command line: an option or
/// the name of a file.
using typed_names = std::map<std::string, std::string, std::less<>>;

/// An error's text with the name of what was typed in the place of the library's.
std::string in_typed_names(const std::string& what, const typed_names& names);

/// Does work whose errors are about what was typed.
template <class Work>
auto with_typed_names(const typed_names& names, Work&& work) {
  try {
    return work();
  } catch (const atlas::cancelled&) {
    throw;
  } catch (const atlas::error& e) {
    throw atlas::error(in_typed_names(e.what(), names));
  }
}

/// A cell of a null, and one of a value beyond its null: pale and bold where the table goes to a
/// terminal, unless NO_COLOR is set or the terminal is dumb; as they are elsewhere.
std::string null_cell(const std::string& text);
std::string beyond_cell(const std::string& text);

/// Columns of equal width, numbers to the right: the first row is the header.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

/// A number of `digits` decimals; "-" for NaN.
std::string digits(double x, int decimals = 2);
/// A p value of two digits; "-" for NaN.
std::string p_text(double p);
/// "x [lower, upper]"
std::string with_interval(double x, const atlas::interval& interval, int decimals = 2);

/// A subcommand: adds itself to the program; what to run is remembered by CLI11.
void add_measure(CLI::App& program);
void add_two_nn(CLI::App& program);
void add_dimension(CLI::App& program);
void add_estimators(CLI::App& program);
void add_rank(CLI::App& program);
void add_overlap(CLI::App& program);
void add_haar(CLI::App& program);
void add_crystallize(CLI::App& program);
void add_thermo(CLI::App& program);
void add_boltzmann(CLI::App& program);
void add_quantize(CLI::App& program);
void add_quantize_matrix(CLI::App& program);
void add_uncertainty(CLI::App& program);
void add_pareto(CLI::App& program);
void add_study(CLI::App& program);
void add_autoencode(CLI::App& program);
void add_ablate(CLI::App& program);
void add_redundancy(CLI::App& program);
void add_compare(CLI::App& program);
void add_calibrate(CLI::App& program);
void add_report(CLI::App& program);
/// All of them.
void add_commands(CLI::App& program);

}  // namespace atlas_program
