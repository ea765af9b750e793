// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `config.json` as Hugging Face's transformers reads it, or of the atlas family.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "atlas/io/config.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

inline const char* activation_name(activation kind, model_family family) {
  switch (kind) {
    case activation::relu:
      return "relu";
    case activation::silu:
      return "silu";
    case activation::gelu:
      return "gelu";
    case activation::gelu_tanh:
      break;
  }
  return family == model_family::gpt2 ? "gelu_new" : "gelu_pytorch_tanh";
}

inline nlohmann::ordered_json gpt2_json(const transformer_config& c) {
  return {{"architectures", nlohmann::ordered_json::array({"GPT2LMHeadModel"})},
          {"model_type", "gpt2"},
          {"n_layer", c.layers},
          {"n_embd", c.model_dimension},
          {"n_head", c.heads},
          {"n_inner", c.mlp_dimension},
          {"vocab_size", c.vocabulary},
          {"n_positions", c.positions},
          {"layer_norm_epsilon", c.norm_epsilon},
          {"activation_function", activation_name(c.mlp_activation, c.family)},
          {"scale_attn_weights", c.scale_logits},
          {"scale_attn_by_inverse_layer_idx", c.scale_by_layer},
          {"attn_pdrop", 0.0},
          {"embd_pdrop", 0.0},
          {"resid_pdrop", 0.0},
          {"tie_word_embeddings", c.tied},
          {"torch_dtype", "float32"}};
}

/// As `rope_scaling` has it; empty for no rescaling.
inline nlohmann::ordered_json rescaling_json(const rotary_options& r) {
  if (r.kind == rotary_options::rescaling::linear)
    return {{"rope_type", "linear"}, {"factor", r.factor}};
  if (r.kind == rotary_options::rescaling::llama3)
    return {{"rope_type", "llama3"},
            {"factor", r.factor},
            {"low_freq_factor", r.low_frequency_factor},
            {"high_freq_factor", r.high_frequency_factor},
            {"original_max_position_embeddings", r.original_positions}};
  return nlohmann::ordered_json::object();
}

/// One group of `rope_parameters`.
inline nlohmann::ordered_json rotary_group_json(const rotary_options& r) {
  nlohmann::ordered_json group = rescaling_json(r);
  if (!group.contains("rope_type")) group["rope_type"] = "default";
  group["rope_theta"] = r.theta;
  return group;
}

inline void add_rotary(const transformer_config& c, nlohmann::ordered_json& to) {
  if (c.window_rotary) {
    to["rope_parameters"] = {{"full_attention", rotary_group_json(c.rotary)},
                             {"sliding_attention", rotary_group_json(*c.window_rotary)}};
    return;
  }
  to["rope_theta"] = c.rotary.theta;
  if (c.rotary_share != 1) to["partial_rotary_factor"] = c.rotary_share;
  const nlohmann::ordered_json rescaling = rescaling_json(c.rotary);
  if (!rescaling.empty()) to["rope_scaling"] = rescaling;
}

/// The type of Llama's kind that has such norms, biases and windows.
inline const char* type_of_config(const transformer_config& c) {
  const bool head_norms = c.head_norm == query_key_norm::heads;
  switch (c.family) {
    case model_family::gpt2:
      return "gpt2";
    case model_family::gpt_neox:
      return "gpt_neox";
    case model_family::phi3:
      return "phi3";
    case model_family::gemma:
      if (c.norms == norm_position::after) return "olmo2";
      return head_norms ? "gemma3_text" : "gemma2";
    case model_family::atlas:
      return own_type;
    case model_family::llama:
      break;
  }
  if (head_norms) return "qwen3";
  if (c.query_key_value_bias && !c.output_bias) return "qwen2";
  return c.windows.empty() ? "llama" : "mistral";
}

/// Null without a window where one is the default; by layer where not all are alike.
inline void add_windows(const transformer_config& c, const llama_kind& kind,
                        nlohmann::ordered_json& to) {
  const bool pattern = kind.slides == sliding::pattern;
  if (c.windows.empty()) {
    if (pattern)
      to["layer_types"] =
          std::vector<std::string>(static_cast<std::size_t>(c.layers), "full_attention");
    return;
  }
  const auto [least, most] = std::minmax_element(c.windows.begin(), c.windows.end());
  to["sliding_window"] = *most;
  if (kind.slides == sliding::on_flag) to["use_sliding_window"] = true;
  if (kind.slides == sliding::always && *least == *most) return;
  for (const index_t w : c.windows)
    to["layer_types"].push_back(w > 0 ? "sliding_attention" : "full_attention");
}

inline void add_gemma(const transformer_config& c, const llama_kind& kind,
                      nlohmann::ordered_json& to) {
  const auto cap = [](double x) {
    return x > 0 ? nlohmann::ordered_json(x) : nlohmann::ordered_json();
  };
  // transformers takes no other numbers.
  if (c.query_scalar != std::floor(c.query_scalar) || c.query_scalar > 1e9)
    throw value_error("config.query_scalar", "a whole number up to 10^9 in a config.json",
                      atlas::detail::number_text(c.query_scalar));
  to["query_pre_attn_scalar"] = static_cast<index_t>(c.query_scalar);
  to["final_logit_softcapping"] = cap(c.output_cap);
  if (kind.type == "gemma2") to["attn_logit_softcapping"] = cap(c.logit_cap);
}

inline nlohmann::ordered_json llama_json(const transformer_config& c) {
  const std::string type = type_of_config(c);
  const llama_kind& kind = llama_kind_of(type);
  nlohmann::ordered_json out = {
      {"architectures", nlohmann::ordered_json::array({architecture_of_type(type)})},
      {"model_type", type},
      {"num_hidden_layers", c.layers},
      {"hidden_size", c.model_dimension},
      {"num_attention_heads", c.heads},
      {"num_key_value_heads", c.key_value_heads},
      {"head_dim", c.head_dimension},
      {"intermediate_size", c.mlp_dimension},
      {"vocab_size", c.vocabulary},
      {"max_position_embeddings", c.positions},
      {"rms_norm_eps", c.norm_epsilon},
      {kind.activation_key, activation_name(c.mlp_activation, c.family)},
      {"attention_bias", c.query_key_value_bias && c.output_bias},
      {"mlp_bias", c.mlp_bias},
      {"tie_word_embeddings", c.tied},
      {"torch_dtype", "float32"}};
  add_rotary(c, out);
  add_windows(c, kind, out);
  if (kind.gemma) add_gemma(c, kind, out);
  // Where nothing is said, transformers takes one that small vocabularies do not have.
  if (kind.type == "phi3") out["pad_token_id"] = nullptr;
  return out;
}

inline nlohmann::ordered_json gpt_neox_json(const transformer_config& c) {
  nlohmann::ordered_json out = {
      {"architectures", nlohmann::ordered_json::array({"GPTNeoXForCausalLM"})},
      {"model_type", "gpt_neox"},
      {"num_hidden_layers", c.layers},
      {"hidden_size", c.model_dimension},
      {"num_attention_heads", c.heads},
      {"intermediate_size", c.mlp_dimension},
      {"vocab_size", c.vocabulary},
      {"max_position_embeddings", c.positions},
      {"layer_norm_eps", c.norm_epsilon},
      {"hidden_act", activation_name(c.mlp_activation, c.family)},
      {"use_parallel_residual", c.parallel_residual},
      {"attention_bias", c.query_key_value_bias},
      {"rotary_pct", c.rotary_share},
      {"rotary_emb_base", c.rotary.theta},
      {"tie_word_embeddings", c.tied},
      {"torch_dtype", "float32"}};
  const nlohmann::ordered_json rescaling = rescaling_json(c.rotary);
  if (!rescaling.empty()) out["rope_scaling"] = rescaling;
  return out;
}

inline nlohmann::ordered_json config_json(const transformer_config& c) {
  if (c.family == model_family::atlas) return own_json(c);
  if (c.family == model_family::gpt2) return gpt2_json(c);
  return c.family == model_family::gpt_neox ? gpt_neox_json(c) : llama_json(c);
}

/// The first field in which two configurations differ; null for none.
inline const char* differing_field(const transformer_config& a, const transformer_config& b) {
  const std::pair<const char*, bool> fields[] = {
      {"key_value_heads", a.key_value_heads == b.key_value_heads},
      {"head_dimension", a.head_dimension == b.head_dimension},
      {"norm", a.norm == b.norm},
      {"norms", a.norms == b.norms},
      {"norm_offset", a.norm_offset == b.norm_offset},
      {"head_norm", a.head_norm == b.head_norm},
      {"gated_mlp", a.gated_mlp == b.gated_mlp},
      {"parallel_residual", a.parallel_residual == b.parallel_residual},
      {"embedding_scale", a.embedding_scale == b.embedding_scale},
      {"rotary_share", a.rotary_share == b.rotary_share},
      {"rotary", a.rotary == b.rotary},
      {"window_rotary", a.window_rotary == b.window_rotary},
      {"scale_logits", a.scale_logits == b.scale_logits},
      {"query_scalar", a.query_scalar == b.query_scalar},
      {"scale_by_layer", a.scale_by_layer == b.scale_by_layer},
      {"logit_cap", a.logit_cap == b.logit_cap},
      {"output_cap", a.output_cap == b.output_cap},
      {"query_key_value_bias", a.query_key_value_bias == b.query_key_value_bias},
      {"output_bias", a.output_bias == b.output_bias},
      {"mlp_bias", a.mlp_bias == b.mlp_bias},
      {"windows", a.windows == b.windows}};
  for (const auto& [name, same] : fields)
    if (!same) return name;
  return a == b ? nullptr : "sizes";
}

/// \throws value_error where the text of a configuration does not even say a consistent one
inline transformer_config read_back(const std::string& text, const std::string& type) {
  try {
    return parse_transformer_config(text, "config.json");
  } catch (const format_error& e) {
    throw value_error("config", "what a config.json of the type " + type + " can say", e.what());
  }
}

}  // namespace detail

/// The text of a `config.json`, of one of the types that `parse_transformer_config` reads, that it
/// makes the same configuration of.
/// \throws value_error for a bad config, or one that no such file can say, naming the field
[[nodiscard]] inline std::string transformer_config_text(transformer_config config) {
  check_config(config);
  if (std::all_of(config.windows.begin(), config.windows.end(), [](index_t w) { return w == 0; }))
    config.windows.clear();
  const std::string text = detail::config_json(config).dump(2) + "\n";
  const std::string type = detail::type_of_config(config);
  const transformer_config back = detail::read_back(text, type);
  if (const char* field = detail::differing_field(config, back))
    throw value_error("config." + std::string(field),
                      "what a config.json of the type " + type + " can say", "another setting");
  return text;
}

}  // namespace atlas::inline ATLAS_ABI::io
