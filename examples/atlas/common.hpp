#pragma once
/// \file
/// What all subcommands share: options, progress, JSON and tables.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/dimension/two_nn.hpp"

namespace atlas_program {

/// Objects in the order in which they are filled.
using json = nlohmann::ordered_json;

struct common_options {
  int threads = 0;
  std::uint64_t seed = 0;
  std::string json_file;  ///< empty: none; "-": standard output
  bool quiet = false;
};

/// Adds `--threads`, `--seed`, `--json` and `--quiet` to a subcommand, and its example.
void add_common_options(CLI::App& command, common_options& common, const std::string& example);

/// \throws value_error unless 0, for none, or enough for a mean and a standard deviation
void check_surrogates(atlas::index_t surrogates);

/// From here on an interrupt (Ctrl-C, SIGTERM) ends work at its next step, before anything is
/// written; a second one ends the program.
void watch_for_interrupts();

/// Stops the work after an interrupt; with a bar on standard error while that is a terminal.
atlas::progress_callback progress_bar(const common_options& common);

/// NaN and infinities become null: JSON has no others.
json number(double x);
json bounds(const atlas::interval& interval);

/// Writes the result where `--json` says, and the table to standard output unless that is where
/// the JSON goes or the user asked for quiet.
void report(const common_options& common, const json& result, const std::string& table);

/// Columns of equal width, numbers to the right: the first row is the header.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

/// A number of `digits` decimals; "-" for NaN.
std::string digits(double x, int decimals = 2);
/// "x [lower, upper]"
std::string with_interval(double x, const atlas::interval& interval, int decimals = 2);

/// Work that was interrupted and left something to go on from; the message says what.
class interrupted_study : public atlas::error {
 public:
  using error::error;
};

/// A subcommand: adds itself to the program; what to run is remembered by CLI11.
void add_measure(CLI::App& program);
void add_two_nn(CLI::App& program);
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

}  // namespace atlas_program
