// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What was mistyped, and what may have been meant.

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace atlas_program {

/// Letters to insert, leave out, change or swap with their neighbour to make one word of the other
/// (optimal string alignment; Damerau, CACM 7, 171, 1964). Takes the product of the lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name that is nearest to what was typed; empty where none is within a third of its letters
/// (two of short ones).
std::string nearest_name(std::string_view typed, const std::vector<std::string>& names);

/// One line for an error of parsing, naming what was typed.
/// \param words the arguments, without the program's name
std::string typing_error(const CLI::App& program, const CLI::ParseError& error,
                         const std::vector<std::string>& words);

}  // namespace atlas_program
