// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What stands in the place of a Hugging Face folder with weights in safetensors, and what to do
/// about it.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

inline bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// Some file of the folder whose name ends so; empty for none.
inline std::string file_ending_in(const std::filesystem::path& folder, std::string_view ending) {
  std::error_code ignored;
  std::string first;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending) && (first.empty() || name < first)) first = name;
  }
  return first;
}

inline constexpr const char* convert_to_safetensors =
    " (only safetensors are read: load the folder with transformers and write a new one with "
    "save_pretrained)";
inline constexpr const char* merge_the_adapter =
    " (adapters are not applied: merge them into their base model with merge_and_unload of peft, "
    "write that with save_pretrained, and give its folder)";

/// The first of the files that show an adapter such as LoRA; empty for none.
inline std::string adapter_file(const std::filesystem::path& folder) {
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"})
    if (is_there(folder / name)) return name;
  return {};
}

/// What a folder without safetensors of a model holds in their place, and what to do about it;
/// empty for nothing known.
inline std::string in_place_of_weights(const std::filesystem::path& folder) {
  if (const std::string adapter = adapter_file(folder); !adapter.empty())
    return adapter + " only" + merge_the_adapter;
  if (const std::string gguf = file_ending_in(folder, ".gguf"); !gguf.empty())
    return gguf + " (a GGUF file: give the file in the place of its folder)";
  for (const char* name :
       {"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"})
    if (is_there(folder / name)) return name + std::string(convert_to_safetensors);
  if (is_there(folder / "snapshots"))
    return "a cache of downloads (give the folder of one revision, below snapshots)";
  return {};
}

/// `gpt2` or `owner/name`: what might be meant as the name of a model on a hub.
inline bool is_hub_name(std::string_view name) {
  constexpr std::string_view others = "-_.";
  const auto in_a_name = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  };
  const std::size_t slash = name.find('/');
  const auto part = [&](std::string_view text) {
    return !text.empty() && text[0] != '.' && std::all_of(text.begin(), text.end(), in_a_name);
  };
  return slash == std::string_view::npos
             ? part(name)
             : part(name.substr(0, slash)) && part(name.substr(slash + 1));
}

/// Whether a path is that of a file that is a GGUF file, or says so.
inline bool is_gguf_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::string begin(4, '\0');
  std::ifstream(path, std::ios::binary).read(begin.data(), 4);
  return begin == "GGUF" || path.extension() == ".gguf";
}

/// What is at a path that is neither a folder nor a GGUF file, and what to do about it.
inline std::string in_place_of_folder(const std::filesystem::path& path) {
  if (!is_there(path))
    return is_hub_name(path.generic_string())
               ? "nothing there (models are not downloaded: where this is a name on a hub, run hf "
                 "download " +
                     path.generic_string() + " --local-dir FOLDER and give that folder)"
               : "nothing there";
  const std::string kind = path.extension().string();
  if (kind == ".bin" || kind == ".pt" || kind == ".pth" || kind == ".ckpt")
    return "a file" + std::string(convert_to_safetensors);
  return "a file (give the folder that it lies in)";
}

/// \throws format_error unless the path is a folder with `config.json` and no adapter, which would
///         change what the model computes. Says what there is instead and what to do.
inline void check_model_folder(const std::filesystem::path& folder) {
  const std::string wanted = "a folder with config.json and model.safetensors, or a GGUF file";
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw format_error(folder.string(), wanted, in_place_of_folder(folder));
  if (!is_there(folder / "config.json")) {
    const std::string instead = in_place_of_weights(folder);
    throw format_error(folder.string(), wanted,
                       instead.empty() ? "a folder without config.json" : instead);
  }
  if (const std::string adapter = adapter_file(folder); !adapter.empty())
    throw format_error(folder.string(), "a model without an adapter", adapter + merge_the_adapter);
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
