// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Byte-level BPE tokenizers of GGUF files.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/gguf_pre_tokenizers.hpp"
#include "atlas/io/tokenization/gguf_vocabulary.hpp"
#include "atlas/io/tokenization/utf8.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// The rules that `tokenizer.ggml.pre` names.
template <class = lazy>
const gguf_pre_tokenizer& gguf_pre_tokenizer_of(const gguf& file) {
  constexpr const char* key = "tokenizer.ggml.pre";
  // llama.cpp takes its default rules where the key is missing, and warns, since hardly a model was
  // made with them.
  if (!file.metadata().contains(key))
    throw format_error(file.name(), "a key " + in_quotes(key),
                       "none (a file of before May 2024: convert the model anew, or add the key "
                       "with gguf_new_metadata.py --pre-tokenizer)");
  const std::string_view name = need_text(file, key);
  if (const auto* known = find_gguf_pre_tokenizer(name)) return *known;
  std::string names;
  for (const gguf_pre_tokenizer& row : gguf_pre_tokenizers)
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  throw format_error(gguf_place(file, key), "one of " + names, in_quotes(name));
}

/// The `tokenizer.json` of a byte-level BPE. Tokens that are unused are left out.
template <class = lazy>
nlohmann::json gguf_bpe_json(const gguf& file) {
  const gguf_pre_tokenizer& rules = gguf_pre_tokenizer_of(file);
  const std::vector<std::string_view> tokens = gguf_tokens(file);
  const std::vector<gguf_token_kind> kinds = gguf_token_kinds(file, tokens.size());
  nlohmann::json vocabulary = nlohmann::json::object(), merges = nlohmann::json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (kinds[id] == gguf_token_kind::byte)
      throw format_error(gguf_place(file, "tokenizer.ggml.token_type"),
                         "no tokens of kind 6 (bytes), as all tokens spell bytes",
                         "one at index " + std::to_string(id));
    if (kinds[id] != gguf_token_kind::unused) vocabulary[std::string(tokens[id])] = id;
  }
  for_each_text(file, "tokenizer.ggml.merges", [&](std::string_view merge) {
    if (first_malformed_utf8(merge))
      throw format_error(gguf_place(file, "tokenizer.ggml.merges"), "UTF-8",
                         "something else at index " + std::to_string(merges.size()));
    merges.push_back(merge);
  });
  return {{"added_tokens", gguf_added_tokens(tokens, kinds)},
          {"pre_tokenizer", pre_tokenizer_json(rules)},
          {"post_processor", gguf_post_processor(file, tokens, rules.add_bos)},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"},
            {"ignore_merges", rules.ignore_merges},
            {"vocab", vocabulary},
            {"merges", merges}}}};
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
