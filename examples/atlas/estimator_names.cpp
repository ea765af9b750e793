// SPDX-License-Identifier: MIT
#include "estimator_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "options.hpp"
#include "typing_errors.hpp"

namespace atlas_program {

namespace {

using atlas::any_estimator;

constexpr const char* estimators_option = "--estimators";

/// "; did you mean mle?"
std::string or_nearest(const std::string& typed, const std::vector<std::string>& names) {
  const std::string name = nearest_name(typed, names);
  return name.empty() ? "" : fmt::format("; did you mean {}?", name);
}

[[noreturn]] void refuse_estimator(const std::string& where, const std::vector<std::string>& names,
                                   const std::string& typed) {
  throw atlas::error(fmt::format("{}, {}", estimators_option, where),
                     fmt::format("one of {}", fmt::join(names, ", ")),
                     text_typed(typed) + or_nearest(typed, names));
}

template <class Parameter>
std::vector<std::string> value_names() {
  std::vector<std::string> names;
  for (const auto& [name, value] : names_of(Parameter{})) names.emplace_back(name);
  return names;
}

template <class Number>
bool parse_number(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if constexpr (std::is_floating_point_v<Number>)
    if (!std::isfinite(number)) return false;
  return read.ec == std::errc() && read.ptr == end;
}

/// Sets a parameter to what was typed, if it can be that.
template <class Parameter>
void set_parameter(Parameter& parameter, const std::string& where, const std::string& text) {
  if constexpr (std::is_enum_v<Parameter>) {
    for (const auto& [name, value] : names_of(Parameter{}))
      if (name == text) {
        parameter = value;
        return;
      }
    refuse_estimator(where, value_names<Parameter>(), text);
  } else if constexpr (std::is_same_v<Parameter, bool>) {
    if (text != "0" && text != "1" && text != "true" && text != "false")
      refuse_estimator(where, {"0", "1", "true", "false"}, text);
    parameter = text == "1" || text == "true";
  } else if (!parse_number(text, parameter)) {
    throw atlas::error(fmt::format("{}, {}", estimators_option, where),
                       std::is_integral_v<Parameter> ? "a whole number" : "a number",
                       text_typed(text));
  }
}

/// A parameter as it is typed.
template <class Parameter>
std::string value_text(const Parameter& parameter) {
  if constexpr (std::is_enum_v<Parameter>) {
    for (const auto& [name, value] : names_of(Parameter{}))
      if (value == parameter) return std::string(name);
    return "";
  } else if constexpr (std::is_same_v<Parameter, bool>) {
    return parameter ? "1" : "0";
  } else {
    return fmt::format("{}", parameter);
  }
}

/// Keys and values of all parameters.
std::vector<std::pair<std::string, std::string>> parameter_texts(const any_estimator& estimator) {
  std::vector<std::pair<std::string, std::string>> out;
  atlas::visit_parameters(estimator, [&](std::string_view key, const auto& parameter) {
    out.emplace_back(key, value_text(parameter));
  });
  return out;
}

/// The one of a name, with its defaults.
any_estimator named_estimator(const std::string& name) {
  std::vector<std::string> names;
  for (const any_estimator& e : atlas::all_estimators()) {
    if (atlas::name_of(e) == name) return e;
    names.emplace_back(atlas::name_of(e));
  }
  names.emplace_back("all");
  throw atlas::error(estimators_option, fmt::format("estimators of {}", fmt::join(names, ", ")),
                     text_typed(name) + or_nearest(name, names));
}

/// Sets the parameter of "key=value".
void set_typed(any_estimator& estimator, const std::string& typed) {
  const std::string name(atlas::name_of(estimator));
  const std::size_t equals = typed.find('=');
  const std::string key = typed.substr(0, equals);
  std::vector<std::string> keys;
  bool found = false;
  atlas::visit_parameters(estimator, [&](std::string_view known, auto& parameter) {
    keys.emplace_back(known);
    if (known != key) return;
    found = true;
    if (equals != std::string::npos)
      set_parameter(parameter, name + ":" + key, typed.substr(equals + 1));
  });
  if (keys.empty())
    throw atlas::error(fmt::format("{}, {}", estimators_option, name), "no parameters",
                       text_typed(typed));
  if (!found) refuse_estimator(name, keys, key);
  if (equals == std::string::npos)
    throw atlas::error(fmt::format("{}, {}", estimators_option, name), key + "=VALUE", typed);
}

/// What stands between colons.
std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

void refuse_parameter_twice(const std::vector<std::string>& parts) {
  std::vector<std::string> keys;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string key = parts[i].substr(0, parts[i].find('='));
    if (std::find(keys.begin(), keys.end(), key) != keys.end())
      throw atlas::error(fmt::format("{}, {}", estimators_option, parts[0]), "each parameter once",
                         key + " twice");
    keys.push_back(key);
  }
}

}  // namespace

any_estimator estimator_of(const std::string& text) {
  const std::vector<std::string> parts = parts_of(text);
  any_estimator estimator = named_estimator(parts[0]);
  refuse_parameter_twice(parts);
  for (std::size_t i = 1; i < parts.size(); ++i) set_typed(estimator, parts[i]);
  try {
    atlas::check_estimator(estimator);
  } catch (const atlas::value_error& e) {
    throw atlas::error(fmt::format("{}, {}:{}", estimators_option, parts[0], e.argument()),
                       e.expected(), e.got());
  }
  return estimator;
}

std::vector<any_estimator> estimators_of(const std::vector<std::string>& texts) {
  std::vector<any_estimator> out;
  std::vector<std::string> seen;
  const auto add = [&](const any_estimator& estimator) {
    const std::string text = typed_text(estimator);
    if (std::find(seen.begin(), seen.end(), text) != seen.end())
      throw atlas::error(estimators_option, "different ones", text + " twice");
    seen.push_back(text);
    out.push_back(estimator);
  };
  for (const std::string& text : texts)
    if (text == "all")
      for (const any_estimator& e : atlas::all_estimators()) add(e);
    else
      add(estimator_of(text));
  return out;
}

std::string typed_text(const any_estimator& estimator) {
  std::string out(atlas::name_of(estimator));
  const auto usual = parameter_texts(named_estimator(out)), own = parameter_texts(estimator);
  for (std::size_t i = 0; i < own.size(); ++i)
    if (own[i] != usual[i]) out += fmt::format(":{}={}", own[i].first, own[i].second);
  return out;
}

json parameters_json(const any_estimator& estimator) {
  json out = json::object();
  atlas::visit_parameters(estimator, [&](std::string_view key, const auto& parameter) {
    using value = std::remove_cvref_t<decltype(parameter)>;
    if constexpr (std::is_enum_v<value>)
      out[std::string(key)] = value_text(parameter);
    else
      out[std::string(key)] = parameter;
  });
  return out;
}

void add_estimators_option(CLI::App& app, std::vector<std::string>& texts) {
  std::vector<std::string> names;
  for (const any_estimator& e : atlas::all_estimators()) names.emplace_back(atlas::name_of(e));
  app.add_option("--estimators", texts,
                 fmt::format("NAME[:key=value]..., or all: {}", fmt::join(names, ", ")))
      ->check(not_empty())
      ->delimiter(',')
      ->capture_default_str();
}

}  // namespace atlas_program
