// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a transformer looks like, from the metadata of a GGUF file.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/configuration/architectures.hpp"
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
  kept_json<> kept(nlohmann::json::object());
  for (const auto& [key, value] : file.metadata()) {
    if (!key.starts_with(architecture + ".")) continue;
    if (value.count > longest)
      throw format_error(gguf_place(file, key), "at most 65536 elements",
                         std::to_string(value.count));
    kept.value[key.substr(architecture.size() + 1)] = json_of(value);
  }
  return std::move(kept.value);
}

/// Keys of the file as a whole that say that it is no model, or not all of one.
template <class = lazy>
void check_gguf_is_a_model(const gguf& file) {
  kept_json<> kept(nlohmann::json::object());
  for (const auto& [key, value] : file.metadata())
    if (!value.is_array) kept.value[key] = json_of(value);
  const config_fields<> f(kept.value, file.name());
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
  kept_json<> shared(nlohmann::json::object());
  shared.value[key] = value->front();
  return config_fields<>(shared.value, f.where()).count(key);
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
  for (const char* key : {"attention.clamp_kqv", "attention.max_alibi_bias", "expert_count",
                          "expert_used_count", "pooling_type"})
    f.only(key, 0);
  // The only other order of tensors, "reference", is of files that llama.cpp cannot run.
  f.only("tensor_data_layout", "Meta AI original pth");
}

/// The architectures that are read, and the type of `config.json` that is the same.
inline constexpr std::pair<std::string_view, std::string_view> gguf_architectures[] = {
    {"gpt2", "gpt2"},   {"llama", "llama"},      {"qwen2", "qwen2"},
    {"qwen3", "qwen3"}, {"gemma2", "gemma2"},    {"gemma3", "gemma3_text"},
    {"phi3", "phi3"},   {"gptneox", "gpt_neox"}, {"olmo2", "olmo2"}};

/// Empty for an architecture that is not read.
inline std::string_view type_of_gguf(std::string_view architecture) {
  for (const auto& [name, type] : gguf_architectures)
    if (name == architecture) return type;
  return {};
}

/// The share of a head's coordinates of which so many are turned, as transformer_config counts.
template <class = lazy>
double rotary_share_of(const config_fields<>& f, index_t turned, index_t head_dimension) {
  if (turned < 2 || turned > head_dimension || turned % 2 != 0)
    f.refuse("rope.dimension_count", "an even number from 2 to " + std::to_string(head_dimension),
             turned);
  const auto d = static_cast<double>(head_dimension);
  const double share = static_cast<double>(turned) / d;
  return static_cast<index_t>(d * share) == turned ? share : std::nextafter(share, 1.0);
}

/// Frequencies of rotary positions. Where there is a factor but no type, llama.cpp takes it as
/// linear.
template <class = lazy>
rotary_options read_gguf_rotary(const gguf& file, const config_fields<>& f, index_t turned) {
  rotary_options o;
  o.theta = f.number_or("rope.freq_base", o.theta);
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
    const auto divisors = file.read<1>("rope_freqs.weight", shape<1>{turned / 2});
    o.divisors.assign(divisors.data(), divisors.data() + divisors.size());
  }
  return o;
}

/// For architectures whose one map has a key and a value for each query.
template <class = lazy>
void check_no_groups(const config_fields<>& f, const transformer_config& c) {
  if (c.key_value_heads != c.heads)
    f.refuse("attention.head_count_kv", "the " + std::to_string(c.heads) + " of head_count",
             c.key_value_heads);
}

template <class = lazy>
transformer_config read_gguf_gpt2(const gguf& file, const config_fields<>& f) {
  transformer_config c;
  read_gguf_sizes(file, f, c);
  check_no_groups(f, c);
  f.only("attention.sliding_window", 0);
  f.only("use_parallel_residual", false);
  c.norm_epsilon = f.number("attention.layer_norm_epsilon");
  c.mlp_activation = activation::gelu_tanh;
  return c;
}

/// Biases are there where the tensors are.
template <class = lazy>
void read_gguf_biases(const gguf& file, transformer_config& c) {
  c.query_key_value_bias =
      file.contains("blk.0.attn_q.bias") || file.contains("blk.0.attn_qkv.bias");
  c.output_bias = file.contains("blk.0.attn_output.bias");
  c.mlp_bias = file.contains("blk.0.ffn_up.bias");
}

/// Windows where the architecture has them: Gemma 2 where nothing says so, too.
template <class = lazy>
void read_gguf_windows(const config_fields<>& f, const llama_kind& kind, transformer_config& c) {
  if (kind.slides != sliding::pattern && kind.type != "phi3") {
    f.only("attention.sliding_window", 0);
    return;
  }
  const index_t window =
      f.count_or("attention.sliding_window", kind.type == "gemma2" ? kind.window : 0);
  const index_t pattern = kind.slides == sliding::pattern
                              ? f.count_or("attention.sliding_window_pattern", kind.window_pattern)
                              : c.layers + 1;
  if (pattern == 0) f.refuse("attention.sliding_window_pattern", "1 or more", pattern);
  if (window == 0) return;
  // Beyond that the configuration is refused as a whole.
  const index_t count = (std::min)(c.layers, index_t{1} << 20);
  for (index_t l = 0; l < count; ++l) c.windows.push_back((l + 1) % pattern == 0 ? 0 : window);
}

/// What Gemma has beside a Llama. Files do not have the scale of queries: llama.cpp takes the
/// dimension of a head, and in the models of 27 B, which it tells by their layers, that of the
/// stream by the heads.
template <class = lazy>
void read_gguf_gemma(const config_fields<>& f, const llama_kind& kind, transformer_config& c) {
  const bool second = kind.type == "gemma2";
  c.norm_offset = 1;
  c.embedding_scale = std::sqrt(static_cast<double>(c.model_dimension));
  c.mlp_activation = activation::gelu_tanh;
  const bool largest = c.layers == (second ? 46 : 62);
  c.query_scalar = static_cast<double>(largest ? c.model_dimension / c.heads : c.head_dimension);
  const auto cap = [&](const char* key, double otherwise) {
    const double x = f.number_or(key, otherwise);
    if (!(x >= 0)) f.refuse(key, "0 (for none) or more", x);
    return x;
  };
  c.output_cap = cap("final_logit_softcapping", second ? 30 : 0);
  if (second)
    c.logit_cap = cap("attn_logit_softcapping", 50);
  else
    c.window_rotary = rotary_options{.theta = f.number_or("rope.freq_base_swa", 10000)};
}

/// Llama and what is told from it by a row of llama_kinds.
template <class = lazy>
transformer_config read_gguf_llama(const gguf& file, const config_fields<>& f,
                                   const llama_kind& kind) {
  transformer_config c = llama_config();
  c.family = kind.family;
  c.norms = kind.norms;
  c.head_norm = kind.head_norm;
  read_gguf_sizes(file, f, c);
  f.only("use_parallel_residual", false);
  c.norm_epsilon = f.number("attention.layer_norm_rms_epsilon");
  if (kind.partial)
    c.rotary_share =
        rotary_share_of(f, f.count_or("rope.dimension_count", c.head_dimension), c.head_dimension);
  else
    f.only("rope.dimension_count", c.head_dimension);
  c.rotary = read_gguf_rotary(file, f, c.rotary_dimension());
  read_gguf_windows(f, kind, c);
  if (kind.gemma) read_gguf_gemma(f, kind, c);
  read_gguf_biases(file, c);
  return c;
}

/// GPT-NeoX. The file does not say which GELU; llama.cpp's is by tanh.
template <class = lazy>
transformer_config read_gguf_gpt_neox(const gguf& file, const config_fields<>& f) {
  transformer_config c;
  c.family = model_family::gpt_neox;
  read_gguf_sizes(file, f, c);
  check_no_groups(f, c);
  f.only("attention.sliding_window", 0);
  c.norm_epsilon = f.number("attention.layer_norm_epsilon");
  c.parallel_residual = f.flag_or("use_parallel_residual", true);
  c.rotary_share = rotary_share_of(f, f.count("rope.dimension_count"), c.head_dimension);
  c.rotary = read_gguf_rotary(file, f, c.rotary_dimension());
  read_gguf_biases(file, c);
  return c;
}

template <class = lazy>
transformer_config read_gguf_architecture(const gguf& file, const config_fields<>& f,
                                          std::string_view type) {
  if (type == "gpt2") return read_gguf_gpt2(file, f);
  return type == "gpt_neox" ? read_gguf_gpt_neox(file, f)
                            : read_gguf_llama(file, f, llama_kind_of(type));
}

/// Keys that do not change what a model computes within its context: how long the first training's
/// was, and whether a rescaled model was trained on.
inline bool is_harmless_gguf_key(const std::string& key) {
  return key == "rope.scaling.original_context_length" || key == "rope.scaling.finetuned";
}

}  // namespace detail

/// The configuration of the model in a GGUF file: `general.architecture` gpt2, llama, qwen2, qwen3,
/// gemma2, gemma3, phi3, gptneox or olmo2.
/// Every key of the architecture is used, or known not to matter, or refused by name; of other keys
/// those that say that the file holds no whole model are. \throws format_error naming the file and
/// the key (without the architecture's name before it) that
///         is missing, ill-typed or not understood
template <class = lazy>
[[nodiscard]] transformer_config read_gguf_config(const gguf& file) {
  detail::check_gguf_is_a_model(file);
  constexpr const char* key = "general.architecture";
  const std::string architecture(detail::need_text(file, key));
  const std::string_view type = detail::type_of_gguf(architecture);
  if (type.empty())
    throw format_error(detail::gguf_place(file, key),
                       "gpt2, llama, qwen2, qwen3, gemma2, gemma3, phi3, gptneox or olmo2",
                       in_quotes(architecture));
  const detail::kept_json<> keys(detail::architecture_json(file, architecture));
  const detail::config_fields<> f(keys.value, file.name() + ": " + architecture);
  detail::refuse_what_gguf_may_ask(f);
  transformer_config c = detail::read_gguf_architecture(file, f, type);
  f.refuse_the_rest(detail::is_harmless_gguf_key);
  try {
    check_config(c);
  } catch (const error& e) {
    throw format_error(file.name(), "a consistent configuration", e.what());
  }
  return c;
}

}  // namespace atlas::inline ATLAS_ABI::io
