// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Models from Hugging Face folders, from GGUF files, or from memory.

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
#include "atlas/io/configuration/gguf_config.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/first_token.hpp"
#include "atlas/io/folders/gguf_weights.hpp"
#include "atlas/io/folders/model_folder.hpp"
#include "atlas/io/folders/model_weights.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/tokenization/gguf_tokenizer.hpp"
#include "atlas/io/tokenizer.hpp"
#include "atlas/io/tokens.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// A transformer and its tokenizer.
struct language_model {
  transformer model;
  atlas::io::tokenizer tokenizer;
};

/// The configuration of a model.
/// \param model a Hugging Face folder, or a GGUF file (by its first bytes, or its name's end)
/// \throws format_error naming what is no model (an adapter, PyTorch's pickles, the name of a model
///         on a hub) with what to do about it, and naming `config.json` for what it says; for a
///         GGUF file as gguf::open and read_gguf_config
template <class = lazy>
[[nodiscard]] transformer_config open_transformer_config(const std::filesystem::path& model) {
  if (detail::is_gguf_file(model)) return read_gguf_config(gguf::open(model));
  detail::check_model_folder(model);
  const auto config = model / "config.json";
  return parse_transformer_config(read_text(config), config.string());
}

/// A transformer from a folder with `config.json` and `model.safetensors` (or its shards), or from
/// a GGUF file.
///
/// \throws as open_transformer_config, checkpoint::open and read_transformer; for a GGUF file as
///         read_gguf_transformer
template <class = lazy>
[[nodiscard]] transformer open_transformer(const std::filesystem::path& model) {
  if (detail::is_gguf_file(model)) return read_gguf_transformer(gguf::open(model));
  const transformer_config config = open_transformer_config(model);
  return read_transformer(config, checkpoint::open(model));
}

/// The tokenizer of a model: `tokenizer.json` of a folder, or that in the metadata of a GGUF file.
/// \throws as tokenizer::open; for a GGUF file as gguf::open and read_gguf_tokenizer
template <class = lazy>
[[nodiscard]] tokenizer open_tokenizer(const std::filesystem::path& model) {
  if (detail::is_gguf_file(model)) return read_gguf_tokenizer(gguf::open(model));
  return tokenizer::open(model / "tokenizer.json");
}

/// A transformer and its tokenizer from one folder or GGUF file.
template <class = lazy>
[[nodiscard]] language_model open_model(const std::filesystem::path& model) {
  return {open_transformer(model), open_tokenizer(model)};
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

/// The first `blocks` contiguous blocks of a text's tokens, `[blocks, tokens_per_block]`. Of the
/// text as much is tokenized as they need, see `tokenizer::encode_first`.
///
/// \param blocks 0 for as many whole blocks as the text has
/// \param first  what each block begins with, one of its `tokens_per_block`, such as
///               `open_first_token` finds it; none: with the text's own first
/// \throws value_error when the text has fewer tokens than that, or than one block
template <class = lazy>
[[nodiscard]] owned_tensor<index_t, 2> text_blocks(const tokenizer& words, std::string_view text,
                                                   index_t blocks, index_t tokens_per_block,
                                                   std::optional<index_t> first = {}) {
  if (text.empty()) throw value_error("text", "at least one character", "an empty text");
  const index_t most = detail::tokens_of_blocks(blocks, tokens_per_block, first);
  const auto ids = blocks == 0 ? words.encode(text) : words.encode_first(text, most);
  return detail::blocks_of(ids, blocks, tokens_per_block, first, "text");
}

}  // namespace atlas::inline ATLAS_ABI::io
