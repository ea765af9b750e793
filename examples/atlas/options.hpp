// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Options that say what they may be: each is checked before the work, in the words of the one who
/// typed it.

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/tensor_view.hpp"
#include "atlas/stats/null_score.hpp"

namespace atlas_program {

/// Whole numbers that an option may be.
struct whole_range {
  atlas::index_t low = 0;
  atlas::index_t high = unlimited;
  bool or_zero = false;  ///< 0 too, for none

  static constexpr atlas::index_t unlimited = atlas::index_t{1} << 40;
  bool contains(atlas::index_t x) const { return (or_zero && x == 0) || (x >= low && x <= high); }
  /// "a whole number from 1 to 64"
  std::string words() const;
};

/// Finite numbers that an option may be.
struct real_range {
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  bool with_low = true, with_high = true;

  bool contains(double x) const;
  /// "a number of 0 or more and below 1"
  std::string words() const;
};

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

/// Ranges that several subcommands have.
inline constexpr real_range discard_range{.low = 0, .high = 1, .with_high = false};
inline constexpr real_range open_unit{.low = 0, .high = 1, .with_low = false, .with_high = false};
inline constexpr real_range positive{.low = 0, .with_low = false};
inline constexpr whole_range surrogate_range{.low = atlas::least_draws, .or_zero = true};

/// What came, for a message: "nothing" for no text.
std::string text_typed(const std::string& text);

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
