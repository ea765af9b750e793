// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Where results go, and what they are made from: looked at before the work, which may take hours.

#include <string>

#include "typed_options.hpp"

namespace atlas_program {

/// Whether a file that was named is standard output: "-", or a name of what that leads to, such as
/// /dev/stdout.
bool is_standard_output(const std::string& file);

/// \throws error naming the option, unless such a file can be written as far as one can tell before
void check_place(const std::string& option, const std::string& file);

/// Looks at `--json`, `--csv` and `--out` of a command, as they were typed.
/// \throws error naming the option for a file that cannot be written, that another option writes or
///         reads, or that is a file of a model which is read; for two results on standard output,
///         and for a folder or an array there
void check_places(const CLI::App& command);

/// From now on, files of weights and arrays that were typed, which are mapped into memory as long
/// as they are needed, must stay as they are.
void watch_sources(const CLI::App& command);
/// \throws error naming one that was written to since; one that another file took the place of is
///         still there for this run
void check_sources();

}  // namespace atlas_program
