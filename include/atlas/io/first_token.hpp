// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The token with which a model was trained to find a text begin, by the model's own files.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/io/files.hpp"
#include "atlas/io/folders/model_folder.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenizer.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// The same by a `tokenizer_config.json`: `add_bos_token` decides where it is there, and
/// `bos_token` is the token; otherwise the tokenizer's post-processor decides.
///
/// \param config the text of the file
/// \param name   stands for the file's name in errors
/// \throws format_error naming what is malformed, is not supported or contradicts the vocabulary
template <class = lazy>
[[nodiscard]] std::optional<index_t> first_token(const tokenizer& words, std::string_view config,
                                                 const std::string& name) {
  const detail::kept_json<> kept(parse_json(config, name));
  const nlohmann::json& fields = kept.value;
  if (!fields.is_object()) throw format_error(name, "an object", fields.type_name());
  const auto adds = fields.find("add_bos_token");
  if (adds == fields.end() || adds->is_null()) return words.first_token();
  if (!detail::flag_member(fields, "add_bos_token", false, name)) return std::nullopt;
  const nlohmann::json& token = detail::member(fields, "bos_token", name);
  const std::string& content = token.is_object()
                                   ? detail::text_member(token, "content", name + ": bos_token")
                                   : detail::text_member(fields, "bos_token", name);
  const std::optional<index_t> id = words.id_of(content);
  if (!id)
    throw format_error(name + ": bos_token", "a token of the vocabulary", in_quotes(content));
  return id;
}

/// The token with which texts begin for a model, none where they begin with their own first: for a
/// folder by `tokenizer_config.json` where there is one, or else by the tokenizer's post-processor;
/// for a GGUF file by its tokenizer's.
///
/// \param model a folder or a GGUF file
/// \param words the model's tokenizer
/// \throws as first_token
template <class = lazy>
[[nodiscard]] std::optional<index_t> open_first_token(const std::filesystem::path& model,
                                                      const tokenizer& words) {
  const auto file = model / "tokenizer_config.json";
  if (detail::is_gguf_file(model) || !detail::is_there(file)) return words.first_token();
  return first_token(words, read_text(file), file.string());
}

}  // namespace atlas::inline ATLAS_ABI::io
