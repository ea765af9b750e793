// SPDX-License-Identifier: MIT
#include "typing_errors.hpp"
#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace atlas_program {

namespace {

std::vector<std::string> subcommand_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands(nullptr))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    if (option->nonpositional()) names.push_back(option->get_name());
  return names;
}

/// "; did you mean measure?"
std::string suggestion(const std::string& typed, const std::vector<std::string>& names) {
  const std::string name = nearest_name(typed, names);
  return name.empty() ? "" : fmt::format("; did you mean {}?", name);
}

/// No subcommand was among the words.
std::string without_subcommand(const CLI::App& program, const std::vector<std::string>& words) {
  const std::vector<std::string> names = subcommand_names(program);
  const std::string all = fmt::format("expected a subcommand, one of {}", fmt::join(names, ", "));
  if (words.empty()) return all + ", got none";
  const std::string& typed = words.front();
  const std::string near_one = suggestion(typed, names);
  if (!near_one.empty()) return fmt::format("{}: expected a subcommand{}", typed, near_one);
  return fmt::format("{}: {}", typed.empty() ? "nothing" : typed, all);
}

/// A word that no option or file of the subcommand is.
std::string unexpected(const CLI::App& command) {
  const std::vector<std::string> left = command.remaining();
  const std::string word = left.empty() ? "" : left.front();
  const std::string name = word.substr(0, word.find('='));
  if (!word.starts_with('-'))
    return fmt::format("{}: expected no further argument of {}", word, command.get_name());
  if (name == "--clouds" && command.get_option_no_throw("--model") != nullptr)
    return fmt::format(
        "{}: no option of {}, which needs a model that runs: activations do not say what it would "
        "do with others",
        name, command.get_name());
  return fmt::format("{}: no option of {}{}", name, command.get_name(),
                     suggestion(name, option_names(command)));
}

/// An option without its value, or typed twice.
std::string wrong_count(const std::string& what) {
  const std::string name = what.substr(0, what.find(':')), received = "received ";
  const std::size_t at = what.rfind(received);
  return fmt::format("{}: expected one value, got {}", name,
                     at == std::string::npos ? "none" : what.substr(at + received.size()));
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_before, before(b.size() + 1), row(b.size() + 1);
  std::iota(before.begin(), before.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_before[j - 2] + 1);
    }
    two_before = before;
    std::swap(before, row);
  }
  return before[b.size()];
}

std::string nearest_name(std::string_view typed, const std::vector<std::string>& names) {
  std::string nearest;
  std::size_t least = std::max<std::size_t>(2, typed.size() / 3) + 1;
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(typed, name);
    // All letters changed is another word.
    if (distance >= least || distance >= std::min(typed.size(), name.size())) continue;
    least = distance;
    nearest = name;
  }
  return nearest;
}

std::string typing_error(const CLI::App& program, const CLI::ParseError& error,
                         const std::vector<std::string>& words) {
  const auto used = program.get_subcommands();
  if (used.empty()) return without_subcommand(program, words);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) return unexpected(*used.front());
  const std::string what = error.what();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return fmt::format("{}, see atlas {} --help", what, used.front()->get_name());
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) return wrong_count(what);
  return what;
}

}  // namespace atlas_program
