// SPDX-License-Identifier: MIT
#include "page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <utility>

#include "atlas/version.hpp"

namespace atlas_program {

namespace {

using page_data = kainjow::mustache::data;
using kainjow::mustache::mustache;
using kainjow::mustache::object;

std::string_view kind_of(standing s) {
  switch (s) {
    case standing::holds:
      return "holds";
    case standing::chance:
      return "chance";
    case standing::fact:
      return "fact";
    case standing::unknown:
      break;
  }
  return "unknown";
}

std::string_view label_of(standing s) {
  switch (s) {
    case standing::holds:
      return "Beyond its null.";
    case standing::chance:
      return "What chance gives.";
    case standing::fact:
      return "Measured.";
    case standing::unknown:
      break;
  }
  return "Cannot be told.";
}

page_data readings_data(const std::vector<reading>& readings) {
  page_data out{page_data::type::list};
  for (const reading& r : readings)
    out << page_data{object{{"kind", std::string(kind_of(r.standing))},
                            {"label", std::string(label_of(r.standing))},
                            {"text", r.text}}};
  return out;
}

/// JSON within a script element: nothing in it ends the element.
std::string in_script(const json& content) {
  std::string out;
  for (const char c : content.dump(-1, ' ', true, json::error_handler_t::replace))
    out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

json columns_and_rows(const number_table& numbers) {
  return {{"columns", numbers.columns}, {"rows", numbers.rows}};
}

page_data figure_data(const figure& f) {
  const json content = {
      {"spec", f.spec}, {"description", f.description}, {"numbers", columns_and_rows(f.numbers)}};
  page_data out{page_data::type::object};
  out.set("id", f.id);
  out.set("title", f.title);
  out.set("caption", f.caption);
  out.set("description", f.description);
  out.set("rows", std::to_string(f.numbers.rows.size()));
  out.set("has_readings",
          f.readings.empty() ? page_data::type::bool_false : page_data::type::bool_true);
  out.set("readings", readings_data(f.readings));
  out.set("data", in_script(content));
  return out;
}

/// Figures of one section, under its name.
page_data section_data(const std::string& name, const std::vector<figure>& figures) {
  page_data list{page_data::type::list};
  for (const figure& f : figures)
    if (f.section == name) list << figure_data(f);
  std::string anchor = "section-" + name;
  std::replace_if(
      anchor.begin(), anchor.end(), [](unsigned char c) { return !std::isalnum(c); }, '-');
  page_data out{page_data::type::object};
  out.set("name", name);
  out.set("anchor", anchor);
  out.set("figures", list);
  return out;
}

page_data sections_data(const std::vector<figure>& figures) {
  page_data out{page_data::type::list};
  std::vector<std::string> seen;
  for (const figure& f : figures) {
    if (std::find(seen.begin(), seen.end(), f.section) != seen.end()) continue;
    seen.push_back(f.section);
    out << section_data(f.section, figures);
  }
  return out;
}

std::string option_text(const json& value) {
  if (value.is_array()) {
    std::string out;
    for (const json& v : value) out += (out.empty() ? "" : ",") + option_text(v);
    return out;
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Options and their values, without those that were not given; of what stands by its place in a
/// command, the value alone.
std::string options_text(const json& options) {
  std::string out;
  for (const auto& [name, value] : options.items()) {
    if (value.is_null() || value == json(false) || value == json("")) continue;
    if (!name.starts_with('-')) {
      out += " " + shell_word(option_text(value));
      continue;
    }
    out += " " + shell_word(name);
    if (value != json(true)) out += " " + shell_word(option_text(value));
  }
  return out;
}

/// As one types it in a POSIX shell; what the result does not say stands after it, as a comment.
std::string command_text(const json& run) {
  const json& options = member(run, {"options"});
  const json& seed = member(run, {"seed"});
  std::string out = "atlas " + shell_word(option_text(member(run, {"command"})));
  if (options.is_object()) out += options_text(options);
  if (!seed.is_null()) out += " --seed " + shell_word(option_text(seed));
  const std::string unknown =
      options.is_object() ? text_member(run, {"unknown"}) : std::string("its options");
  return unknown.empty() ? out : out + "  # not known: " + unknown;
}

page_data commands_data(const report_results& results) {
  page_data out{page_data::type::list};
  for (const command_result& r : results.all) {
    const json& run = member(r.content, {"run"});
    if (!run.is_object()) continue;  // a part of another
    out << page_data{object{{"file", std::filesystem::path(r.file).filename().string()},
                            {"command", command_text(run)},
                            {"version", option_text(member(run, {"version"}))},
                            {"seed", option_text(member(run, {"seed"}))}}};
  }
  return out;
}

page_data missing_data(const std::vector<std::string>& missing) {
  page_data out{page_data::type::list};
  for (const std::string& sentence : missing) out << page_data{sentence};
  return out;
}

/// What is compared with what, before anything else.
std::string made_text(const report_results& results) {
  std::vector<std::string> sources;
  for (const command_result& r : results.all)
    if (std::find(sources.begin(), sources.end(), r.source) == sources.end())
      sources.push_back(r.source);
  return fmt::format(
      "{}. Numbers stand beside their nulls, what the same measurement gives where there is "
      "nothing to find, wherever there is one.",
      fmt::join(sources, "; "));
}

/// A script within a page: nothing in it ends the element.
std::string script_text(std::string_view text) {
  std::string out(text);
  for (std::size_t at = 0; (at = out.find("</script", at)) != std::string::npos; at += 2)
    out.replace(at, 2, "<\\/");
  return out;
}

std::string csv_value(const json& value) {
  if (value.is_null()) return "";
  return csv_field(value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

std::string shell_word(const std::string& text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::vector<reading> first_readings(const std::vector<figure>& figures) {
  constexpr std::size_t most = 5;
  std::vector<reading> out;
  for (const figure& f : figures)
    for (std::size_t i = 0; i < (std::min)(f.readings.size(), f.first); ++i)
      if (out.size() < most) out.push_back(f.readings[i]);
  return out;
}

std::string page_html(const report_content& report) {
  const bool drawn = !page_file("vega.js").empty();
  const std::vector<std::string>& missing = report.results.missing;
  page_data page{page_data::type::object};
  page.set("title", report.title);
  page.set("version", std::string(atlas::version));
  page.set("made", made_text(report.results));
  page.set("style", std::string(page_file("page.css")));
  page.set("library", script_text(page_file("vega.js")));
  page.set("script", script_text(page_file("page.js")));
  page.set("themes", in_script(json::parse(page_file("themes.json"))));
  page.set("summary", readings_data(first_readings(report.figures)));
  page.set("has_missing",
           missing.empty() ? page_data::type::bool_false : page_data::type::bool_true);
  page.set("open", page_data::type::bool_true);
  page.set("missing", missing_data(missing));
  page.set("sections", sections_data(report.figures));
  page.set("commands", commands_data(report.results));
  page.set("drawn", drawn ? "Figures are drawn by Vega, which is within this file, under its "
                            "BSD-3-Clause license."
                          : "This program was built without Vega, so that figures are not drawn; "
                            "their numbers are all here.");
  mustache text{std::string(page_file("page.mustache"))};
  std::string out = text.render(page);
  if (!text.is_valid()) throw atlas::error("page.mustache", "a template", text.error_message());
  return out;
}

json whole_spec(const figure& f) {
  json spec = f.spec, rows = json::array();
  for (const auto& row : f.numbers.rows) {
    json named = json::object();
    for (std::size_t c = 0; c < row.size(); ++c) named[f.numbers.columns[c]] = row[c];
    rows.push_back(std::move(named));
  }
  spec["data"][0]["values"] = std::move(rows);
  spec["description"] = f.description;
  json signals = json::array({{{"name", "space"}, {"value", 760}}});
  const json themes = json::parse(page_file("themes.json"));
  for (const auto& [name, value] : themes["light"].items())
    signals.push_back({{"name", name}, {"value", value}});
  for (const json& s : spec["signals"]) signals.push_back(s);
  spec["signals"] = std::move(signals);
  return spec;
}

std::string csv_of(const number_table& numbers) {
  std::string out;
  for (std::size_t c = 0; c < numbers.columns.size(); ++c)
    out += (c > 0 ? "," : "") + csv_field(numbers.columns[c]);
  out += "\n";
  for (const auto& row : numbers.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "," : "") + csv_value(row[c]);
    out += "\n";
  }
  return out;
}

}  // namespace atlas_program
