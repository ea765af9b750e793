// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options that say what they may be: each is checked before the work, in the words of the one who
/// typed it. For files that add options: CLI11 alone takes seconds to compile.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "option_ranges.hpp"
#include "typed_options.hpp"

namespace atlas_program {

/// Each refuses what is out of range; CLI11 adds the option's name. Those of numbers are for
/// `transform`: CLI11 itself would read "010" as eight.
CLI::Validator whole_number(const whole_range& range);
CLI::Validator real_number(const real_range& range);
/// The same, or one of some words.
CLI::Validator whole_number_or(const whole_range& range, const std::vector<std::string>& words);
/// Of 64 bits.
CLI::Validator seed_number();
CLI::Validator one_of(const std::vector<std::string>& names);
/// Nothing is not a name: it would be as if the option had not been typed.
CLI::Validator not_empty();

/// An option with its default in the help. A vector takes several, with commas between.
template <class Value>
CLI::Option* add_checked(CLI::App& app, const std::string& name, Value& value,
                         const CLI::Validator& check, const std::string& help) {
  CLI::Option* option = app.add_option(name, value, help)->transform(check)->capture_default_str();
  if (option->get_expected_max() > 1) option->delimiter(',');
  return option;
}

template <class Value>
CLI::Option* add_whole(CLI::App& app, const std::string& name, Value& value,
                       const whole_range& range, const std::string& help) {
  return add_checked(app, name, value, whole_number(range), help);
}

template <class Value>
CLI::Option* add_real(CLI::App& app, const std::string& name, Value& value, const real_range& range,
                      const std::string& help) {
  return add_checked(app, name, value, real_number(range), help);
}

/// The name of a file, a model or a text.
template <class Value>
CLI::Option* add_text(CLI::App& app, const std::string& name, Value& value,
                      const std::string& help) {
  return app.add_option(name, value, help)->check(not_empty());
}

inline CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& value,
                               const std::vector<std::string>& names, const std::string& help) {
  return add_checked(app, name, value, one_of(names), help);
}

}  // namespace atlas_program
