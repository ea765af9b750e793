// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// SentencePiece's tokenizers in GGUF files, which have scores where others have merges.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"
#include "atlas/io/tokenization/gguf_vocabulary.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// A score for each token.
template <class = lazy>
std::vector<double> gguf_scores(const gguf& file, std::size_t tokens) {
  constexpr const char* key = "tokenizer.ggml.scores";
  const std::string where = gguf_place(file, key);
  const gguf_value& value = need_value(file, key);
  if (!value.is_array || value.type != gguf_type::f32 || value.count != tokens)
    throw format_error(where, "a FLOAT32 for each of " + std::to_string(tokens) + " tokens",
                       gguf_type_text(value) + ", " + std::to_string(value.count));
  std::vector<double> scores;
  value.for_each([&]<class Value>(const Value& score) {
    if constexpr (std::is_same_v<Value, double>) scores.push_back(score);
  });
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i]))
      throw format_error(where, "numbers", "nan at index " + std::to_string(i));
  return scores;
}

/// Two tokens that merge into a third.
struct scored_merge {
  double score;
  std::size_t token;  ///< the third
  std::string_view left, right;
};

/// Every way of making a token of two others.
template <class = lazy>
std::vector<scored_merge> gguf_merges(const std::vector<std::string_view>& tokens,
                                      const std::vector<double>& scores) {
  const std::unordered_set<std::string_view> known(tokens.begin(), tokens.end());
  std::vector<scored_merge> merges;
  for (std::size_t id = 0; id < tokens.size(); ++id)
    for (std::size_t at = 1; at < tokens[id].size(); ++at) {
      const bool inside = (static_cast<unsigned char>(tokens[id][at]) & 0xC0U) == 0x80U;
      const std::string_view left = tokens[id].substr(0, at), right = tokens[id].substr(at);
      if (!inside && known.contains(left) && known.contains(right))
        merges.push_back({scores[id], id, left, right});
    }
  return merges;
}

/// llama.cpp merges the two neighbours whose token has the highest score, of equal ones the
/// leftmost. Merges of a `tokenizer.json` have an order instead, so that no two tokens may have one
/// score. \throws format_error naming two that have
template <class = lazy>
nlohmann::json gguf_ordered_merges(const gguf& file, const std::vector<std::string_view>& tokens,
                                   const std::vector<double>& scores) {
  std::vector<scored_merge> merges = gguf_merges(tokens, scores);
  std::stable_sort(merges.begin(), merges.end(),
                   [](const scored_merge& a, const scored_merge& b) { return a.score > b.score; });
  nlohmann::json ordered = nlohmann::json::array();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    if (i > 0 && merges[i].score == merges[i - 1].score && merges[i].token != merges[i - 1].token)
      throw format_error(gguf_place(file, "tokenizer.ggml.scores"),
                         "a score of its own for each token that others merge into",
                         "one for " + in_quotes(tokens[merges[i - 1].token]) + " and " +
                             in_quotes(tokens[merges[i].token]));
    ordered.push_back({merges[i].left, merges[i].right});
  }
  return ordered;
}

/// \throws format_error unless each byte has its token, "<0x00>" to "<0xFF>", and no other has one
template <class = lazy>
void check_gguf_bytes(const gguf& file, const std::vector<std::string_view>& tokens,
                      const std::vector<gguf_token_kind>& kinds) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::set<std::string, std::less<>> missing;
  for (std::size_t byte = 0; byte < 256; ++byte)
    missing.insert({'<', '0', 'x', digits[byte / 16], digits[byte % 16], '>'});
  const std::string where = gguf_place(file, "tokenizer.ggml.token_type");
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (kinds[id] == gguf_token_kind::byte && missing.erase(std::string(tokens[id])) == 0)
      throw format_error(where, "tokens of kind 6 from <0x00> to <0xFF>", in_quotes(tokens[id]));
  if (!missing.empty())
    throw format_error(where, "a token of kind 6 for each byte", "none for " + *missing.begin());
}

/// The `tokenizer.json` of a SentencePiece tokenizer, as llama.cpp runs it: spaces are U+2581, one
/// may stand before each text, and characters that there is no token for are bytes.
template <class = lazy>
nlohmann::json gguf_sentencepiece_json(const gguf& file) {
  constexpr const char* space = "\xE2\x96\x81";
  const std::vector<std::string_view> tokens = gguf_tokens(file);
  const std::vector<gguf_token_kind> kinds = gguf_token_kinds(file, tokens.size());
  const std::vector<double> scores = gguf_scores(file, tokens.size());
  check_gguf_bytes(file, tokens, kinds);
  nlohmann::json vocabulary = nlohmann::json::object();
  for (std::size_t id = 0; id < tokens.size(); ++id) vocabulary[std::string(tokens[id])] = id;
  nlohmann::json before = nlohmann::json::array(),
                 after = {{{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}},
                          {{"type", "ByteFallback"}},
                          {{"type", "Fuse"}}};
  if (gguf_flag_or(file, "tokenizer.ggml.add_space_prefix", true)) {
    before.push_back({{"type", "Prepend"}, {"prepend", space}});
    after.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1U}, {"stop", 0U}});
  }
  before.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}});
  return {{"added_tokens", gguf_added_tokens(tokens, kinds)},
          {"normalizer", {{"type", "Sequence"}, {"normalizers", before}}},
          {"post_processor", gguf_post_processor(file, tokens, true)},
          {"decoder", {{"type", "Sequence"}, {"decoders", after}}},
          {"model",
           {{"type", "BPE"},
            {"byte_fallback", true},
            {"vocab", vocabulary},
            {"merges", gguf_ordered_merges(file, tokens, scores)}}}};
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
