// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a transformer looks like, from the metadata of a GGUF file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/configuration/config_fields.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/io/json.hpp"
#include "atlas/reference/config.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// The keys of one architecture as an object, without the architecture's name before them.
///
/// \throws format_error for an array so long that its JSON would take much more memory than the
/// file
template <class = lazy>
nlohmann::json architecture_json(const gguf& file, const std::string& architecture) {
  constexpr std::uint64_t longest = 1 << 16;
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(architecture + ".")) continue;
    if (value.count > longest)
      throw format_error(gguf_place(file, key), "at most 65536 elements",
                         std::to_string(value.count));
    fields[key.substr(architecture.size() + 1)] = json_of(value);
  }
  return fields;
}

/// Keys of the file as a whole that say that it is no model, or not all of one.
template <class = lazy>
void check_gguf_is_a_model(const gguf& file) {
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [key, value] : file.metadata())
    if (!value.is_array) fields[key] = json_of(value);
  const config_fields<> f(fields, file.name());
  f.only("general.type", "model");
  // Version 1 had other blocks, in files of before GGUF.
  f.only("general.quantization_version", 2);
  if (const index_t parts = f.count_or("split.count", 1); parts > 1)
    f.refuse("split.count", "1 or absent (merge the parts with llama-gguf-split --merge)", parts);
}

/// A number that may be given for each layer, which then must be one for all.
template <class = lazy>
index_t count_of_all_layers(const config_fields<>& f, const char* key, index_t layers) {
  const nlohmann::json* value = f.find(key);
  if (!value || !value->is_array()) return f.count(key);
  if (value->size() != static_cast<std::size_t>(layers) || value->empty())
    f.refuse(key, "one number for each of " + std::to_string(layers) + " layers", *value);
  for (const auto& one : *value)
    if (one != value->front())
      f.refuse(key, "the same for all layers (nothing else is supported)", *value);
  const nlohmann::json shared = {{key, value->front()}};
  return config_fields<>(shared, f.where()).count(key);
}

/// Sizes that all architectures have.
template <class = lazy>
void read_gguf_sizes(const gguf& file, const config_fields<>& f, transformer_config& c) {
  c.layers = f.count("block_count");
  c.model_dimension = f.count("embedding_length");
  c.mlp_dimension = count_of_all_layers(f, "feed_forward_length", c.layers);
  c.positions = f.count("context_length");
  c.heads = count_of_all_layers(f, "attention.head_count", c.layers);
  if (c.heads == 0) f.refuse("attention.head_count", "1 or more", c.heads);
  c.key_value_heads = f.find("attention.head_count_kv")
                          ? count_of_all_layers(f, "attention.head_count_kv", c.layers)
                          : c.heads;
  c.head_dimension = f.count_or("attention.key_length", c.model_dimension / c.heads);
  f.only("attention.value_length", c.head_dimension);
  const std::vector<index_t>& embedding = file.at("token_embd.weight").extents;
  c.vocabulary = f.count_or("vocab_size", embedding.front());
  c.tied = !file.contains("output.weight");
}

/// What llama.cpp computes for some models of an architecture, and nothing here does.
template <class = lazy>
void refuse_what_gguf_may_ask(const config_fields<>& f) {
  f.only("attention.causal", true);
  f.only("attention.sliding_window", 0);
  f.only("use_parallel_residual", false);
  for (const char* key : {"attention.clamp_kqv", "attention.max_alibi_bias", "expert_count",
                          "expert_used_count", "pooling_type"})
    f.only(key, 0);
  // The only other order of tensors, "reference", is of files that llama.cpp cannot run.
  f.only("tensor_data_layout", "Meta AI original pth");
}

/// Frequencies of rotary positions. Where there is a factor but no type, llama.cpp takes it as
/// linear.
template <class = lazy>
rotary_options read_gguf_rotary(const gguf& file, const config_fields<>& f,
                                index_t head_dimension) {
  rotary_options o;
  o.theta = f.number_or("rope.freq_base", o.theta);
  f.only("rope.dimension_count", head_dimension);
  const double old_factor = f.number_or("rope.scale_linear", 0);
  const double factor = f.number_or("rope.scaling.factor", old_factor);
  if (!(factor >= 0)) f.refuse("rope.scaling.factor", "0 (for none) or more", factor);
  const std::string kind = f.text_or("rope.scaling.type", "linear");
  if (kind != "none" && kind != "linear")
    f.refuse("rope.scaling.type", "none or linear (nothing else is supported)", kind);
  if (kind == "linear" && factor > 0 && factor != 1) {
    o.kind = rotary_options::rescaling::linear;
    o.factor = factor;
  }
  f.only("rope.scaling.attn_factor", 1);
  if (file.contains("rope_freqs.weight")) {
    const auto divisors = file.read<1>("rope_freqs.weight", shape<1>{head_dimension / 2});
    o.divisors.assign(divisors.data(), divisors.data() + divisors.size());
  }
  return o;
}

template <class = lazy>
transformer_config read_gguf_gpt2(const gguf& file, const config_fields<>& f) {
  transformer_config c;
  read_gguf_sizes(file, f, c);
  if (c.key_value_heads != c.heads)
    f.refuse("attention.head_count_kv", "the " + std::to_string(c.heads) + " of head_count",
             c.key_value_heads);
  c.norm_epsilon = f.number("attention.layer_norm_epsilon");
  c.mlp_activation = activation::gelu_tanh;
  return c;
}

/// Llama and Qwen2. Biases are there where the tensors are.
template <class = lazy>
transformer_config read_gguf_llama(const gguf& file, const config_fields<>& f) {
  transformer_config c = llama_config();
  read_gguf_sizes(file, f, c);
  c.norm_epsilon = f.number("attention.layer_norm_rms_epsilon");
  c.mlp_activation = activation::silu;
  c.rotary = read_gguf_rotary(file, f, c.head_dimension);
  c.query_key_value_bias = file.contains("blk.0.attn_q.bias");
  c.output_bias = file.contains("blk.0.attn_output.bias");
  c.mlp_bias = file.contains("blk.0.ffn_up.bias");
  return c;
}

/// Keys that do not change what a model computes within its context: how long the first training's
/// was, and whether a rescaled model was trained on.
inline bool is_harmless_gguf_key(const std::string& key) {
  return key == "rope.scaling.original_context_length" || key == "rope.scaling.finetuned";
}

}  // namespace detail

/// The configuration of the model in a GGUF file: `general.architecture` gpt2, llama or qwen2.
/// Every key of the architecture is used, or known not to matter, or refused by name; of other keys
/// those that say that the file holds no whole model are. \throws format_error naming the file and
/// the key (without the architecture's name before it) that
///         is missing, ill-typed or not understood
template <class = lazy>
[[nodiscard]] transformer_config read_gguf_config(const gguf& file) {
  detail::check_gguf_is_a_model(file);
  constexpr const char* key = "general.architecture";
  const std::string architecture(detail::need_text(file, key));
  if (architecture != "gpt2" && architecture != "llama" && architecture != "qwen2")
    throw format_error(detail::gguf_place(file, key), "gpt2, llama or qwen2",
                       in_quotes(architecture));
  const nlohmann::json keys = detail::architecture_json(file, architecture);
  const detail::config_fields<> f(keys, file.name() + ": " + architecture);
  detail::refuse_what_gguf_may_ask(f);
  transformer_config c =
      architecture == "gpt2" ? detail::read_gguf_gpt2(file, f) : detail::read_gguf_llama(file, f);
  f.refuse_the_rest(detail::is_harmless_gguf_key);
  try {
    check_config(c);
  } catch (const error& e) {
    throw format_error(file.name(), "a consistent configuration", e.what());
  }
  return c;
}

}  // namespace atlas::inline ATLAS_ABI::io
