// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The tokens of a GGUF file's tokenizer, whatever its kind.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Kinds of tokens in `tokenizer.ggml.token_type`.
enum class gguf_token_kind { normal = 1, unknown, control, user_defined, unused, byte };

/// Whether a key need not be understood: ids of special tokens, scores (read where they matter),
/// what is put behind a text, templates of chats, another copy of the tokenizer.
inline bool is_harmless_tokenizer_key(std::string_view key) {
  constexpr std::array harmless = std::to_array<std::string_view>(
      {"tokenizer.ggml.scores", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token",
       "tokenizer.ggml.eog_token_ids", "tokenizer.huggingface.json"});
  return key.starts_with("tokenizer.chat_template") ||
         (key.starts_with("tokenizer.ggml.") && key.ends_with("_token_id")) ||
         std::find(harmless.begin(), harmless.end(), key) != harmless.end();
}

/// \param prefix whether the tokenizer can put a space before a text
/// \throws format_error naming a key that could change ids in a way that is not known here
template <class = lazy>
void check_tokenizer_keys(const gguf& file, bool prefix) {
  constexpr std::array used = std::to_array<std::string_view>(
      {"tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens",
       "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.add_bos_token"});
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with("tokenizer.") || is_harmless_tokenizer_key(key) ||
        std::find(used.begin(), used.end(), key) != used.end())
      continue;
    const bool of_prefix = key == "tokenizer.ggml.add_space_prefix";
    if (of_prefix && prefix) continue;
    if (!of_prefix && key != "tokenizer.ggml.remove_extra_whitespaces")
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
  });
  return kinds;
}

/// \throws format_error where the key is there and no truth
template <class = lazy>
bool gguf_flag_or(const gguf& file, const char* key, bool otherwise) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return otherwise;
  if (const auto flag = found->second.flag()) return *flag;
  throw format_error(gguf_place(file, key), "BOOL", gguf_type_text(found->second));
}

/// The tokens that are cut out of a text before anything else: of the kinds unknown, control and
/// user-defined.
template <class = lazy>
nlohmann::json gguf_added_tokens(const std::vector<std::string_view>& tokens,
                                 const std::vector<gguf_token_kind>& kinds) {
  nlohmann::json added = nlohmann::json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (kinds[id] == gguf_token_kind::unknown || kinds[id] == gguf_token_kind::control ||
        kinds[id] == gguf_token_kind::user_defined)
      added.push_back({{"id", id},
                       {"content", tokens[id]},
                       {"special", kinds[id] != gguf_token_kind::user_defined}});
  return added;
}

/// The post-processor of a `tokenizer.json` that puts the token before a text that the file says;
/// null for none.
/// \param otherwise whether one is put there where the file does not say
template <class = lazy>
nlohmann::json gguf_post_processor(const gguf& file, const std::vector<std::string_view>& tokens,
                                   bool otherwise) {
  constexpr const char *add = "tokenizer.ggml.add_bos_token", *key = "tokenizer.ggml.bos_token_id";
  if (!gguf_flag_or(file, add, otherwise)) return nullptr;
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

}  // namespace atlas::inline ATLAS_ABI::io::detail
