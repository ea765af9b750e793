// SPDX-License-Identifier: MIT
#include "study_store.hpp"

#include <fmt/format.h>

#include <system_error>

#include "atlas/io/files.hpp"
#include "atlas/io/json.hpp"
#include "interrupts.hpp"
#include "leftovers.hpp"
#include "places.hpp"
#include "ranks.hpp"
#include "share_work.hpp"

namespace atlas_program {

namespace {

namespace fs = std::filesystem;
using atlas::index_t;

constexpr const char* lock_name = "lock";

/// \throws error naming a folder that cannot be made
void make_folder_at(const fs::path& folder) {
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

/// Whether all in a folder is what a run leaves that is killed before it has said what it is of.
bool is_just_begun(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename() != "parts" || !entry.is_directory(ignored)) return false;
  for (const auto& entry : fs::directory_iterator(folder / "parts", ignored))
    if (!is_leftover(entry.path()) && entry.path().filename() != lock_name) return false;
  return true;
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
  // Rank 0 first: the others enter what it has made, and leave alone what it clears away.
  if (rank() > 0) meet();
  make(folder, description);
  if (rank() == 0) meet();
}

void study_store::make(const fs::path& folder, const json& description) {
  const fs::path file = folder / "parts" / "study.json";
  std::error_code ignored;
  if (!fs::exists(file, ignored) && fs::is_directory(folder, ignored) && !is_just_begun(folder))
    throw atlas::error(folder.string(), "an empty folder or that of a study",
                       "a folder of other things");
  make_folder_at(folder / "parts");
  if (rank() == 0) lock_ = std::make_shared<folder_lock>(folder / "parts" / lock_name, folder);
  if (!fs::exists(file)) {
    const unbroken_writing writing;
    atlas::io::write_file(file, description.dump(2) + "\n");
  }
  const std::optional<json> there = parsed(file);
  if (!there || *there != description)
    throw atlas::error(folder.string(), "the folder of a study of these options",
                       there ? "one with " + difference(description, *there)
                             : "one whose parts/study.json is damaged");
  if (rank() > 0) return;
  remove_leftovers(folder);
}

fs::path study_store::part_file(const std::string& name) const {
  return folder_ / "parts" / (name + ".json");
}

std::set<std::string> study_store::names() const {
  std::set<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_ / "parts", ignored))
    if (entry.path().extension() == ".json") found.insert(entry.path().stem().string());
  return found;
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
  check_sources();
  const json whole = {{"study", key_},
                      {"part", name},
                      {"check", hash_text(content_hash(result.dump()))},
                      {"result", result}};
  const unbroken_writing writing;
  atlas::io::write_file(part_file(name), whole.dump(1) + "\n");
}

fs::path study_store::folder_of(const std::string& name) const {
  make_folder_at(folder_ / name);
  return folder_ / name;
}

void study_store::write_file(const std::string& name, const std::string& text) const {
  const unbroken_writing writing;
  atlas::io::write_file(folder_ / name, text);
}

namespace {

/// Parts that are missing, as rank 0 sees the folder.
std::vector<index_t> missing_parts(const std::vector<std::optional<json>>& found) {
  std::string there;
  for (const auto& part : found) there += part ? '1' : '0';
  there = broadcast(there);
  std::vector<index_t> missing;
  for (std::size_t i = 0; i < there.size(); ++i)
    if (there[i] == '0') missing.push_back(static_cast<index_t>(i));
  return missing;
}

json measured_part(const parts_to_do& parts, const study_store* store, index_t part) {
  if (parts.begin) parts.begin(part);
  json result = parts.measure(part);
  if (store == nullptr) return result;
  store->write(parts.names[static_cast<std::size_t>(part)], result);
  return result;
}

}  // namespace

std::vector<json> all_parts(const parts_to_do& parts, const study_store* store,
                            const std::function<void(std::size_t)>& resumed) {
  std::vector<std::optional<json>> found(parts.names.size());
  const bool looks = store != nullptr && rank() == 0;
  const std::set<std::string> there = looks ? store->names() : std::set<std::string>{};
  for (std::size_t i = 0; i < found.size() && !there.empty(); ++i) {
    if (there.count(parts.names[i]) == 0) continue;
    stop_if_interrupted();
    found[i] = store->read(parts.names[i]);
  }
  const std::vector<index_t> missing = missing_parts(found);
  const std::size_t kept = found.size() - missing.size();
  if (kept > 0 && resumed) resumed(kept);
  const auto part_of = [&](index_t shard) { return missing[static_cast<std::size_t>(shard)]; };
  const auto bytes = share_work(
      {.shards = static_cast<index_t>(missing.size()),
       .name = [&](index_t i) { return parts.names[static_cast<std::size_t>(part_of(i))]; },
       .work =
           [&](index_t i) {
             return measured_part(parts, store, part_of(i)).dump();
           },  // as the folder has it
       .threads = parts.threads});
  if (rank() > 0) return {};
  std::vector<json> out;
  for (std::size_t i = 0; i < missing.size(); ++i)
    found[static_cast<std::size_t>(missing[i])] = json::parse(bytes[i]);
  for (auto& part : found) out.push_back(std::move(*part));
  return out;
}

}  // namespace atlas_program
