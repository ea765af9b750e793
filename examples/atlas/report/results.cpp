// SPDX-License-Identifier: MIT
#include "results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "../plain_text.hpp"
#include "../study_store.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/json.hpp"

namespace atlas_program {

namespace fs = std::filesystem;

std::vector<const command_result*> report_results::of(const std::string& command) const {
  std::vector<const command_result*> out;
  for (const command_result& r : all)
    if (r.command == command) out.push_back(&r);
  return out;
}

const json& member(const json& object, std::initializer_list<const char*> path) {
  static const json none = nullptr;
  const json* here = &object;
  for (const char* name : path) {
    if (!here->is_object()) return none;
    const auto found = here->find(name);
    if (found == here->end()) return none;
    here = &*found;
  }
  return *here;
}

double real_member(const json& object, std::initializer_list<const char*> path) {
  const json& value = member(object, path);
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::string text_member(const json& object, std::initializer_list<const char*> path) {
  const json& value = member(object, path);
  return value.is_string() ? value.get<std::string>() : "";
}

namespace {

json read_object(const fs::path& file) {
  json out = atlas::io::parse_json<json>(atlas::io::read_text(file), file.string());
  if (!out.is_object()) throw atlas::format_error(file.string(), "a JSON object", out.type_name());
  return out;
}

/// The same with all texts in it as plain ones. Throws `format_error` where two keys of one object
/// would be the same, as one of the values would be lost.
json in_plain_text(const json& content, const std::string& file) {
  if (content.is_string()) return plain_text(content.get<std::string>());
  if (!content.is_structured()) return content;
  json out = content.is_array() ? json::array() : json::object();
  for (const auto& [key, value] : content.items()) {
    if (content.is_array())
      out.push_back(in_plain_text(value, file));
    else if (!out.emplace(plain_text(key), in_plain_text(value, file)).second)
      throw atlas::format_error(file + ": " + plain_text(key),
                                "keys that differ in characters that are shown", "two of them");
  }
  return out;
}

/// What was measured, in a few words; the file where the result does not say.
std::string source_of(const json& content, const fs::path& file) {
  const std::string model = text_member(content, {"source", "model"});
  std::string text = text_member(content, {"source", "text"});
  if (text.empty()) text = text_member(content, {"source", "tokens"});
  const std::string clouds = text_member(content, {"source", "clouds"});
  const auto last = [](const std::string& name) { return fs::path(name).filename().string(); };
  const bool sinks = member(content, {"source", "without_sinks"}) != json(true);
  if (!model.empty())
    return last(model) + (text.empty() ? "" : " on " + last(text)) +
           (sinks ? "" : ", without sinks");
  if (!clouds.empty()) return last(clouds);
  const std::string before = text_member(content, {"source", "a"}),
                    after = text_member(content, {"source", "b"});
  if (!before.empty() && !after.empty())
    return last(before) + " and " + last(after) + (text.empty() ? "" : " on " + last(text));
  // An ablation's file has the name of all of them; its folder has that of this one.
  const std::string folder =
      fs::absolute(file).lexically_normal().parent_path().filename().string();
  return file.stem() == "result" && !folder.empty() ? folder : file.stem().string();
}

/// Adds a result. One of a source that there is already is told from it by a number.
void add_result(command_result result, report_results& results) {
  const std::string source = plain_text(result.source);
  result.file = plain_text(result.file);
  result.source = source;
  result.content = in_plain_text(result.content, result.file);
  const auto taken = [&](const command_result& r) {
    return r.command == result.command && r.source == result.source;
  };
  for (int number = 2; std::any_of(results.all.begin(), results.all.end(), taken); ++number)
    result.source = fmt::format("{} ({})", source, number);
  results.all.push_back(std::move(result));
}

// Studies -----------------------------------------------------------------------------------------

std::string name_of(const json& names, std::size_t place) {
  return text_member(names[place], {"name"});
}

/// The layers of one model and text that are there, as `atlas measure` writes them.
json layers_of_study(const json& parts, const std::string& pair) {
  std::map<double, json> layers;
  for (const auto& [name, part] : parts.items())
    if (name.starts_with(pair + "-layer-")) layers.emplace(real_member(part, {"layer"}), part);
  json out = json::array();
  for (auto& [number, layer] : layers) out.push_back(std::move(layer));
  return out;
}

/// What there is of each model and text, as a result of its own.
void add_pairs(const fs::path& place, const json& study, const json& parts,
               report_results& results) {
  for (std::size_t t = 0; t < study["texts"].size(); ++t)
    for (std::size_t m = 0; m < study["models"].size(); ++m) {
      const std::string pair = fmt::format("model-{}-text-{}", m, t);
      const std::string source = name_of(study["models"], m) + " on " + name_of(study["texts"], t);
      json layers = layers_of_study(parts, pair);
      if (!layers.empty())
        add_result({place.string(), "measure", source, {{"layers", std::move(layers)}}}, results);
      const std::string autoencoders = pair + "-autoencoders";
      if (parts.contains(autoencoders))
        add_result({place.string(), "autoencode", source, parts[autoencoders]}, results);
    }
}

/// JSON of a file; nothing where it is damaged.
std::optional<json> whole_json(const fs::path& file) {
  try {
    return atlas::io::parse_json<json>(atlas::io::read_text(file), file.string());
  } catch (const atlas::format_error&) {
    return std::nullopt;
  }
}

/// Parts that a killed study has, by name; files of another study, and of other things, are left
/// out.
json parts_of_folder(const fs::path& folder, const json& study) {
  const std::string key = hash_text(content_hash(study.dump()));
  json parts = json::object();
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".json") continue;
    const std::optional<json> found = whole_json(entry.path());
    if (!found) continue;
    const json& part = *found;
    const std::string name = text_member(part, {"part"});
    if (name.empty() || entry.path().stem().string() != name || !part.contains("result")) continue;
    if (text_member(part, {"study"}) == key) parts[name] = part["result"];
  }
  return parts;
}

void check_study(const fs::path& place, const json& study) {
  if (!member(study, {"models"}).is_array() || !member(study, {"texts"}).is_array())
    throw atlas::format_error(place.string(), "what a study is of, models and texts", "neither");
}

/// Options of `atlas study` that the description of one says; of models and texts it has names, not
/// the files.
json options_of_study(const json& study) {
  constexpr std::pair<const char*, const char*> names[] = {{"--blocks", "blocks"},
                                                           {"--block-size", "block_size"},
                                                           {"--min-context", "min_context"},
                                                           {"--points", "points"},
                                                           {"--local-dim", "local_dimension"},
                                                           {"--surrogates", "surrogates"},
                                                           {"--manifold-draws", "manifold_draws"},
                                                           {"--training", "training"},
                                                           {"--epochs", "epochs"}};
  json out = json::object();
  for (const auto& [option, name] : names)
    if (const json& value = member(study, {name}); !value.is_null()) out[option] = value;
  return out;
}

void add_killed_study(const fs::path& folder, report_results& results) {
  const json study = read_object(folder / "parts" / "study.json");
  check_study(folder, study);
  const json parts = parts_of_folder(folder / "parts", study);
  results.missing.push_back(
      fmt::format("{}: the study was stopped before its end. {} parts are there, of which layers "
                  "and autoencoders are drawn; "
                  "claims and verdicts, which need all of them, are not. Run it again to go on.",
                  folder.string(), parts.size()));
  add_pairs(folder, study, parts, results);
  add_result({folder.string(),
              "study",
              folder.string(),
              {{"run",
                {{"command", "study"},
                 {"version", text_member(study, {"program"})},
                 {"seed", member(study, {"seed"})},
                 {"options", options_of_study(study)},
                 {"unknown", "where its models and texts are, only their names"}}},
               {"parts", parts}}},
             results);
}

void add_file(const fs::path& file, report_results& results) {
  json content = read_object(file);
  const std::string command = text_member(content, {"run", "command"});
  if (text_member(content, {"run", "program"}) != "atlas" || command.empty())
    throw atlas::format_error(file.string(), "what a command of this program wrote with --json",
                              "JSON of something else");
  const std::string source = source_of(content, file);
  if (command == "study") {
    check_study(file, member(content, {"study"}));
    add_pairs(file, content["study"], member(content, {"parts"}), results);
  }
  add_result({file.string(), command, source, std::move(content)}, results);
}

}  // namespace

void add_results(const fs::path& place, report_results& results) try {
  if (!fs::is_directory(place)) return add_file(place, results);
  for (const char* name : {"study.json", "result.json"})
    if (fs::is_regular_file(place / name)) return add_file(place / name, results);
  if (fs::is_regular_file(place / "parts" / "study.json")) return add_killed_study(place, results);
  throw atlas::format_error(place.string(),
                            "study.json, result.json or parts of a study in the folder", "none");
} catch (const json::exception& e) {
  throw atlas::format_error(place.string(), "results as the commands write them", e.what());
}

}  // namespace atlas_program
