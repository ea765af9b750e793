// SPDX-License-Identifier: MIT
#include "source_content.hpp"

#include <filesystem>
#include <set>
#include <span>
#include <string_view>

#include "atlas/io/files.hpp"
#include "embedded.hpp"
#include "study_store.hpp"

namespace atlas_program {

namespace {

namespace io = atlas::io;
namespace fs = std::filesystem;

std::string_view characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The files that a model is read from: a GGUF file, or those of a folder.
std::set<fs::path> files_of(const fs::path& model) {
  if (!fs::is_directory(model)) return {model};
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(model))
    if (const auto kind = entry.path().extension(); kind == ".json" || kind == ".safetensors")
      files.insert(entry.path());
  return files;
}

/// Of the names and bytes of all these files.
std::uint64_t files_hash(const fs::path& model) {
  std::uint64_t hash = content_hash("");
  for (const fs::path& file : files_of(model)) {
    hash = content_hash(file.filename().string(), hash);
    if (fs::file_size(file) > 0)
      hash = content_hash(characters(io::mapped_file(file).bytes()), hash);
  }
  return hash;
}

}  // namespace

std::uint64_t model_content(const std::string& name) {
  const auto files = embedded_model(name);
  if (!files || fs::exists(name)) return files_hash(name);
  const std::uint64_t hash = content_hash(files->tokenizer, content_hash(files->config));
  return content_hash(characters(files->tensors), hash);
}

std::uint64_t input_content(const model_input& input) {
  const auto embedded = embedded_text(input.text);
  return embedded && !fs::exists(input.text) ? content_hash(*embedded)
                                             : content_hash(io::read_text(input.name()));
}

json content_json(const std::string& name, std::uint64_t hash) {
  return {{"name", name}, {"content", hash_text(hash)}};
}

}  // namespace atlas_program
