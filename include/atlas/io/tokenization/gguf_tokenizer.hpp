// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The tokenizer of a GGUF file, from its metadata.

#include <nlohmann/json.hpp>
#include <string_view>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/gguf_bpe.hpp"
#include "atlas/io/tokenization/gguf_sentencepiece.hpp"
#include "atlas/io/tokenization/gguf_vocabulary.hpp"
#include "atlas/io/tokenizer.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// The `tokenizer.json` that gives the ids of a GGUF file's tokenizer.
template <class = lazy>
nlohmann::json gguf_tokenizer_json(const gguf& file) {
  constexpr const char* key = "tokenizer.ggml.model";
  const std::string_view model = need_text(file, key);
  if (model != "gpt2" && model != "llama")
    throw format_error(gguf_place(file, key),
                       "gpt2 (a byte-level BPE) or llama (SentencePiece's BPE; no other tokenizer "
                       "is supported)",
                       in_quotes(model));
  check_tokenizer_keys(file, model == "llama");
  return model == "gpt2" ? gguf_bpe_json(file) : gguf_sentencepiece_json(file);
}

}  // namespace detail

/// The tokenizer of a GGUF file: a byte-level BPE (`tokenizer.ggml.model` is gpt2) with one of the
/// pre-tokenizers of llama.cpp that are known here, or SentencePiece's BPE (llama). Gives the ids
/// of llama.cpp with special tokens parsed and none added; what the file puts before a text is the
/// tokenizer's `first_token`. A GGUF file says nothing of normal forms, nor of white space that
/// special tokens take along: where a model's `tokenizer.json` has them, its ids differ on texts
/// that are not in that form.
/// \throws format_error naming the file and the key that is missing, malformed or not understood
template <class = lazy>
[[nodiscard]] tokenizer read_gguf_tokenizer(const gguf& file) {
  return tokenizer::from_json(detail::gguf_tokenizer_json(file), file.name() + ": tokenizer");
}

}  // namespace atlas::inline ATLAS_ABI::io
