// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The architectures that are read, and what tells those of Llama's kind from each other: a row
/// each, with what transformers takes for keys that a file does not have.

#include <array>
#include <string>
#include <string_view>

#include "atlas/reference/config.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// Architectures that are read, and the `model_type` of each. Those without a head are read where
/// the embedding is the head.
inline constexpr struct {
  std::string_view architecture, type;
} known_architectures[] = {{"GPT2LMHeadModel", "gpt2"},
                           {"GPT2DoubleHeadsModel", "gpt2"},
                           {"GPT2Model", "gpt2"},
                           {"LlamaForCausalLM", "llama"},
                           {"LLaMAForCausalLM", "llama"},
                           {"LlamaModel", "llama"},
                           {"MistralForCausalLM", "mistral"},
                           {"MistralModel", "mistral"},
                           {"Qwen2ForCausalLM", "qwen2"},
                           {"Qwen2Model", "qwen2"},
                           {"Qwen3ForCausalLM", "qwen3"},
                           {"Qwen3Model", "qwen3"},
                           {"Gemma2ForCausalLM", "gemma2"},
                           {"Gemma2Model", "gemma2"},
                           {"Gemma3ForCausalLM", "gemma3_text"},
                           {"Gemma3TextModel", "gemma3_text"},
                           {"Phi3ForCausalLM", "phi3"},
                           {"Phi3Model", "phi3"},
                           {"GPTNeoXForCausalLM", "gpt_neox"},
                           {"GPTNeoXModel", "gpt_neox"},
                           {"Olmo2ForCausalLM", "olmo2"},
                           {"Olmo2Model", "olmo2"},
                           {"AtlasForCausalLM", "atlas"}};

/// Empty for an architecture that is not read.
inline std::string_view type_of_architecture(std::string_view architecture) {
  for (const auto& known : known_architectures)
    if (known.architecture == architecture) return known.type;
  return {};
}

/// The language model of a type.
inline std::string_view architecture_of_type(std::string_view type) {
  for (const auto& known : known_architectures)
    if (known.type == type) return known.architecture;
  return {};
}

/// The types that are read, for messages.
inline std::string known_types() {
  return "gpt2, llama, mistral, qwen2, qwen3, gemma2, gemma3_text, phi3, gpt_neox, olmo2 or atlas";
}

/// Which layers have a window.
enum class sliding {
  never,
  always,   ///< all of them, where there is a `sliding_window`
  on_flag,  ///< from `max_window_layers` on, where `use_sliding_window` is true
  pattern,  ///< all but each n-th
};

/// Which linear maps have biases.
enum class biases {
  none,
  queries_keys_values,  ///< whatever `attention_bias` says
  attention,            ///< all of attention's where `attention_bias` is true
  attention_and_mlp,    ///< and the MLP's where `mlp_bias` is
};

struct llama_kind {
  std::string_view type;
  model_family family = model_family::llama;
  norm_position norms = norm_position::before;
  query_key_norm head_norm = query_key_norm::none;
  biases bias = biases::none;
  sliding slides = sliding::never;
  bool gemma =
      false;  ///< norm weights less 1, a scaled embedding, soft caps, `query_pre_attn_scalar`
  bool partial = false;  ///< `partial_rotary_factor` is a setting
  const char* activation_key = "hidden_act";
  const char* activation = "silu";
  double epsilon = 1e-6;
  index_t positions = 2048;
  index_t key_value_heads = 0;  ///< 0: as many as heads; where the key is missing, not null
  index_t head_dimension = 0;   ///< 0: hidden_size / heads
  index_t window = 0;
  index_t window_pattern = 0;  ///< each so many-th layer has none
  bool by_layer = true;        ///< `layer_types` tells layers apart
  bool tied = false;
};

inline constexpr std::array llama_kinds = std::to_array<llama_kind>(
    {{.type = "llama", .bias = biases::attention_and_mlp},
     {.type = "mistral", .slides = sliding::always, .key_value_heads = 8, .window = 4096},
     {.type = "qwen2",
      .bias = biases::queries_keys_values,
      .slides = sliding::on_flag,
      .window = 4096},
     {.type = "qwen3",
      .head_norm = query_key_norm::heads,
      .bias = biases::attention,
      .slides = sliding::on_flag,
      .positions = 32768,
      .key_value_heads = 32,
      .head_dimension = 128,
      .window = 4096},
     {.type = "gemma2",
      .family = model_family::gemma,
      .norms = norm_position::both,
      .bias = biases::attention,
      .slides = sliding::pattern,
      .gemma = true,
      .activation_key = "hidden_activation",
      .activation = "gelu_pytorch_tanh",
      .positions = 8192,
      .key_value_heads = 4,
      .head_dimension = 256,
      .window = 4096,
      .window_pattern = 2,
      .tied = true},
     {.type = "gemma3_text",
      .family = model_family::gemma,
      .norms = norm_position::both,
      .head_norm = query_key_norm::heads,
      .bias = biases::attention,
      .slides = sliding::pattern,
      .gemma = true,
      .activation_key = "hidden_activation",
      .activation = "gelu_pytorch_tanh",
      .positions = 131072,
      .key_value_heads = 4,
      .head_dimension = 256,
      .window = 4096,
      .window_pattern = 6,
      .tied = true},
     {.type = "phi3",
      .family = model_family::phi3,
      .slides = sliding::always,
      .partial = true,
      .epsilon = 1e-5,
      .positions = 4096,
      .by_layer = false},
     {.type = "olmo2",
      .family = model_family::gemma,
      .norms = norm_position::after,
      .head_norm = query_key_norm::projections,
      .bias = biases::attention,
      .epsilon = 1e-5}});

/// The row of a type that has one.
inline const llama_kind& llama_kind_of(std::string_view type) {
  for (const llama_kind& kind : llama_kinds)
    if (kind.type == type) return kind;
  return llama_kinds.front();
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
