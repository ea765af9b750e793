// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `config.json` of Hugging Face models, as written by transformers up to 4 and from 5, and of
/// models of the atlas family.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/io/configuration/architectures.hpp"
#include "atlas/io/configuration/config_fields.hpp"
#include "atlas/io/configuration/config_keys.hpp"
#include "atlas/io/configuration/own_config.hpp"
#include "atlas/io/configuration/rotary_config.hpp"
#include "atlas/io/configuration/window_config.hpp"
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

/// Which maps have biases.
template <class Json>
void read_biases(const config_fields<Json>& f, biases bias, transformer_config& c) {
  // Qwen2 has those of queries, keys and values whatever the key says, which files of both values
  // exist for.
  if (bias == biases::none)
    f.only("attention_bias", false);
  else
    c.query_key_value_bias = f.flag_or("attention_bias", false);
  c.output_bias = c.query_key_value_bias;
  if (bias == biases::queries_keys_values) {
    c.query_key_value_bias = true;
    c.output_bias = false;
  }
  if (bias == biases::attention_and_mlp)
    c.mlp_bias = f.flag_or("mlp_bias", false);
  else
    f.only("mlp_bias", false);
}

/// A soft cap; 0 for null.
template <class Json>
double read_cap(const config_fields<Json>& f, const char* key, double otherwise) {
  if (!f.has(key)) return otherwise;
  const double cap = f.number_or(key, 0);
  if (f.find(key) && !(cap > 0)) f.refuse(key, "a positive number, or null for none", cap);
  return cap;
}

/// What Gemma has beside a Llama.
template <class Json>
void read_gemma(const config_fields<Json>& f, const llama_kind& kind, transformer_config& c) {
  const bool second = kind.type == "gemma2";
  c.norm_offset = 1;
  c.embedding_scale = std::sqrt(static_cast<double>(c.model_dimension));
  c.query_scalar = f.number_or("query_pre_attn_scalar", 256);
  if (!(c.query_scalar > 0)) f.refuse("query_pre_attn_scalar", "a positive number", c.query_scalar);
  c.output_cap = read_cap(f, "final_logit_softcapping", second ? 30 : 0);
  // A key of Gemma 3, too, but transformers caps nothing there.
  if (second)
    c.logit_cap = read_cap(f, "attn_logit_softcapping", 50);
  else
    f.only("attn_logit_softcapping", Json());
  // transformers does not look at this key; files that have it say the same twice.
  if (read_activation(f, "hidden_act", f.text_or(kind.activation_key, kind.activation).c_str()) !=
      c.mlp_activation)
    f.refuse("hidden_act", "the same as " + in_quotes(kind.activation_key), *f.find("hidden_act"));
}

/// `num_key_value_heads`: as many as heads where it is null, or missing in an architecture without
/// a number of its own.
template <class Json>
index_t read_key_value_heads(const config_fields<Json>& f, const llama_kind& kind, index_t heads) {
  const bool own = kind.key_value_heads > 0 && !f.has("num_key_value_heads");
  return f.count_or("num_key_value_heads", own ? kind.key_value_heads : heads);
}

/// Llama and what is told from it by a row of llama_kinds.
template <class Json>
transformer_config read_llama_config(const config_fields<Json>& f, const std::string& type,
                                     const std::string& where) {
  const llama_kind& kind = llama_kind_of(type);
  transformer_config c = llama_config();
  c.family = kind.family;
  c.norms = kind.norms;
  c.head_norm = kind.head_norm;
  c.layers = f.count("num_hidden_layers");
  c.model_dimension = f.count("hidden_size");
  c.heads = f.count("num_attention_heads");
  if (c.heads == 0) f.refuse("num_attention_heads", "1 or more", c.heads);
  c.key_value_heads = read_key_value_heads(f, kind, c.heads);
  c.head_dimension = f.count_or(
      "head_dim", kind.head_dimension > 0 ? kind.head_dimension : c.model_dimension / c.heads);
  c.mlp_dimension = f.count("intermediate_size");
  c.vocabulary = f.count("vocab_size");
  c.positions = f.count_or("max_position_embeddings", kind.positions);
  c.norm_epsilon = f.number_or("rms_norm_eps", kind.epsilon);
  c.mlp_activation = read_activation(f, kind.activation_key, kind.activation);
  c.windows = read_windows(f, kind, c.layers);
  read_biases(f, kind.bias, c);
  if (kind.type == "gemma3_text")
    read_rotary_of_two(f, where, c);
  else
    read_rotary(f, where, {.share = kind.partial ? std::optional<double>(1) : std::nullopt}, c);
  // Its scaled frequencies are longrope's, which are refused; transformers has no others for it.
  if (kind.type == "phi3" && c.rotary.kind != rotary_options::rescaling::none)
    f.refuse(f.find("rope_scaling") ? "rope_scaling" : "rope_parameters",
             "of the type default in Phi-3", "another type");
  c.tied = f.flag_or("tie_word_embeddings", kind.tied);
  if (kind.gemma) read_gemma(f, kind, c);
  return c;
}

/// GPT-NeoX and Pythia.
template <class Json>
transformer_config read_gpt_neox_config(const config_fields<Json>& f, const std::string& where) {
  transformer_config c;
  c.family = model_family::gpt_neox;
  c.layers = f.count("num_hidden_layers");
  c.model_dimension = f.count("hidden_size");
  c.heads = c.key_value_heads = f.count("num_attention_heads");
  if (c.heads == 0 || c.model_dimension % c.heads != 0)
    f.refuse("num_attention_heads", "a divisor of hidden_size", c.heads);
  c.head_dimension = c.model_dimension / c.heads;
  c.mlp_dimension = f.count("intermediate_size");
  c.vocabulary = f.count("vocab_size");
  c.positions = f.count_or("max_position_embeddings", 2048);
  c.norm_epsilon = f.number_or("layer_norm_eps", 1e-5);
  c.mlp_activation = read_activation(f, "hidden_act", "gelu");
  c.parallel_residual = f.flag_or("use_parallel_residual", true);
  c.query_key_value_bias = c.output_bias = f.flag_or("attention_bias", true);
  read_rotary(f, where,
              {.theta = f.number_or("rotary_emb_base", 10000),
               .share = f.number_or("rotary_pct", 0.25),
               .own_names = true},
              c);
  c.tied = f.flag_or("tie_word_embeddings", false);
  return c;
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
    throw format_error(where, "model_type " + known_types(), in_quotes(type));
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

/// A model of Hugging Face's.
template <class Json>
transformer_config read_hugging_face_config(const config_fields<Json>& f, const std::string& type,
                                            const std::string& where) {
  check_own_code(f);
  refuse_what_is_not_computed(f);
  transformer_config c = type == "gpt2"       ? read_gpt2_config(f)
                         : type == "gpt_neox" ? read_gpt_neox_config(f, where)
                                              : read_llama_config(f, type, where);
  f.refuse_the_rest(is_harmless_key);
  return c;
}

}  // namespace detail

/// Every key of the file, at every level, is used, or known not to matter, or refused by name.
/// \param text  the file
/// \param where its name, for messages
/// \throws format_error for malformed JSON, an architecture other than gpt2, llama, mistral, qwen2,
///         qwen3, gemma2, gemma3_text, phi3, gpt_neox, olmo2 and atlas, missing or ill-typed
///         fields, and settings that this library does not compute or understand
template <class Json = nlohmann::json>
[[nodiscard]] transformer_config parse_transformer_config(std::string_view text,
                                                          const std::string& where) {
  const detail::kept_json<Json> kept(parse_json<Json>(text, where));
  const Json& root = kept.value;
  if (!root.is_object()) throw format_error(where, "an object", root.type_name());
  const detail::config_fields fields(root, where);
  const std::string type = detail::model_type(fields, where);
  const transformer_config c = type == detail::own_type
                                   ? detail::read_own_config(fields)
                                   : detail::read_hugging_face_config(fields, type, where);
  try {
    check_config(c);
  } catch (const error& e) {
    throw format_error(where, "a consistent configuration", e.what());
  }
  return c;
}

}  // namespace atlas::inline ATLAS_ABI::io
