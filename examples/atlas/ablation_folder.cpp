// SPDX-License-Identifier: MIT
#include "ablation_folder.hpp"

#include <system_error>
#include <vector>

#include "atlas/io/json.hpp"
#include "atlas/io/training_checkpoint.hpp"
#include "interrupts.hpp"
#include "leftovers.hpp"

namespace atlas_program {

namespace {

using atlas::index_t;
namespace fs = std::filesystem;
namespace io = atlas::io;

[[noreturn]] void refuse(const fs::path& folder, const std::string& got) {
  throw atlas::error(folder.string(), "a new folder, or one of an ablation", got);
}

/// Entries of a folder.
std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code failure;
  std::vector<fs::path> found;
  for (fs::directory_iterator i(folder, failure), end; !failure && i != end; i.increment(failure))
    found.push_back(i->path());
  if (failure) refuse(folder, failure.message());
  return found;
}

std::string text_of(const json& value) {
  return value.dump(2) + "\n";
}

void check_same(const json& got, const json& wanted, const fs::path& file) {
  for (const auto& [key, value] : wanted.items()) {
    const std::string found =
        got.is_object() && got.contains(key) ? got[key].dump() : std::string("none");
    if (found != value.dump())
      throw atlas::format_error(file.string() + ": " + key, value.dump() + ", as this run has it",
                                found);
  }
}

/// \throws error where there is something else at this path
void make_folder(const fs::path& folder) {
  std::error_code failure;
  if (fs::exists(folder, failure) && !fs::is_directory(folder, failure)) refuse(folder, "a file");
  fs::create_directories(folder, failure);
  if (failure) refuse(folder, failure.message());
}

json read_json(const fs::path& file) {
  return io::parse_json<json>(io::read_text(file), file.string());
}

}  // namespace

ablation_folder::ablation_folder(const std::string& path, const json& options) : path_(path) {
  if (!kept()) return;
  const fs::path file = path_ / "options.json", lock = path_ / "lock";
  const auto check_folder = [&] {
    if (fs::exists(file)) return check_same(read_json(file), options, file);
    for (const fs::path& entry : entries(path_))
      if (!is_leftover(entry) && entry != lock)
        refuse(path_, "one with " + entry.filename().string() + " in it");
  };
  make_folder(path_);
  check_folder();  // so that no lock is left in a folder of other things
  lock_ = std::make_unique<folder_lock>(lock, path_);
  check_folder();  // as another run may have left it meanwhile
  const bool goes_on = fs::exists(file);
  remove_leftovers(path_);
  if (goes_on) return;
  const unbroken_writing writing;
  io::write_file(file, text_of(options));
}

fs::path ablation_folder::at(index_t head_dimension, const char* name) const {
  return path_ / ("d_head-" + std::to_string(head_dimension)) / name;
}

json ablation_folder::measurements(index_t head_dimension) const {
  const fs::path file = at(head_dimension, "measurements.json");
  if (!kept() || !fs::exists(file)) return json::array();
  json found = read_json(file);
  bool valid = found.is_array();
  for (const json& m : found)
    valid = valid && m.is_object() && m.contains("step") && m["step"].is_number_integer();
  if (!valid) throw atlas::format_error(file.string(), "measurements with their steps", "others");
  return found;
}

void ablation_folder::save_measurements(index_t head_dimension, const json& measurements) const {
  if (!kept()) return;
  const fs::path file = at(head_dimension, "measurements.json");
  const unbroken_writing writing;
  make_folder(file.parent_path());
  io::write_file(file, text_of(measurements));
}

bool ablation_folder::finished(index_t head_dimension) const {
  return kept() && fs::exists(at(head_dimension, "model"));
}

void ablation_folder::load(index_t head_dimension, atlas::trainer& training) const {
  const fs::path file = at(head_dimension, "training.safetensors");
  if (kept() && fs::exists(file)) io::load_training(file, training);
}

void ablation_folder::save(index_t head_dimension, const atlas::trainer& training) const {
  if (!kept()) return;
  const fs::path file = at(head_dimension, "training.safetensors");
  // What was trained until an interrupt is worth keeping.
  const unbroken_writing writing(unbroken_writing::after_interrupt::allowed);
  make_folder(file.parent_path());
  io::save_training(file, training);
}

void ablation_folder::finish(index_t head_dimension, const atlas::trainer& training,
                             std::string_view tokenizer) const {
  if (!kept()) return;
  const unbroken_writing writing;
  io::save_transformer(at(head_dimension, "model"), training.model(), tokenizer);
}

void ablation_folder::save_result(const json& result, const std::string& csv) const {
  if (!kept()) return;
  unbroken_writing writing;
  std::error_code ignored;
  for (const fs::path& entry : entries(path_)) fs::remove(entry / "training.safetensors", ignored);
  io::write_file(path_ / "result.csv", csv);
  io::write_file(path_ / "result.json", text_of(result));
  writing.is_the_result();
}

}  // namespace atlas_program
