// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What checkpoints call the tensors of a model, and how maps that are fused lie in them: a row for
/// each family. All else that tells one architecture from another is in transformer_config.

#include <string_view>

#include "atlas/version.hpp"

namespace atlas::inline ATLAS_ABI {

/// Whose names the tensors of a model have.
enum class model_family {
  gpt2,      ///< `transformer.h.0.attn.c_attn`; maps are stored `[in, out]`
  llama,     ///< `model.layers.0.self_attn.q_proj`: Llama, Mistral, Qwen2, Qwen3
  gemma,     ///< the same with norms after attention and MLP: Gemma 2 and 3, OLMo-2
  phi3,      ///< `model.layers.0.self_attn.qkv_proj`: Llama's with fused maps
  gpt_neox,  ///< `gpt_neox.layers.0.attention.query_key_value`: GPT-NeoX, Pythia
  atlas,     ///< `atlas.layers.0.attention.query`: names for all that a transformer_config can say
};

namespace detail {

/// Names without `.weight` and `.bias`; empty for what the family has no name for.
struct tensor_names {
  std::string_view embedding, positions;
  std::string_view layers;  ///< what stands before the number of a layer
  std::string_view final_norm, head;
  // Below a layer:
  std::string_view attention_norm, attention_post_norm;
  std::string_view query, key, value;  ///< all the same where one map is fused of them
  std::string_view query_norm, key_norm;
  std::string_view attention_output;
  std::string_view mlp_norm, mlp_post_norm;
  std::string_view gate, up;  ///< the same where one map is fused of them
  std::string_view contract;
  bool input_major = false;  ///< maps of the layers are stored `[in, out]`, not `[out, in]`
  /// Query, key and value of a head are beside each other, head after head; else all queries, all
  /// keys, all values.
  bool by_head = false;
};

inline constexpr tensor_names gpt2_names = {.embedding = "transformer.wte",
                                            .positions = "transformer.wpe",
                                            .layers = "transformer.h.",
                                            .final_norm = "transformer.ln_f",
                                            .head = "lm_head",
                                            .attention_norm = "ln_1",
                                            .attention_post_norm = "",
                                            .query = "attn.c_attn",
                                            .key = "attn.c_attn",
                                            .value = "attn.c_attn",
                                            .query_norm = "",
                                            .key_norm = "",
                                            .attention_output = "attn.c_proj",
                                            .mlp_norm = "ln_2",
                                            .mlp_post_norm = "",
                                            .gate = "",
                                            .up = "mlp.c_fc",
                                            .contract = "mlp.c_proj",
                                            .input_major = true};

inline constexpr tensor_names llama_names = {.embedding = "model.embed_tokens",
                                             .positions = "",
                                             .layers = "model.layers.",
                                             .final_norm = "model.norm",
                                             .head = "lm_head",
                                             .attention_norm = "input_layernorm",
                                             .attention_post_norm = "",
                                             .query = "self_attn.q_proj",
                                             .key = "self_attn.k_proj",
                                             .value = "self_attn.v_proj",
                                             .query_norm = "self_attn.q_norm",
                                             .key_norm = "self_attn.k_norm",
                                             .attention_output = "self_attn.o_proj",
                                             .mlp_norm = "post_attention_layernorm",
                                             .mlp_post_norm = "",
                                             .gate = "mlp.gate_proj",
                                             .up = "mlp.up_proj",
                                             .contract = "mlp.down_proj"};

constexpr tensor_names gemma_names() {
  tensor_names n = llama_names;
  n.attention_post_norm = "post_attention_layernorm";
  n.mlp_norm = "pre_feedforward_layernorm";
  n.mlp_post_norm = "post_feedforward_layernorm";
  return n;
}

constexpr tensor_names phi3_names() {
  tensor_names n = llama_names;
  n.query = n.key = n.value = "self_attn.qkv_proj";
  n.gate = n.up = "mlp.gate_up_proj";
  return n;
}

inline constexpr tensor_names gpt_neox_names = {.embedding = "gpt_neox.embed_in",
                                                .positions = "",
                                                .layers = "gpt_neox.layers.",
                                                .final_norm = "gpt_neox.final_layer_norm",
                                                .head = "embed_out",
                                                .attention_norm = "input_layernorm",
                                                .attention_post_norm = "",
                                                .query = "attention.query_key_value",
                                                .key = "attention.query_key_value",
                                                .value = "attention.query_key_value",
                                                .query_norm = "",
                                                .key_norm = "",
                                                .attention_output = "attention.dense",
                                                .mlp_norm = "post_attention_layernorm",
                                                .mlp_post_norm = "",
                                                .gate = "",
                                                .up = "mlp.dense_h_to_4h",
                                                .contract = "mlp.dense_4h_to_h",
                                                .by_head = true};

/// No name is missing, and no map is fused.
inline constexpr tensor_names atlas_names = {.embedding = "atlas.embedding",
                                             .positions = "atlas.positions",
                                             .layers = "atlas.layers.",
                                             .final_norm = "atlas.final_norm",
                                             .head = "lm_head",
                                             .attention_norm = "attention_norm",
                                             .attention_post_norm = "attention_post_norm",
                                             .query = "attention.query",
                                             .key = "attention.key",
                                             .value = "attention.value",
                                             .query_norm = "attention.query_norm",
                                             .key_norm = "attention.key_norm",
                                             .attention_output = "attention.output",
                                             .mlp_norm = "mlp_norm",
                                             .mlp_post_norm = "mlp_post_norm",
                                             .gate = "mlp.gate",
                                             .up = "mlp.up",
                                             .contract = "mlp.down"};

/// In the order of model_family.
inline constexpr tensor_names names_by_family[] = {gpt2_names,   llama_names,    gemma_names(),
                                                   phi3_names(), gpt_neox_names, atlas_names};

constexpr const tensor_names& names_of(model_family family) {
  return names_by_family[static_cast<int>(family)];
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI
