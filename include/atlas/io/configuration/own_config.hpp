// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `config.json` of the atlas family: every field of transformer_config under its own name, so that
/// any combination of them can be said. No field has a default, and no other key is allowed.

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/io/configuration/architectures.hpp"
#include "atlas/io/configuration/config_fields.hpp"
#include "atlas/reference/config.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// The `model_type`.
inline constexpr const char* own_type = "atlas";

constexpr auto words_of(activation) {
  return std::to_array<std::pair<const char*, activation>>({{"gelu", activation::gelu},
                                                            {"gelu_tanh", activation::gelu_tanh},
                                                            {"relu", activation::relu},
                                                            {"silu", activation::silu}});
}
constexpr auto words_of(norm_kind) {
  return std::to_array<std::pair<const char*, norm_kind>>(
      {{"layer", norm_kind::layer}, {"rms", norm_kind::rms}});
}
constexpr auto words_of(norm_position) {
  return std::to_array<std::pair<const char*, norm_position>>({{"before", norm_position::before},
                                                               {"after", norm_position::after},
                                                               {"both", norm_position::both}});
}
constexpr auto words_of(query_key_norm) {
  return std::to_array<std::pair<const char*, query_key_norm>>(
      {{"none", query_key_norm::none},
       {"heads", query_key_norm::heads},
       {"projections", query_key_norm::projections}});
}
constexpr auto words_of(rotary_options::rescaling) {
  using kind = rotary_options::rescaling;
  return std::to_array<std::pair<const char*, kind>>(
      {{"none", kind::none}, {"linear", kind::linear}, {"llama3", kind::llama3}});
}

template <class Value>
concept has_words = requires(Value value) {
  words_of(value);
};

/// Calls `visit(key, value)` for each field. The list of names takes the struct apart, so that one
/// more field there does not compile until it is here, too.
template <class Rotary, class Visit>
requires std::is_same_v<std::remove_const_t<Rotary>, rotary_options>
void for_each_field(Rotary& r, Visit&& visit) {
  auto& [theta, kind, factor, low_frequency_factor, high_frequency_factor, original_positions,
         divisors] = r;
  visit("theta", theta);
  visit("kind", kind);
  visit("factor", factor);
  visit("low_frequency_factor", low_frequency_factor);
  visit("high_frequency_factor", high_frequency_factor);
  visit("original_positions", original_positions);
  visit("divisors", divisors);
}

/// The same of a transformer_config, but for its family.
template <class Config, class Visit>
requires std::is_same_v<std::remove_const_t<Config>, transformer_config>
void for_each_field(Config& c, Visit&& visit) {
  [[maybe_unused]] auto& [family, layers, model_dimension, heads, key_value_heads, head_dimension,
                          mlp_dimension, vocabulary, positions, norm, norms, norm_epsilon,
                          norm_offset, head_norm, mlp_activation, gated_mlp, parallel_residual,
                          embedding_scale, rotary_share, rotary, window_rotary, scale_logits,
                          query_scalar, scale_by_layer, logit_cap, output_cap, query_key_value_bias,
                          output_bias, mlp_bias, tied, windows] = c;
  visit("layers", layers);
  visit("model_dimension", model_dimension);
  visit("heads", heads);
  visit("key_value_heads", key_value_heads);
  visit("head_dimension", head_dimension);
  visit("mlp_dimension", mlp_dimension);
  visit("vocabulary", vocabulary);
  visit("positions", positions);
  visit("norm", norm);
  visit("norms", norms);
  visit("norm_epsilon", norm_epsilon);
  visit("norm_offset", norm_offset);
  visit("head_norm", head_norm);
  visit("mlp_activation", mlp_activation);
  visit("gated_mlp", gated_mlp);
  visit("parallel_residual", parallel_residual);
  visit("embedding_scale", embedding_scale);
  visit("rotary_share", rotary_share);
  visit("rotary", rotary);
  visit("window_rotary", window_rotary);
  visit("scale_logits", scale_logits);
  visit("query_scalar", query_scalar);
  visit("scale_by_layer", scale_by_layer);
  visit("logit_cap", logit_cap);
  visit("output_cap", output_cap);
  visit("query_key_value_bias", query_key_value_bias);
  visit("output_bias", output_bias);
  visit("mlp_bias", mlp_bias);
  visit("tied", tied);
  visit("windows", windows);
}

/// Fields from the members of an object, each of which must be there.
template <class Json>
class own_field_reader {
 public:
  explicit own_field_reader(const config_fields<Json>& fields) : f_(fields) {}

  void operator()(const char* key, index_t& value) const { value = f_.count(key); }
  void operator()(const char* key, double& value) const { value = f_.number(key); }
  void operator()(const char* key, bool& value) const { value = f_.flag(key); }
  template <has_words Value>
  void operator()(const char* key, Value& value) const {
    const std::string text = f_.text(key);
    std::string known;
    for (const auto& [word, meant] : words_of(Value{})) {
      if (word == text) {
        value = meant;
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(word);
    }
    f_.refuse(key, "one of " + known, text);
  }
  void operator()(const char* key, rotary_options& value) const {
    const Json& group = f_.need(key, "an object");
    if (!group.is_object()) f_.refuse(key, "an object", group);
    const config_fields<Json> members(group, f_.where() + ": " + key);
    for_each_field(value, own_field_reader(members));
    members.refuse_the_rest([](const std::string&) { return false; });
  }
  /// Null for none.
  void operator()(const char* key, std::optional<rotary_options>& value) const {
    if (f_.has(key) && !f_.find(key)) return value.reset();
    (*this)(key, value.emplace());
  }
  void operator()(const char* key, std::vector<index_t>& value) const {
    read_list(key, "a list of whole numbers from 0 to 2^31", value, [](const Json& x) {
      return x.is_number_integer() && x >= 0 && x <= (std::int64_t{1} << 31);
    });
  }
  void operator()(const char* key, std::vector<float>& value) const {
    read_list(key, "a list of numbers", value, [](const Json& x) { return x.is_number(); });
  }

 private:
  template <class Value, class Fits>
  void read_list(const char* key, const char* wanted, std::vector<Value>& value,
                 Fits&& fits) const {
    const Json& list = f_.need(key, wanted);
    if (!list.is_array()) f_.refuse(key, wanted, list);
    value.clear();
    for (const Json& x : list) {
      if (!fits(x)) f_.refuse(key, wanted, x);
      value.push_back(x.template get<Value>());
    }
  }

  const config_fields<Json>& f_;
};

/// \throws format_error naming the key that is missing, of another type, or of no field
template <class Json>
transformer_config read_own_config(const config_fields<Json>& f) {
  transformer_config c;
  c.family = model_family::atlas;
  for_each_field(c, own_field_reader<Json>(f));
  f.refuse_the_rest([](const std::string&) { return false; });
  return c;
}

/// Fields as members of an object.
class own_field_writer {
 public:
  explicit own_field_writer(nlohmann::ordered_json& to) : to_(to) {}

  template <class Value>
  void operator()(const char* key, const Value& value) const {
    if constexpr (has_words<Value>) {
      for (const auto& [word, meant] : words_of(Value{}))
        if (meant == value) to_[key] = word;
    } else {
      to_[key] = value;
    }
  }
  void operator()(const char* key, const rotary_options& value) const {
    to_[key] = nlohmann::ordered_json::object();
    for_each_field(value, own_field_writer(to_[key]));
  }
  void operator()(const char* key, const std::optional<rotary_options>& value) const {
    to_[key] = nullptr;
    if (value) (*this)(key, *value);
  }

 private:
  nlohmann::ordered_json& to_;
};

inline nlohmann::ordered_json own_json(const transformer_config& c) {
  nlohmann::ordered_json out = {
      {"architectures", nlohmann::ordered_json::array({architecture_of_type(own_type)})},
      {"model_type", own_type}};
  for_each_field(c, own_field_writer(out));
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
