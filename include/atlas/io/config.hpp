// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `config.json` of Hugging Face models, as written by transformers up to 4 and from 5.

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/io/configuration/config_fields.hpp"
#include "atlas/io/configuration/config_keys.hpp"
#include "atlas/io/configuration/rotary_config.hpp"
#include "atlas/io/json.hpp"
#include "atlas/reference/config.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

template <class Json>
activation read_activation(const config_fields<Json>& f, const char* key, const char* otherwise) {
  const std::string name = f.text_or(key, otherwise);
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
    return activation::gelu_tanh;
  if (name == "gelu") return activation::gelu;
  if (name == "relu") return activation::relu;
  if (name == "silu" || name == "swish") return activation::silu;
  f.refuse(key, "gelu_new, gelu_pytorch_tanh, gelu, relu or silu", name);
}

/// What no family here computes.
template <class Json>
void refuse_what_is_not_computed(const config_fields<Json>& f) {
  for (const char* key : {"quantization_config", "quantization", "compression_config"})
    if (const Json* value = f.find(key); value && *value != false)
      f.refuse(key,
               "absent (quantized weights are not supported: give the folder with the weights that "
               "they were made from)",
               *value);
  for (const char* key :
       {"add_cross_attention", "is_encoder_decoder", "use_bidirectional_attention", "use_mrope",
        "rope_interleaved", "use_qk_norm", "alibi"})
    f.only(key, false);
  f.only("is_causal", true);
  f.only("pruned_heads", Json::object());
}

/// GPT-2's sizes have two names each.
template <class Json>
index_t gpt2_count(const config_fields<Json>& f, const char* key, const char* alias) {
  if (!f.find(alias)) return f.count(key);
  const index_t value = f.count(alias);
  if (f.count_or(key, value) != value)
    f.refuse(alias, "the " + std::string(key) + " " + std::to_string(f.count(key)), value);
  return value;
}

template <class Json>
transformer_config read_gpt2_config(const config_fields<Json>& f) {
  transformer_config c;
  c.family = model_family::gpt2;
  c.layers = gpt2_count(f, "n_layer", "num_hidden_layers");
  c.model_dimension = gpt2_count(f, "n_embd", "hidden_size");
  c.heads = c.key_value_heads = gpt2_count(f, "n_head", "num_attention_heads");
  if (c.heads == 0 || c.model_dimension % c.heads != 0)
    f.refuse("n_head", "a divisor of n_embd", c.heads);
  c.head_dimension = c.model_dimension / c.heads;
  c.mlp_dimension = f.count_or("n_inner", 4 * c.model_dimension);
  c.vocabulary = f.count("vocab_size");
  const bool named = f.find("n_positions") || f.find("max_position_embeddings");
  c.positions = named ? gpt2_count(f, "n_positions", "max_position_embeddings") : 1024;
  c.norm_epsilon = f.number_or("layer_norm_epsilon", 1e-5);
  c.mlp_activation = read_activation(f, "activation_function", "gelu_new");
  c.scale_logits = f.flag_or("scale_attn_weights", true);
  c.scale_by_layer = f.flag_or("scale_attn_by_inverse_layer_idx", false);
  c.tied = f.flag_or("tie_word_embeddings", true);
  f.only("n_special", 0);
  return c;
}

/// Whether each layer slides, as `layer_types` says; empty for a file without.
template <class Json>
std::vector<bool> read_layer_types(const config_fields<Json>& f, index_t layers) {
  const Json* types = f.find("layer_types");
  if (!types) return {};
  if (!types->is_array() || types->size() != static_cast<std::size_t>(layers))
    f.refuse("layer_types", "a list with one entry per layer", *types);
  std::vector<bool> slides;
  for (const Json& type : *types) {
    if (type != "full_attention" && type != "sliding_attention")
      f.refuse("layer_types", "a list of full_attention and sliding_attention", type);
    slides.push_back(type == "sliding_attention");
  }
  return slides;
}

/// The window of a model in which layers slide, 0 where none may: null says so, and a file without
/// the field means the families' default.
template <class Json>
index_t read_sliding_window(const config_fields<Json>& f, const std::string& type) {
  if (type == "qwen2" ? !f.flag_or("use_sliding_window", false)
                      : type == "llama" && !f.flag_or("use_sliding_window", true)) {
    f.find("sliding_window");
    return 0;
  }
  const index_t window =
      f.count_or("sliding_window", type == "llama" || f.has("sliding_window") ? 0 : 4096);
  if (f.find("sliding_window") && (window == 0 || type == "llama"))
    f.refuse("sliding_window", type == "llama" ? "absent, as Llama has none" : "1 or more, or null",
             window);
  // transformers slides a Mistral whatever this key says; without a window both values ask for
  // nothing.
  if (type == "mistral" && !f.flag_or("use_sliding_window", true) && window > 0)
    f.refuse("use_sliding_window", "true or absent beside a sliding_window", false);
  return window;
}

/// Window of each layer; empty for none at all. Layers slide where `layer_types` says so, or else
/// all of a Mistral's, and a Qwen2's from `max_window_layers` on.
template <class Json>
std::vector<index_t> read_windows(const config_fields<Json>& f, const std::string& type,
                                  index_t layers) {
  const index_t window = read_sliding_window(f, type);
  const std::vector<bool> slides = read_layer_types(f, layers);
  const index_t first = type == "qwen2" ? f.count_or("max_window_layers", 28) : 0;
  if (window == 0) {
    f.find("max_window_layers");  // counts layers of which none slides
    if (std::find(slides.begin(), slides.end(), true) != slides.end())
      f.refuse("layer_types", "full_attention in a model without a sliding window",
               "sliding_attention");
    return {};
  }
  // Beyond that the configuration is refused as a whole.
  std::vector<index_t> windows(static_cast<std::size_t>((std::min)(layers, index_t{1} << 20)), 0);
  for (std::size_t l = 0; l < windows.size(); ++l)
    if (slides.empty() ? static_cast<index_t>(l) >= first : slides[l]) windows[l] = window;
  return windows;
}

template <class Json>
transformer_config read_llama_config(const config_fields<Json>& f, const std::string& type,
                                     const std::string& where) {
  transformer_config c;
  c.family = model_family::llama;
  c.layers = f.count("num_hidden_layers");
  c.model_dimension = f.count("hidden_size");
  c.heads = f.count("num_attention_heads");
  if (c.heads == 0) f.refuse("num_attention_heads", "1 or more", c.heads);
  const bool first_mistral = type == "mistral" && !f.has("num_key_value_heads");
  c.key_value_heads = f.count_or("num_key_value_heads", first_mistral ? 8 : c.heads);
  c.head_dimension = f.count_or("head_dim", c.model_dimension / c.heads);
  c.mlp_dimension = f.count("intermediate_size");
  c.vocabulary = f.count("vocab_size");
  c.positions = f.count_or("max_position_embeddings", 2048);
  c.norm_epsilon = f.number_or("rms_norm_eps", 1e-6);
  c.mlp_activation = read_activation(f, "hidden_act", "silu");
  c.windows = read_windows(f, type, c.layers);
  c.rotary = read_rotary(f, where, c.positions, c.windows);
  c.tied = f.flag_or("tie_word_embeddings", false);
  if (type == "llama") {
    c.query_key_value_bias = c.output_bias = f.flag_or("attention_bias", false);
    c.mlp_bias = f.flag_or("mlp_bias", false);
  } else {
    c.query_key_value_bias = type == "qwen2";
    // Qwen2 has these biases whatever the key says, which files of both values exist for.
    if (type == "qwen2")
      f.flag_or("attention_bias", true);
    else
      f.only("attention_bias", false);
    f.only("mlp_bias", false);
  }
  return c;
}

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
                           {"Qwen2Model", "qwen2"}};

/// Empty for an architecture that is not read.
inline std::string_view type_of_architecture(std::string_view architecture) {
  for (const auto& known : known_architectures)
    if (known.architecture == architecture) return known.type;
  return {};
}

/// The names in `architectures`; none where there are none.
template <class Json>
std::vector<std::string> read_architectures(const config_fields<Json>& f) {
  std::vector<std::string> names;
  const Json* all = f.find("architectures");
  if (!all) return names;
  if (!all->is_array()) f.refuse("architectures", "a list of names", *all);
  for (const Json& name : *all) {
    if (!name.is_string()) f.refuse("architectures", "a list of names", name);
    names.push_back(name);
  }
  return names;
}

/// The model's kind, from `model_type` or, where that is missing, null or empty, the first of
/// `architectures`.
/// \throws format_error where they contradict each other or name another head
template <class Json = nlohmann::json>
std::string model_type(const config_fields<Json>& f, const std::string& where) {
  const std::vector<std::string> names = read_architectures(f);
  std::string type = f.text_or("model_type", "");
  if (type.empty() && names.empty())
    throw format_error(where, "a member \"model_type\" or \"architectures\"", "neither");
  if (type.empty()) type = type_of_architecture(names[0]);
  if (type.empty()) type = names[0];
  const auto known = [&](const auto& row) { return row.type == type; };
  if (std::none_of(std::begin(known_architectures), std::end(known_architectures), known))
    throw format_error(where, "model_type gpt2, llama, mistral or qwen2", in_quotes(type));
  for (const std::string& name : names)
    if (type_of_architecture(name) != type)
      f.refuse("architectures",
               "a language model of the model_type " + in_quotes(type) +
                   " (other architectures and heads for other tasks are not supported)",
               name);
  return type;
}

/// A model with code of its own computes what only that code says; a tokenizer's is no matter.
template <class Json>
void check_own_code(const config_fields<Json>& f) {
  const Json* classes = f.find("auto_map");
  if (!classes) return;
  if (!classes->is_object()) f.refuse("auto_map", "an object", *classes);
  for (const auto& [key, code] : classes->items())
    if (key != "AutoTokenizer" && key != "AutoProcessor")
      f.refuse(
          "auto_map",
          "absent, as code that comes with a model is not run (remove it if the model computes "
          "what its model_type says)",
          code);
}

}  // namespace detail

/// Every key of the file, at every level, is used, or known not to matter, or refused by name.
/// \param text  the file
/// \param where its name, for messages
/// \throws format_error for malformed JSON, an architecture other than gpt2, llama, mistral and
///         qwen2, missing or ill-typed fields, and settings that this library does not compute or
///         understand
template <class Json = nlohmann::json>
[[nodiscard]] transformer_config parse_transformer_config(std::string_view text,
                                                          const std::string& where) {
  const Json root = parse_json(text, where);
  if (!root.is_object()) throw format_error(where, "an object", root.type_name());
  const detail::config_fields fields(root, where);
  const std::string type = detail::model_type(fields, where);
  detail::check_own_code(fields);
  detail::refuse_what_is_not_computed(fields);
  transformer_config c = type == "gpt2" ? detail::read_gpt2_config(fields)
                                        : detail::read_llama_config(fields, type, where);
  fields.refuse_the_rest(detail::is_harmless_key);
  try {
    check_config(c);
  } catch (const error& e) {
    throw format_error(where, "a consistent configuration", e.what());
  }
  return c;
}

}  // namespace atlas::inline ATLAS_ABI::io
