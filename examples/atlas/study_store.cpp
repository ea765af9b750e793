// SPDX-License-Identifier: MIT
#include "study_store.hpp"

#include <fmt/format.h>

#include <system_error>

#include "atlas/io/files.hpp"
#include "atlas/io/json.hpp"
#include "interrupts.hpp"

namespace atlas_program {

namespace {

namespace fs = std::filesystem;

/// \throws error naming a folder that cannot be made
void make_parts_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure || !fs::is_directory(folder))
    throw atlas::error(folder.string(), "a folder that can be made",
                       failure ? failure.message() : "a file of this name");
}

/// JSON of a file; nothing where there is no file, or no JSON in it.
std::optional<json> parsed(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  const std::string text = atlas::io::read_text(file);
  try {
    return atlas::io::parse_json<json>(text, file.string());
  } catch (const atlas::format_error&) {
    return std::nullopt;
  }
}

/// The first member that differs, for a message.
std::string difference(const json& here, const json& there) {
  for (const auto& [key, value] : here.items())
    if (!there.contains(key) || there[key] != value)
      return fmt::format("{} {} (now {})", key, there.contains(key) ? there[key].dump() : "unknown",
                         value.dump());
  return "other options";
}

/// What `write_file` had not renamed when the run was killed.
void remove_unfinished(const fs::path& folder, const std::string& of = "") {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().find(of + ".tmp-") != std::string::npos)
      fs::remove(entry.path(), ignored);
}

}  // namespace

std::uint64_t content_hash(std::string_view bytes, std::uint64_t so_far) {
  for (const char c : bytes) so_far = (so_far ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return so_far;
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

study_store::study_store(const fs::path& folder, const json& description)
    : folder_(folder), key_(hash_text(content_hash(description.dump()))) {
  const fs::path file = folder / "parts" / "study.json";
  std::error_code ignored;
  if (!fs::exists(file, ignored) && fs::is_directory(folder, ignored)) {
    remove_unfinished(folder / "parts", "study.json");
    fs::remove(folder / "parts", ignored);  // where it is empty
    if (!fs::is_empty(folder, ignored))
      throw atlas::error(folder.string(), "an empty folder or that of a study",
                         "a folder of other things");
  }
  make_parts_folder(folder / "parts");
  if (!fs::exists(file)) {
    const unbroken_writing writing;
    atlas::io::write_file(file, description.dump(2) + "\n");
  }
  const std::optional<json> there = parsed(file);
  if (!there || *there != description)
    throw atlas::error(folder.string(), "the folder of a study of these options",
                       there ? "one with " + difference(description, *there)
                             : "one whose parts/study.json is damaged");
  remove_unfinished(folder);
  remove_unfinished(folder / "parts");
}

fs::path study_store::part_file(const std::string& name) const {
  return folder_ / "parts" / (name + ".json");
}

std::optional<json> study_store::read(const std::string& name) const {
  const std::optional<json> found = parsed(part_file(name));
  if (!found || !found->is_object() || found->value("study", "") != key_ ||
      found->value("part", "") != name || !found->contains("result"))
    return std::nullopt;
  if (found->value("check", "") != hash_text(content_hash((*found)["result"].dump())))
    return std::nullopt;
  return (*found)["result"];
}

void study_store::write(const std::string& name, const json& result) const {
  const json whole = {{"study", key_},
                      {"part", name},
                      {"check", hash_text(content_hash(result.dump()))},
                      {"result", result}};
  const unbroken_writing writing;
  atlas::io::write_file(part_file(name), whole.dump(1) + "\n");
}

void study_store::write_file(const std::string& name, const std::string& text) const {
  const unbroken_writing writing;
  atlas::io::write_file(folder_ / name, text);
}

}  // namespace atlas_program
