// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Models from Hugging Face folders, or from memory.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "atlas/core/lazy.hpp"
#include "atlas/io/checkpoint.hpp"
#include "atlas/io/config.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/first_token.hpp"
#include "atlas/io/folders/model_folder.hpp"
#include "atlas/io/folders/model_weights.hpp"
#include "atlas/io/tokenizer.hpp"
#include "atlas/io/tokens.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// A transformer and its tokenizer.
struct language_model {
  transformer model;
  atlas::io::tokenizer tokenizer;
};

/// The configuration of a model's folder.
/// \throws format_error naming the folder for what is no folder of a model (a GGUF file, an adapter
///         or PyTorch's pickles, the name of a model on a hub) with what to do about it, and naming
///         `config.json` for what it says
template <class = lazy>
[[nodiscard]] transformer_config open_transformer_config(const std::filesystem::path& folder) {
  detail::check_model_folder(folder);
  const auto config = folder / "config.json";
  return parse_transformer_config(read_text(config), config.string());
}

/// A transformer from a folder with `config.json` and `model.safetensors` (or its shards).
/// \throws as open_transformer_config, checkpoint::open and read_transformer
template <class = lazy>
[[nodiscard]] transformer open_transformer(const std::filesystem::path& folder) {
  const transformer_config config = open_transformer_config(folder);
  return read_transformer(config, checkpoint::open(folder));
}

/// The same with `tokenizer.json`.
template <class = lazy>
[[nodiscard]] language_model open_model(const std::filesystem::path& folder) {
  return {open_transformer(folder), tokenizer::open(folder / "tokenizer.json")};
}

/// The three files of a model in memory.
struct model_files {
  std::string_view config;
  std::string_view tokenizer;
  std::span<const std::byte> tensors;
};

/// The model without its tokenizer.
/// \param name of the model, for messages
template <class = lazy>
[[nodiscard]] transformer transformer_from_memory(const model_files& files,
                                                  const std::string& name) {
  const auto c = parse_transformer_config(files.config, name + "/config.json");
  return read_transformer(c, checkpoint::from_memory(files.tensors, name + "/model.safetensors"));
}

/// \param name of the model, for messages
template <class = lazy>
[[nodiscard]] language_model model_from_memory(const model_files& files, const std::string& name) {
  return {transformer_from_memory(files, name),
          tokenizer::from_text(files.tokenizer, name + "/tokenizer.json")};
}

/// The first `blocks` contiguous blocks of a text's tokens, `[blocks, tokens_per_block]`.
/// \param blocks 0 for as many whole blocks as the text has
/// \param first  what each block begins with, one of its `tokens_per_block`, such as
///               `open_first_token` finds it; none: with the text's own first
/// \throws value_error when the text has fewer tokens than that, or than one block
template <class = lazy>
[[nodiscard]] owned_tensor<index_t, 2> text_blocks(const tokenizer& words, std::string_view text,
                                                   index_t blocks, index_t tokens_per_block,
                                                   std::optional<index_t> first = {}) {
  if (text.empty()) throw value_error("text", "at least one character", "an empty text");
  return detail::blocks_of(words.encode(text), blocks, tokens_per_block, first, "text");
}

}  // namespace atlas::inline ATLAS_ABI::io
