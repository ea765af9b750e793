// SPDX-License-Identifier: MIT
#include "places.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/io/files.hpp"
#include "ranks.hpp"

namespace atlas_program {

namespace {

namespace fs = std::filesystem;

/// A result, as it was typed: `file` where `option` says.
struct place {
  std::string option, file;
};

constexpr std::array<const char*, 3> options_of_places = {"--json", "--csv", "--out"};

bool is_place(const std::string& option) {
  for (const char* name : options_of_places)
    if (option == name) return true;
  return false;
}

std::vector<place> places_of(const CLI::App& command) {
  std::vector<place> out;
  for (const char* name : options_of_places) {
    const CLI::Option* option = command.get_option_no_throw(name);
    if (option == nullptr || option->count() == 0) continue;
    const std::vector<std::string>& texts = option->results();
    out.push_back({name, texts.empty() || texts.back().empty() ? "-" : texts.back()});
  }
  return out;
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code ignored, failure_of_a, failure_of_b;
  if (fs::equivalent(a, b, ignored)) return true;
  const fs::path whole_a = fs::weakly_canonical(a, failure_of_a);
  const fs::path whole_b = fs::weakly_canonical(b, failure_of_b);
  return failure_of_a || failure_of_b ? a == b : whole_a == whole_b;
}

/// Whether a file is one of those that a folder with a model consists of.
bool is_of_model(const fs::path& file, const fs::path& folder) {
  std::error_code failure;
  if (!fs::equivalent(file.has_parent_path() ? file.parent_path() : ".", folder, failure))
    return false;
  const std::string name = file.filename().string();
  for (const std::string_view own :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "vocab.json", "merges.txt"})
    if (name == own) return true;
  return name.ends_with(".safetensors") || name.ends_with(".index.json");
}

/// \throws error where a result would take the place of what an option names
void check_is_no_source(const place& result, const CLI::Option& option) {
  std::error_code ignored;
  for (const std::string& text : option.results()) {
    if (text.empty() || !fs::exists(text, ignored)) continue;
    const bool is_the_file = fs::is_regular_file(text, ignored) && is_same_file(result.file, text);
    if (is_the_file || (fs::is_directory(text, ignored) && is_of_model(result.file, text)))
      throw atlas::error(result.option, "another file than those that are read", result.file);
  }
}

void check_sources_of(const place& result, const CLI::App& command) {
  std::error_code ignored;
  if (!fs::is_regular_file(result.file, ignored)) return;
  for (const CLI::Option* option : command.get_options())
    if (!is_place(option->get_name())) check_is_no_source(result, *option);
}

/// \throws error for two results of which one would be lost
void check_are_apart(const place& a, const place& b) {
  if (is_standard_output(a.file) && is_standard_output(b.file))
    throw atlas::error(b.option, "a file, as standard output has what " + a.option + " writes",
                       b.file);
  std::error_code ignored;
  const bool is_device = fs::is_character_file(a.file, ignored);  // which keeps nothing
  if (!is_device && is_same_file(a.file, b.file))
    throw atlas::error(b.option, "another file than " + a.option + " writes", b.file);
}

/// Files that are mapped into memory.
bool is_mapped(const fs::path& file) {
  std::error_code ignored;
  const std::string end = file.extension().string();
  return (end == ".safetensors" || end == ".gguf" || end == ".npy") &&
         fs::is_regular_file(file, ignored);
}

/// Which file this is, and when it was last written to.
struct state_of_file {
  dev_t device = 0;
  ino_t number = 0;
  off_t size = 0;
  time_t seconds = 0;
  long nanoseconds = 0;

  bool operator==(const state_of_file&) const = default;
};

std::optional<state_of_file> state_of(const std::string& file) {
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) return std::nullopt;
  return state_of_file{s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
}

std::map<std::string, state_of_file>& watched() {
  static std::map<std::string, state_of_file> files;
  return files;
}

/// As it was when it was first named.
void watch(const fs::path& file) {
  if (!is_mapped(file)) return;
  if (const auto state = state_of(file.string())) watched().emplace(file.string(), *state);
}

}  // namespace

bool is_standard_output(const std::string& file) {
  if (file == "-") return true;
  struct stat named {
  }, out{};
  return ::stat(file.c_str(), &named) == 0 && ::fstat(STDOUT_FILENO, &out) == 0 &&
         named.st_dev == out.st_dev && named.st_ino == out.st_ino;
}

void check_place(const std::string& option, const std::string& file) {
  if (file.empty() || is_standard_output(file)) return;
  std::error_code ignored;
  const fs::file_status there = fs::status(file, ignored);
  if (fs::is_directory(there)) throw atlas::error(option, "a file", file + ", which is a folder");
  if (fs::exists(there) && ::access(file.c_str(), W_OK) != 0)
    throw atlas::error(option, "a file that can be written to", file);
  if (fs::exists(there) && !fs::is_regular_file(there)) return;
  const fs::path folder = fs::absolute(atlas::io::end_of_links(file)).parent_path();
  if (!fs::is_directory(folder, ignored))
    throw atlas::error(option, "a file in a folder that is there", file);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw atlas::error(option, "a file in a folder that can be written to", file);
}

void check_places(const CLI::App& command) {
  if (rank() > 0) return;  // which writes none of them
  const std::vector<place> places = places_of(command);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].option != "--out")
      check_place(places[i].option, places[i].file);
    else if (places[i].file == "-")
      throw atlas::error("--out", "a name (./- for one that is a dash)", "-");
    for (std::size_t j = 0; j < i; ++j) check_are_apart(places[j], places[i]);
    check_sources_of(places[i], command);
  }
}

void watch_sources(const CLI::App& command) {
  std::error_code failure;
  for (const CLI::Option* option : command.get_options()) {
    if (is_place(option->get_name())) continue;
    for (const std::string& text : option->results()) {
      watch(text);
      if (text.empty() || !fs::is_directory(text, failure)) continue;
      for (fs::directory_iterator i(text, failure), end; !failure && i != end; i.increment(failure))
        watch(i->path());
    }
  }
}

void check_sources() {
  for (const auto& [file, before] : watched()) {
    const auto now = state_of(file);
    if (!now || now->device != before.device || now->number != before.number) continue;
    if (*now != before)
      throw atlas::error(file, "a file that stays as it is while it is read",
                         "one that was written to");
  }
}

}  // namespace atlas_program
