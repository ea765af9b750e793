#pragma once
/// \file
/// `config.json` of Hugging Face models, of both generations: rotary parameters at the top level
/// (up to transformers 4) or under `rope_parameters` (from 5).

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "atlas/io/json.hpp"
#include "atlas/reference/config.hpp"

namespace atlas::io {

namespace detail {

/// Typed members of one object; errors name the file and the key.
template <class Json = nlohmann::json>
class config_fields {
 public:
  config_fields(const Json& object, const std::string& where) : object_(object), where_(where) {}

  bool has(const char* key) const { return object_.contains(key); }
  /// Null counts as missing.
  const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  index_t count(const char* key) const {
    member(object_, key, where_);
    return whole(key, *find_or_refuse(key));
  }
  index_t count_or(const char* key, index_t otherwise) const {
    const Json* value = find(key);
    return value ? whole(key, *value) : otherwise;
  }
  double number_or(const char* key, double otherwise) const {
    const Json* value = find(key);
    if (!value) return otherwise;
    if (!value->is_number()) refuse(key, "a number", *value);
    return value->template get<double>();
  }
  bool flag_or(const char* key, bool otherwise) const {
    return flag_member(object_, key, otherwise, where_);
  }
  std::string text_or(const char* key, const char* otherwise) const {
    return find(key) ? text_member(object_, key, where_) : otherwise;
  }
  [[noreturn]] void refuse(const char* key, const std::string& wanted, const Json& got) const {
    throw format_error(where_, in_quotes(key) + " to be " + wanted, described(got));
  }

 private:
  const Json* find_or_refuse(const char* key) const {
    const Json* value = find(key);
    if (!value) refuse(key, "a whole number", Json());
    return value;
  }
  index_t whole(const char* key, const Json& value) const {
    if (!value.is_number_integer() || value < 0 || value > (std::int64_t{1} << 31))
      refuse(key, "a whole number from 0 to 2^31", value);
    return value.template get<index_t>();
  }

  const Json& object_;
  const std::string& where_;
};

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

/// What this library does not compute must not be passed over in silence.
template <class Json>
void refuse_if_set(const config_fields<Json>& f, const char* key) {
  const Json* value = f.find(key);
  if (value && *value != false) f.refuse(key, "absent (it is not supported)", *value);
}

template <class Json>
transformer_config read_gpt2_config(const config_fields<Json>& f) {
  refuse_if_set(f, "add_cross_attention");
  transformer_config c;
  c.family = model_family::gpt2;
  c.layers = f.count("n_layer");
  c.model_dimension = f.count("n_embd");
  c.heads = c.key_value_heads = f.count("n_head");
  if (c.heads == 0 || c.model_dimension % c.heads != 0)
    f.refuse("n_head", "a divisor of n_embd", c.heads);
  c.head_dimension = c.model_dimension / c.heads;
  c.mlp_dimension = f.count_or("n_inner", 4 * c.model_dimension);
  c.vocabulary = f.count("vocab_size");
  c.positions = f.count_or("n_positions", 1024);
  c.norm_epsilon = f.number_or("layer_norm_epsilon", 1e-5);
  c.mlp_activation = read_activation(f, "activation_function", "gelu_new");
  c.scale_logits = f.flag_or("scale_attn_weights", true);
  c.scale_by_layer = f.flag_or("scale_attn_by_inverse_layer_idx", false);
  c.tied = f.flag_or("tie_word_embeddings", true);
  return c;
}

template <class Json>
rotary_options read_rescaling(const config_fields<Json>& f, rotary_options o) {
  const char* key = f.find("rope_type") ? "rope_type" : "type";
  const std::string kind = f.text_or(key, "default");
  if (kind == "default") return o;
  if (kind != "linear" && kind != "llama3") f.refuse(key, "default, linear or llama3", kind);
  const bool llama3 = kind == "llama3";
  o.kind = llama3 ? rotary_options::rescaling::llama3 : rotary_options::rescaling::linear;
  o.factor = f.number_or("factor", 0);
  if (!(o.factor > 0)) f.refuse("factor", "a positive number", o.factor);
  o.low_frequency_factor = f.number_or("low_freq_factor", 1);
  o.high_frequency_factor = f.number_or("high_freq_factor", 4);
  o.original_positions = f.number_or("original_max_position_embeddings", 8192);
  return o;
}

template <class Json>
rotary_options read_rotary(const config_fields<Json>& f, const std::string& where) {
  rotary_options o;
  o.theta = f.number_or("rope_theta", 10000);
  const Json* group = f.find("rope_parameters");
  if (!group) group = f.find("rope_scaling");
  if (group) {
    if (!group->is_object()) f.refuse("rope_parameters", "an object", *group);
    const config_fields<Json> fields(*group, where);
    o.theta = fields.number_or("rope_theta", o.theta);
    o = read_rescaling(fields, o);
    if (fields.number_or("partial_rotary_factor", 1) != 1)
      fields.refuse("partial_rotary_factor", "1", *fields.find("partial_rotary_factor"));
  }
  return o;
}

/// Window of each layer of a Qwen2 model: those that `layer_types` says, or from
/// `max_window_layers` on.
template <class Json>
std::vector<index_t> read_qwen2_windows(const config_fields<Json>& f, index_t layers) {
  const index_t window = f.count_or("sliding_window", 0);
  if (!f.flag_or("use_sliding_window", false) || window == 0) return {};
  const auto n = static_cast<std::size_t>((std::min)(layers, index_t{1} << 20));
  std::vector<index_t> windows(n, 0);
  const Json* types = f.find("layer_types");
  if (types && (!types->is_array() || types->size() != n))
    f.refuse("layer_types", "a list with one entry per layer", *types);
  const auto from = static_cast<std::size_t>(f.count_or("max_window_layers", 28));
  for (std::size_t l = 0; l < n; ++l)
    if (types ? (*types)[l] == "sliding_attention" : l >= from) windows[l] = window;
  return windows;
}

/// Null says that there is no window; a file without the field means the first Mistral's.
template <class Json>
index_t mistral_window(const config_fields<Json>& f) {
  return f.count_or("sliding_window", f.has("sliding_window") ? 0 : 4096);
}

template <class Json>
transformer_config read_llama_config(const config_fields<Json>& f, const std::string& type,
                                     const std::string& where) {
  refuse_if_set(f, "quantization_config");
  transformer_config c;
  c.family = model_family::llama;
  c.layers = f.count("num_hidden_layers");
  c.model_dimension = f.count("hidden_size");
  c.heads = f.count("num_attention_heads");
  if (c.heads == 0) f.refuse("num_attention_heads", "1 or more", c.heads);
  c.key_value_heads = f.count_or("num_key_value_heads", type == "mistral" ? 8 : c.heads);
  c.head_dimension = f.count_or("head_dim", c.model_dimension / c.heads);
  c.mlp_dimension = f.count("intermediate_size");
  c.vocabulary = f.count("vocab_size");
  c.positions = f.count_or("max_position_embeddings", 2048);
  c.norm_epsilon = f.number_or("rms_norm_eps", 1e-6);
  c.mlp_activation = read_activation(f, "hidden_act", "silu");
  c.rotary = read_rotary(f, where);
  c.tied = f.flag_or("tie_word_embeddings", false);
  if (type == "llama") {
    c.query_key_value_bias = c.output_bias = f.flag_or("attention_bias", false);
    c.mlp_bias = f.flag_or("mlp_bias", false);
  } else if (type == "qwen2") {
    c.query_key_value_bias = true;
    c.windows = read_qwen2_windows(f, c.layers);
  } else if (const index_t window = mistral_window(f); window > 0) {
    c.windows.assign(static_cast<std::size_t>((std::min)(c.layers, index_t{1} << 20)), window);
  }
  return c;
}

/// The model's kind, from `model_type` or, where that is missing, the first of `architectures`.
template <class Json = nlohmann::json>
std::string model_type(const Json& root, const std::string& where) {
  if (root.contains("model_type")) return text_member(root, "model_type", where);
  const Json& all = member(root, "architectures", where);
  if (!all.is_array() || all.empty() || !all[0].is_string())
    throw format_error(where, "architectures to be a list of names", described(all));
  const std::string name = all[0];
  for (const auto& [architecture, type] : {std::pair{"GPT2LMHeadModel", "gpt2"},
                                           {"LlamaForCausalLM", "llama"},
                                           {"MistralForCausalLM", "mistral"},
                                           {"Qwen2ForCausalLM", "qwen2"}})
    if (name == architecture) return type;
  return name;
}

}  // namespace detail

/// \param text  the file
/// \param where its name, for messages
/// \throws format_error for malformed JSON, an architecture other than gpt2, llama, mistral and
///         qwen2, missing or ill-typed fields, and settings that this library does not compute
template <class Json = nlohmann::json>
transformer_config parse_transformer_config(std::string_view text, const std::string& where) {
  const Json root = detail::parse_json(text, where);
  if (!root.is_object()) throw format_error(where, "an object", root.type_name());
  const std::string type = detail::model_type(root, where);
  const detail::config_fields fields(root, where);
  transformer_config c;
  if (type == "gpt2")
    c = detail::read_gpt2_config(fields);
  else if (type == "llama" || type == "mistral" || type == "qwen2")
    c = detail::read_llama_config(fields, type, where);
  else
    throw format_error(where, "model_type gpt2, llama, mistral or qwen2", detail::in_quotes(type));
  try {
    check_config(c);
  } catch (const error& e) {
    throw format_error(where, "a consistent configuration", e.what());
  }
  return c;
}

}  // namespace atlas::io
