// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `config.json` as Hugging Face's transformers reads it.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

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

inline void add_rotary(const rotary_options& r, nlohmann::ordered_json& to) {
  to["rope_theta"] = r.theta;
  if (r.kind == rotary_options::rescaling::linear)
    to["rope_scaling"] = {{"rope_type", "linear"}, {"factor", r.factor}};
  if (r.kind == rotary_options::rescaling::llama3)
    to["rope_scaling"] = {{"rope_type", "llama3"},
                          {"factor", r.factor},
                          {"low_freq_factor", r.low_frequency_factor},
                          {"high_freq_factor", r.high_frequency_factor},
                          {"original_max_position_embeddings", r.original_positions}};
}

/// The kind of the llama family that has such biases and windows.
inline std::pair<const char*, const char*> llama_kind(const transformer_config& c) {
  if (c.query_key_value_bias && !c.output_bias) return {"qwen2", "Qwen2ForCausalLM"};
  if (!c.windows.empty()) return {"mistral", "MistralForCausalLM"};
  return {"llama", "LlamaForCausalLM"};
}

inline void add_windows(const transformer_config& c, const std::string& type,
                        nlohmann::ordered_json& to) {
  if (c.windows.empty()) return;
  const auto [least, most] = std::minmax_element(c.windows.begin(), c.windows.end());
  to["sliding_window"] = *most;
  if (type == "qwen2") to["use_sliding_window"] = true;
  if (type != "qwen2" && *least == *most) return;
  for (const index_t w : c.windows)
    to["layer_types"].push_back(w > 0 ? "sliding_attention" : "full_attention");
}

inline nlohmann::ordered_json llama_json(const transformer_config& c) {
  const auto [type, architecture] = llama_kind(c);
  nlohmann::ordered_json out = {{"architectures", nlohmann::ordered_json::array({architecture})},
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
                                {"hidden_act", activation_name(c.mlp_activation, c.family)},
                                {"attention_bias", c.query_key_value_bias && c.output_bias},
                                {"mlp_bias", c.mlp_bias},
                                {"tie_word_embeddings", c.tied},
                                {"torch_dtype", "float32"}};
  add_rotary(c.rotary, out);
  add_windows(c, type, out);
  return out;
}

/// The first field in which two configurations differ; null for none.
inline const char* differing_field(const transformer_config& a, const transformer_config& b) {
  if (a.key_value_heads != b.key_value_heads) return "key_value_heads";
  if (a.head_dimension != b.head_dimension) return "head_dimension";
  if (a.rotary != b.rotary) return "rotary";
  if (a.scale_logits != b.scale_logits) return "scale_logits";
  if (a.scale_by_layer != b.scale_by_layer) return "scale_by_layer";
  if (a.query_key_value_bias != b.query_key_value_bias) return "query_key_value_bias";
  if (a.output_bias != b.output_bias) return "output_bias";
  if (a.mlp_bias != b.mlp_bias) return "mlp_bias";
  if (a.windows != b.windows) return "windows";
  return a == b ? nullptr : "sizes";
}

}  // namespace detail

/// The text of a `config.json`, of type gpt2, llama, mistral or qwen2, that
/// `parse_transformer_config` makes the same configuration of.
/// \throws value_error for a bad config, or one that no such file can say, naming the field
[[nodiscard]] inline std::string transformer_config_text(transformer_config config) {
  check_config(config);
  if (std::all_of(config.windows.begin(), config.windows.end(), [](index_t w) { return w == 0; }))
    config.windows.clear();
  const bool gpt2 = config.family == model_family::gpt2;
  const std::string text =
      (gpt2 ? detail::gpt2_json(config) : detail::llama_json(config)).dump(2) + "\n";
  const transformer_config back = parse_transformer_config(text, "config.json");
  if (const char* field = detail::differing_field(config, back))
    throw value_error("config." + std::string(field),
                      "what a config.json of gpt2, llama, mistral or qwen2 can say",
                      "another setting");
  return text;
}

}  // namespace atlas::inline ATLAS_ABI::io
