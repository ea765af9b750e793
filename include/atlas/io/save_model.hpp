// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Writes models as Hugging Face folders.

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "atlas/io/configuration/write_config.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/safetensors.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// An entry that points to the values.
inline tensor_entry float_entry(std::string name, const std::vector<index_t>& extents,
                                std::span<const float> values) {
  return {std::move(name), dtype::f32, extents, std::as_bytes(values)};
}

/// Entries that point into a model, or into floats that stored weights were made for them.
struct model_entries {
  std::vector<tensor_entry> entries;
  std::vector<weight_values> kept;
};

inline model_entries entries_of(const transformer& model) {
  model_entries out;
  model.for_each_parameter([&](const auto& name, const auto& extents, const auto& values) {
    out.entries.push_back(float_entry(name, extents, values));
    out.kept.push_back(values);
  });
  return out;
}

/// A folder that is being filled beside its place; removed unless it took it.
class folder_beside {
 public:
  explicit folder_beside(const std::filesystem::path& target)
      : target_(target), path_(temporary_beside(target)) {
    std::error_code failure;
    std::filesystem::create_directories(path_, failure);
    if (failure) refuse(failure);
  }
  folder_beside(const folder_beside&) = delete;
  folder_beside& operator=(const folder_beside&) = delete;
  ~folder_beside() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  void take_place() {
    std::error_code failure;
    std::filesystem::rename(path_, target_, failure);
    if (failure) refuse(failure);
    path_.clear();
  }

 private:
  [[noreturn]] void refuse(const std::error_code& reason) const {
    throw error(target_.string(), "a folder that can be made", reason.message());
  }

  std::filesystem::path target_, path_;
};

}  // namespace detail

/// Writes a new folder with `config.json` and `model.safetensors` (float32), and `tokenizer.json`
/// where there is one, that `open_model` and Hugging Face's transformers read (those of
/// the family atlas `open_model` alone); all or nothing.
/// \param folder must not exist, or be empty
/// \param tokenizer the text of a tokenizer.json; empty for none
/// \throws value_error for a configuration that config.json cannot say; error naming the folder
///         where it has something in it or cannot be made
inline void save_transformer(const std::filesystem::path& folder, const transformer& model,
                             std::string_view tokenizer = {}) {
  const std::string config = transformer_config_text(model.config());
  std::error_code ignored;
  if (std::filesystem::exists(folder, ignored) && !std::filesystem::is_empty(folder, ignored))
    throw error(folder.string(), "a new or empty folder", "one with something in it");
  detail::folder_beside beside(folder.has_filename() ? folder : folder.parent_path());
  write_file(beside.path() / "config.json", config);
  const detail::model_entries weights = detail::entries_of(model);
  write_safetensors(beside.path() / "model.safetensors", weights.entries, {{"format", "pt"}});
  if (!tokenizer.empty()) write_file(beside.path() / "tokenizer.json", tokenizer);
  beside.take_place();
}

}  // namespace atlas::inline ATLAS_ABI::io
