// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The tokenizer of a GGUF file, from its metadata.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/gguf_pre_tokenizers.hpp"
#include "atlas/io/tokenizer.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// Kinds of tokens in `tokenizer.ggml.token_type`.
enum class gguf_token_kind { normal = 1, unknown, control, user_defined, unused, byte };

/// Whether a key cannot change the ids of a text: ids of special tokens, scores, which merges do
/// not use, templates of chats, another tokenizer's copy.
inline bool is_harmless_tokenizer_key(std::string_view key) {
  constexpr std::array harmless = std::to_array<std::string_view>(
      {"tokenizer.ggml.scores", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token",
       "tokenizer.ggml.eog_token_ids", "tokenizer.huggingface.json"});
  return key.starts_with("tokenizer.chat_template") ||
         (key.starts_with("tokenizer.ggml.") && key.ends_with("_token_id")) ||
         std::find(harmless.begin(), harmless.end(), key) != harmless.end();
}

/// \throws format_error naming a key that could change ids in a way that is not known here
template <class = lazy>
void check_tokenizer_keys(const gguf& file) {
  constexpr std::array used = std::to_array<std::string_view>(
      {"tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens",
       "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.add_bos_token"});
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with("tokenizer.") || is_harmless_tokenizer_key(key) ||
        std::find(used.begin(), used.end(), key) != used.end())
      continue;
    if (key != "tokenizer.ggml.add_space_prefix" &&
        key != "tokenizer.ggml.remove_extra_whitespaces")
      throw format_error(file.name(), "keys of the tokenizer that are understood", in_quotes(key));
    if (value.flag() != false)
      throw format_error(gguf_place(file, key), "false or absent (nothing else is supported)",
                         described_value(value));
  }
}

/// The texts of all tokens, each of which there is once.
template <class = lazy>
std::vector<std::string_view> gguf_tokens(const gguf& file) {
  constexpr const char* key = "tokenizer.ggml.tokens";
  std::vector<std::string_view> tokens;
  std::unordered_set<std::string_view> seen;
  for_each_text(file, key, [&](std::string_view token) {
    const std::string where = gguf_place(file, key);
    const std::string at = " at index " + std::to_string(tokens.size());
    if (first_malformed_utf8(token)) throw format_error(where, "UTF-8", "something else" + at);
    if (token.empty()) throw format_error(where, "tokens with some text", "an empty one" + at);
    if (!seen.insert(token).second)
      throw format_error(where, "each token once", "a second " + in_quotes(token) + at);
    tokens.push_back(token);
  });
  if (tokens.empty()) throw format_error(gguf_place(file, key), "some tokens", "none");
  if (tokens.size() > (std::numeric_limits<std::uint32_t>::max)())
    throw format_error(gguf_place(file, key), "ids of 32 bits", std::to_string(tokens.size()));
  return tokens;
}

/// The kinds of as many tokens.
template <class = lazy>
std::vector<gguf_token_kind> gguf_token_kinds(const gguf& file, std::size_t tokens) {
  constexpr const char* key = "tokenizer.ggml.token_type";
  const std::string where = gguf_place(file, key);
  const gguf_value& value = need_value(file, key);
  if (!value.is_array || value.count != tokens)
    throw format_error(where, "one for each of " + std::to_string(tokens) + " tokens",
                       value.is_array ? std::to_string(value.count) : "no array");
  std::vector<gguf_token_kind> kinds;
  value.for_each([&]<class Value>(const Value& kind) {
    const std::string at = " at index " + std::to_string(kinds.size());
    if constexpr (std::is_same_v<Value, std::int64_t> || std::is_same_v<Value, std::uint64_t>) {
      if (kind < 1 || kind > 6)
        throw format_error(where, "kinds of tokens from 1 to 6", std::to_string(kind) + at);
      kinds.push_back(static_cast<gguf_token_kind>(kind));
    } else {
      throw format_error(where, "whole numbers", gguf_type_text(value));
    }
    if (kinds.back() == gguf_token_kind::byte)
      throw format_error(where, "no tokens of kind 6 (bytes), as all tokens spell bytes",
                         "one" + at);
  });
  return kinds;
}

/// The post-processor of a `tokenizer.json` that puts the token before a text that the file says;
/// null for none.
/// \param otherwise whether one is put there where the file does not say
template <class = lazy>
nlohmann::json gguf_post_processor(const gguf& file, const std::vector<std::string_view>& tokens,
                                   bool otherwise) {
  constexpr const char *add = "tokenizer.ggml.add_bos_token", *key = "tokenizer.ggml.bos_token_id";
  bool added = otherwise;
  if (file.metadata().contains(add)) {
    const auto flag = need_value(file, add).flag();
    if (!flag)
      throw format_error(gguf_place(file, add), "BOOL", gguf_type_text(need_value(file, add)));
    added = *flag;
  }
  if (!added) return nullptr;
  const gguf_value& value = need_value(file, key);
  const std::optional<std::int64_t> id = value.whole();
  if (!id || *id < 0 || std::cmp_greater_equal(*id, tokens.size()))
    throw format_error(gguf_place(file, key),
                       "one of the " + std::to_string(tokens.size()) + " tokens",
                       described_value(value));
  const std::string token(tokens[static_cast<std::size_t>(*id)]);
  const nlohmann::json special = {{"id", token}, {"type_id", 0}},
                       text = {{"id", "A"}, {"type_id", 0}};
  return {{"type", "TemplateProcessing"},
          {"single", {{{"SpecialToken", special}}, {{"Sequence", text}}}},
          {"special_tokens",
           {{token,
             {{"id", token}, {"ids", {static_cast<std::uint64_t>(*id)}}, {"tokens", {token}}}}}}};
}

/// The `tokenizer.json` of a byte-level BPE. All tokens have their ids in the vocabulary, and those
/// that are cut out of the text before anything else (of the kinds unknown, control and
/// user-defined) are added tokens too. Those that are unused are left out.
template <class = lazy>
nlohmann::json gguf_bpe_json(const gguf& file, const gguf_pre_tokenizer& rules) {
  const std::vector<std::string_view> tokens = gguf_tokens(file);
  const std::vector<gguf_token_kind> kinds = gguf_token_kinds(file, tokens.size());
  nlohmann::json vocabulary = nlohmann::json::object(), added = nlohmann::json::array(),
                 merges = nlohmann::json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (kinds[id] == gguf_token_kind::unused) continue;
    vocabulary[std::string(tokens[id])] = id;
    if (kinds[id] != gguf_token_kind::normal)
      added.push_back({{"id", id},
                       {"content", tokens[id]},
                       {"special", kinds[id] != gguf_token_kind::user_defined}});
  }
  for_each_text(file, "tokenizer.ggml.merges", [&](std::string_view merge) {
    if (first_malformed_utf8(merge))
      throw format_error(gguf_place(file, "tokenizer.ggml.merges"), "UTF-8",
                         "something else at index " + std::to_string(merges.size()));
    merges.push_back(merge);
  });
  return {{"added_tokens", added},
          {"pre_tokenizer", pre_tokenizer_json(rules)},
          {"post_processor", gguf_post_processor(file, tokens, rules.add_bos)},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model",
           {{"type", "BPE"},
            {"ignore_merges", rules.ignore_merges},
            {"vocab", vocabulary},
            {"merges", merges}}}};
}

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

/// The `tokenizer.json` that gives the ids of a GGUF file's tokenizer.
template <class = lazy>
nlohmann::json gguf_tokenizer_json(const gguf& file) {
  constexpr const char* key = "tokenizer.ggml.model";
  const std::string_view model = need_text(file, key);
  if (model == "gpt2") {
    check_tokenizer_keys(file);
    return gguf_bpe_json(file, gguf_pre_tokenizer_of(file));
  }
  throw format_error(
      gguf_place(file, key),
      "\"gpt2\", a byte-level BPE (no other tokenizer of GGUF files is read, such as "
      "SentencePiece's, \"llama\": give the folder with tokenizer.json that the "
      "file was made from)",
      in_quotes(model));
}

}  // namespace detail

/// The tokenizer of a GGUF file: a byte-level BPE (`tokenizer.ggml.model` is gpt2) with one of the
/// pre-tokenizers of llama.cpp that are known here. Gives the ids of llama.cpp with special tokens
/// parsed and none added. A GGUF file says nothing of normal forms, nor of white space that special
/// tokens take along: where a model's `tokenizer.json` has them, its ids differ on texts that are
/// not in that form.
/// \throws format_error naming the file and the key that is missing, malformed or not understood
template <class = lazy>
[[nodiscard]] tokenizer read_gguf_tokenizer(const gguf& file) {
  return tokenizer::from_json(detail::gguf_tokenizer_json(file), file.name() + ": tokenizer");
}

}  // namespace atlas::inline ATLAS_ABI::io
