// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>

#include "atlas/core/errors.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;

/// The number that is the whole text; nothing for another text.
template <class Number>
std::optional<Number> parsed(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  Number number{};
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::string refusal(const std::string& expected, const std::string& text) {
  return "expected " + expected + ", got " + text_typed(text);
}

/// First and last of "3" or "3-5".
std::optional<std::pair<index_t, index_t>> span_of(const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto first = parsed<index_t>(std::string_view(text).substr(0, dash));
  const auto last =
      dash == std::string::npos ? first : parsed<index_t>(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first < 0 || *last < *first || *last - *first > 100000)
    return std::nullopt;
  return std::pair(*first, *last);
}

/// Options that no result depends on.
constexpr std::array<std::string_view, 9> silent_options = {"--help",  "--heads",      "--json",
                                                            "--quiet", "--threads",    "--out",
                                                            "--csv",   "--save-every", "--version"};

}  // namespace

std::string whole_range::words() const {
  const std::string numbers = high < unlimited
                                  ? fmt::format("a whole number from {} to {}", low, high)
                                  : fmt::format("a whole number of {} or more", low);
  return or_zero ? "0, or " + numbers : numbers;
}

bool real_range::contains(double x) const {
  return std::isfinite(x) && (with_low ? x >= low : x > low) && (with_high ? x <= high : x < high);
}

std::string real_range::words() const {
  if (with_low && with_high && std::isfinite(high))
    return fmt::format("a number from {} to {}", low, high);
  std::string text =
      with_low ? fmt::format("a number of {} or more", low) : fmt::format("a number above {}", low);
  if (std::isfinite(high)) text += fmt::format(" and {} {}", with_high ? "at most" : "below", high);
  return text;
}

std::string text_typed(const std::string& text) {
  return text.empty() ? "nothing" : text;
}

CLI::Validator whole_number(const whole_range& range) {
  return CLI::Validator(
      [range](std::string& text) {
        const auto number = parsed<index_t>(text);
        if (!number || !range.contains(*number)) return refusal(range.words(), text);
        text = std::to_string(*number);
        return std::string();
      },
      "");
}

CLI::Validator whole_number_or(const whole_range& range, const std::vector<std::string>& words) {
  return CLI::Validator(
      [range, words](std::string& text) {
        if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
        const std::string wrong = whole_number(range)(text);
        if (wrong.empty()) return wrong;
        return refusal(fmt::format("{}, or {}", range.words(), fmt::join(words, " or ")), text);
      },
      "");
}

CLI::Validator seed_number() {
  return CLI::Validator(
      [](std::string& text) {
        const auto number = parsed<std::uint64_t>(text);
        if (!number)
          return refusal(fmt::format("a whole number from 0 to {}",
                                     (std::numeric_limits<std::uint64_t>::max)()),
                         text);
        text = std::to_string(*number);
        return std::string();
      },
      "");
}

CLI::Validator real_number(const real_range& range) {
  return CLI::Validator(
      [range](std::string& text) {
        const auto number = parsed<double>(text);
        if (!number || !range.contains(*number)) return refusal(range.words(), text);
        return std::string();
      },
      "");
}

CLI::Validator one_of(const std::vector<std::string>& names) {
  return CLI::Validator(
      [names](std::string& text) {
        if (std::find(names.begin(), names.end(), text) != names.end()) return std::string();
        return refusal(fmt::format("one of {}", fmt::join(names, ", ")), text);
      },
      fmt::format("{{{}}}", fmt::join(names, ",")));
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](std::string& text) { return text.empty() ? refusal("a name", text) : std::string(); }, "");
}

std::vector<index_t> numbers_of(const std::string& option, const std::vector<std::string>& texts) {
  std::set<index_t> numbers;
  for (const std::string& text : texts) {
    const auto span = span_of(text);
    if (!span)
      throw atlas::value_error(option, "numbers such as 3,4,5 or a range such as 3-5",
                               text_typed(text));
    for (index_t n = span->first; n <= span->second; ++n) numbers.insert(n);
  }
  return {numbers.begin(), numbers.end()};
}

bool was_typed(const CLI::App& command, const std::string& option) {
  const CLI::Option* found = command.get_option_no_throw(option);
  return found != nullptr && found->count() > 0;
}

void refuse_typed(const CLI::App& command, std::initializer_list<const char*> options,
                  const std::string& why) {
  for (const char* option : options)
    if (was_typed(command, option))
      throw atlas::error(fmt::format("{}: has no effect {}; leave it out", option, why));
}

namespace {

/// Whether an option is of a group "With --other" and that other was not typed: it decides nothing.
bool belongs_to_another(const CLI::App& command, const CLI::Option& option) {
  const std::string group = option.get_group(), with = "With ";
  if (group.rfind(with + "--", 0) != 0) return false;
  return command.get_option(group.substr(with.size()))->count() == 0;
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::string>>> deciding_options(
    const CLI::App& command) {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();  // none of hidden ones
    if (name.empty() || belongs_to_another(command, *option) ||
        std::find(silent_options.begin(), silent_options.end(), name) != silent_options.end())
      continue;
    if (option->count() > 0)
      out.emplace_back(name, option->reduced_results());
    else if (option->get_expected_max() == 0)
      out.emplace_back(name, std::vector<std::string>{"false"});
    else if (const std::string usual = option->get_default_str(); !usual.empty())
      out.emplace_back(name, std::vector<std::string>{usual});
    else
      out.emplace_back(name, std::vector<std::string>());
  }
  return out;
}

}  // namespace atlas_program
