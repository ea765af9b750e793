// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rotary parameters in a `config.json`: at the top level with `rope_scaling` (up to transformers
/// 4) or under `rope_parameters` (from 5), there once for all layers or by layer type.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "atlas/io/configuration/config_fields.hpp"
#include "atlas/reference/config.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// What the top level says of rotary positions.
struct rotary_surroundings {
  double theta = 10000;
  std::optional<double> original_positions;
  double positions = 0;  ///< `max_position_embeddings`
};

/// `rope_type`, or `type` as it was called at first.
template <class Json>
std::string rope_type_of(const config_fields<Json>& f) {
  const std::string old_name = f.text_or("type", "");
  const std::string kind = f.text_or("rope_type", old_name.empty() ? "default" : old_name);
  if (!old_name.empty() && old_name != kind)
    f.refuse("type", "the rope_type " + in_quotes(kind), old_name);
  return kind;
}

/// One group of rotary parameters. As in transformers, an `original_max_position_embeddings` at the
/// top level comes before the group's, and without either it is `max_position_embeddings`.
template <class Json>
rotary_options read_rotary_group(const Json& group, const std::string& where,
                                 const rotary_surroundings& around) {
  const config_fields<Json> f(group, where);
  rotary_options o;
  o.theta = f.number_or("rope_theta", around.theta);
  const std::string kind = rope_type_of(f);
  // Only llama3 has a use for the length of the first training.
  const double original = f.number_or("original_max_position_embeddings", around.positions);
  if (kind == "llama3") {
    o.kind = rotary_options::rescaling::llama3;
    o.low_frequency_factor = f.number("low_freq_factor");
    o.high_frequency_factor = f.number("high_freq_factor");
    o.original_positions = around.original_positions.value_or(original);
  } else if (kind == "linear") {
    o.kind = rotary_options::rescaling::linear;
  } else if (kind != "default") {
    f.refuse(f.has("rope_type") ? "rope_type" : "type", "default, linear or llama3", kind);
  }
  if (kind == "default") {
    // transformers passes a factor over here, which is hardly what a file that has one means.
    f.only("factor", 1);
  } else {
    o.factor = f.number("factor");
    if (!(o.factor > 0)) f.refuse("factor", "a positive number", o.factor);
  }
  f.only("partial_rotary_factor", 1);
  f.only("attention_factor", 1);
  f.refuse_the_rest([](const std::string&) { return false; });
  return o;
}

/// Groups by layer type, where all layers of the model must turn alike.
template <class Json>
rotary_options read_rotary_by_type(const Json& groups, const std::string& where,
                                   const rotary_surroundings& around,
                                   const std::vector<std::string>& types) {
  const config_fields<Json> f(groups, where);
  std::optional<rotary_options> shared;
  for (const std::string& type : types) {
    const Json* group = f.find(type.c_str());
    if (!group || !group->is_object())
      f.refuse(type.c_str(), "an object, as the model has such layers", group ? *group : Json());
    const rotary_options o = read_rotary_group(*group, where + ": " + type, around);
    if (shared && *shared != o)
      throw format_error(where, "one setting for all layer types (no other is supported)",
                         "another for " + in_quotes(type) + " than for " + in_quotes(types[0]));
    shared = o;
  }
  // No layer of this model is of such a type.
  f.refuse_the_rest([](const std::string& type) {
    return type == "full_attention" || type == "sliding_attention";
  });
  return shared.value_or(rotary_options{});
}

/// \param windows of the layers; empty for none
inline std::vector<std::string> layer_types_of(const std::vector<index_t>& windows) {
  const auto slides = [](index_t window) { return window > 0; };
  std::vector<std::string> types;
  if (windows.empty() || !std::all_of(windows.begin(), windows.end(), slides))
    types.push_back("full_attention");
  if (std::any_of(windows.begin(), windows.end(), slides)) types.push_back("sliding_attention");
  return types;
}

/// The rotary parameters of a model whose layers have these windows. A `rope_scaling` comes before
/// `rope_parameters`, which then is not looked at, as in transformers.
template <class Json>
rotary_options read_rotary(const config_fields<Json>& f, const std::string& where,
                           index_t positions, const std::vector<index_t>& windows) {
  rotary_surroundings around;
  around.theta = f.number_or("rope_theta", around.theta);
  around.positions = static_cast<double>(positions);
  if (f.find("original_max_position_embeddings"))
    around.original_positions = f.number("original_max_position_embeddings");
  f.only("partial_rotary_factor", 1);
  const Json none = Json::object();
  const Json* group = &none;
  const char* name = "rope_parameters";
  for (const char* key : {"rope_parameters", "rope_scaling"})
    if (const Json* found = f.find(key); found && *found != none) {
      group = found;
      name = key;
    }
  if (!group->is_object()) f.refuse(name, "an object", *group);
  const std::string place = where + ": " + name;
  const bool nested = std::any_of(group->begin(), group->end(),
                                  [](const Json& value) { return value.is_object(); });
  return nested ? read_rotary_by_type(*group, place, around, layer_types_of(windows))
                : read_rotary_group(*group, place, around);
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
