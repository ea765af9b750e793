// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What was typed on the command line.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"

namespace CLI {
class App;
}

namespace atlas_program {

/// What came, for a message: "nothing" for no text.
std::string text_typed(const std::string& text);

/// Numbers such as 3,4,5 or ranges such as 3-5, increasing.
/// \throws value_error naming the option
std::vector<atlas::index_t> numbers_of(const std::string& option,
                                       const std::vector<std::string>& texts);

/// Whether this option was typed.
bool was_typed(const CLI::App& command, const std::string& option);

/// Refuses options that were typed and would change nothing.
/// \param why "with --clouds"
/// \throws value_error naming the first of them
void refuse_typed(const CLI::App& command, std::initializer_list<const char*> options,
                  const std::string& why);

/// All options that a result depends on, with their values: not those that say where it goes, how
/// much is said meanwhile, and by how many threads. A flag is "true" or "false"; no values: not
/// given, and without a default.
std::vector<std::pair<std::string, std::vector<std::string>>> deciding_options(
    const CLI::App& command);

}  // namespace atlas_program
