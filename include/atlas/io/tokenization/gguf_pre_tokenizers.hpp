// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The pre-tokenizers that GGUF files name in `tokenizer.ggml.pre`, with the patterns that
/// llama.cpp cuts a text by for each name.

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "atlas/core/lazy.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

// Words, numbers and signs with the blank before them, and white space.
inline constexpr std::string_view gpt2_pieces =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
inline constexpr std::string_view one_digit = R"(\p{N})";

// Words with any one sign or blank before them, numbers by themselves, and lines. The two differ in
// how many digits a piece of a number has.
inline constexpr std::string_view llama3_pieces =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view qwen2_pieces =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Words also cut where a lower-case letter of English is followed by a capital one.
inline constexpr std::string_view tekken_pieces =
    R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

inline constexpr std::array patterns_of_gpt2 = {gpt2_pieces};
inline constexpr std::array patterns_of_llama3 = {llama3_pieces};
inline constexpr std::array patterns_of_qwen2 = {qwen2_pieces};
inline constexpr std::array patterns_of_smollm = {one_digit, gpt2_pieces};
inline constexpr std::array patterns_of_tekken = {tekken_pieces};
inline constexpr std::array<std::string_view, 4> patterns_of_default = {
    R"([\p{P}\$\+<=>\^~\|]+)", gpt2_pieces, R"(\p{N}+)", "[0-9][0-9][0-9]"};

/// A name, and what llama.cpp does for it.
struct gguf_pre_tokenizer {
  std::string_view name;
  std::span<const std::string_view> patterns;  ///< cut the text one after the other
  bool ignore_merges = false;  ///< a piece that is a token is that token, whatever merges say
  bool add_bos = false;        ///< whether texts begin with a token of their own, unless a key says
};

inline constexpr std::array gguf_pre_tokenizers =
    std::to_array<gguf_pre_tokenizer>({{"default", patterns_of_default},
                                       {"gpt-2", patterns_of_gpt2},
                                       {"a.x-4.0", patterns_of_gpt2},
                                       {"exaone4", patterns_of_gpt2},
                                       {"gigachat", patterns_of_gpt2},
                                       {"mellum", patterns_of_gpt2},
                                       {"mpt", patterns_of_gpt2},
                                       {"olmo", patterns_of_gpt2},
                                       {"phi-2", patterns_of_gpt2},
                                       {"llama-bpe", patterns_of_llama3, true, true},
                                       {"llama-v3", patterns_of_llama3, true, true},
                                       {"llama3", patterns_of_llama3, true, true},
                                       {"falcon3", patterns_of_llama3, true, true},
                                       {"chatglm-bpe", patterns_of_llama3},
                                       {"dbrx", patterns_of_llama3},
                                       {"smaug-bpe", patterns_of_llama3},
                                       {"qwen2", patterns_of_qwen2},
                                       {"deepseek-r1-qwen", patterns_of_qwen2},
                                       {"stablelm2", patterns_of_qwen2},
                                       {"smollm", patterns_of_smollm},
                                       {"codeshell", patterns_of_smollm},
                                       {"command-r", patterns_of_smollm},
                                       {"exaone", patterns_of_smollm},
                                       {"minerva-7b", patterns_of_smollm},
                                       {"refact", patterns_of_smollm},
                                       {"starcoder", patterns_of_smollm},
                                       {"tekken", patterns_of_tekken, true, true}});

/// Null for a name that is not known here.
inline const gguf_pre_tokenizer* find_gguf_pre_tokenizer(std::string_view name) {
  for (const gguf_pre_tokenizer& row : gguf_pre_tokenizers)
    if (row.name == name) return &row;
  return nullptr;
}

/// The `pre_tokenizer` of a `tokenizer.json` that cuts in the same way.
template <class = lazy>
nlohmann::json pre_tokenizer_json(const gguf_pre_tokenizer& rules) {
  nlohmann::json steps = nlohmann::json::array();
  for (const std::string_view pattern : rules.patterns)
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}});
  steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
