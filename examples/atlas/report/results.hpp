// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The results that a report is drawn from: JSON that the program's commands wrote.

#include <filesystem>
#include <string>
#include <vector>

#include "../common.hpp"

namespace atlas_program {

/// One result, by the name of its file.
struct command_result {
  std::string file;
  std::string command;  ///< the subcommand that wrote it
  std::string source;   ///< what was measured: "tiny-gpt2 on moby-dick", or a file
  json content;
};

/// What a report is drawn from, and what it lacks.
struct report_results {
  std::vector<command_result> all;
  std::vector<std::string> missing;  ///< a sentence each: what is not there, and why

  /// Those of one subcommand, in their order.
  std::vector<const command_result*> of(const std::string& command) const;
};

/// Adds a JSON file of one of the program's commands, or the folder of a study or an ablation. Of a
/// study that was killed, the parts that are there; the others are named as missing.
/// \throws atlas::error naming the file that is not there, not JSON, or not of this program
void add_results(const std::filesystem::path& place, report_results& results);

/// A member of a result, or null where it or one on the way to it is not there.
const json& member(const json& object, std::initializer_list<const char*> path);
/// A text, or nothing.
std::string text_member(const json& object, std::initializer_list<const char*> path);
/// A finite number, or NaN.
double real_member(const json& object, std::initializer_list<const char*> path);

}  // namespace atlas_program
