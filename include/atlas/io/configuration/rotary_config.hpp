// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rotary parameters in a `config.json`: at the top level with `rope_scaling` (up to transformers
/// 4) or under `rope_parameters` (from 5), there once for all layers or by layer type.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "atlas/io/configuration/config_fields.hpp"
#include "atlas/reference/config.hpp"

namespace atlas::inline ATLAS_ABI::io::detail {

/// What the top level says of rotary positions, or the architecture where it says nothing.
struct rotary_surroundings {
  double theta = 10000;
  std::optional<double> share = {};  ///< of coordinates that turn; none where it is no setting
  bool own_names = false;            ///< of theta and share (GPT-NeoX)
  std::optional<double> original_positions = {};
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

struct rotary_setting {
  rotary_options options = {};
  double share = 1;

  bool operator==(const rotary_setting&) const = default;
};

/// One group of rotary parameters. As in transformers, an `original_max_position_embeddings` at the
/// top level comes before the group's, and without either it is `max_position_embeddings`.
template <class Json>
rotary_setting read_rotary_group(const Json& group, const std::string& where,
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
  double share = 1;
  if (around.share)
    share = f.number_or("partial_rotary_factor", *around.share);
  else
    f.only("partial_rotary_factor", 1);
  if (!(share > 0 && share <= 1))
    f.refuse("partial_rotary_factor", "more than 0 and at most 1", share);
  f.only("attention_factor", 1);
  f.refuse_the_rest([](const std::string&) { return false; });
  return {o, share};
}

/// Groups by layer type, where all layers of the model must turn alike.
template <class Json>
rotary_setting read_rotary_by_type(const Json& groups, const std::string& where,
                                   const rotary_surroundings& around,
                                   const std::vector<std::string>& types) {
  const config_fields<Json> f(groups, where);
  std::optional<rotary_setting> shared;
  for (const std::string& type : types) {
    const Json* group = f.find(type.c_str());
    if (!group || !group->is_object())
      f.refuse(type.c_str(), "an object, as the model has such layers", group ? *group : Json());
    const rotary_setting o = read_rotary_group(*group, where + ": " + type, around);
    if (shared && *shared != o)
      throw format_error(where, "one setting for all layer types (no other is supported)",
                         "another for " + in_quotes(type) + " than for " + in_quotes(types[0]));
    shared = o;
  }
  // No layer of this model is of such a type.
  f.refuse_the_rest([](const std::string& type) {
    return type == "full_attention" || type == "sliding_attention";
  });
  return shared.value_or(rotary_setting{});
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

/// What the top level says beside what is known of the architecture.
template <class Json>
rotary_surroundings read_surroundings(const config_fields<Json>& f, rotary_surroundings around,
                                      index_t positions) {
  if (around.own_names) {
    f.only("rope_theta", around.theta);
    f.only("partial_rotary_factor", *around.share);
  } else {
    around.theta = f.number_or("rope_theta", around.theta);
    if (around.share)
      around.share = f.number_or("partial_rotary_factor", *around.share);
    else
      f.only("partial_rotary_factor", 1);
  }
  around.positions = static_cast<double>(positions);
  if (f.find("original_max_position_embeddings"))
    around.original_positions = f.number("original_max_position_embeddings");
  return around;
}

/// The rotary parameters of a model whose sizes and windows are known. A `rope_scaling` comes
/// before `rope_parameters`, which then is not looked at, as in transformers.
/// \param architecture what is known of it
template <class Json>
void read_rotary(const config_fields<Json>& f, const std::string& where,
                 const rotary_surroundings& architecture, transformer_config& c) {
  const rotary_surroundings around = read_surroundings(f, architecture, c.positions);
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
  const rotary_setting setting =
      nested ? read_rotary_by_type(*group, place, around, layer_types_of(c.windows))
             : read_rotary_group(*group, place, around);
  c.rotary = setting.options;
  c.rotary_share = setting.share;
}

/// Those of a model whose layers with a window turn otherwise (Gemma 3): `rope_theta` and
/// `rope_scaling` are of the layers without, `rope_local_base_freq` of those with one.
template <class Json>
void read_rotary_of_two(const config_fields<Json>& f, const std::string& where,
                        transformer_config& c) {
  const rotary_surroundings full = read_surroundings(f, {.theta = 1e6}, c.positions);
  rotary_surroundings window = full;
  window.theta = f.number_or("rope_local_base_freq", 1e4);
  const Json none = Json::object();
  const Json* groups = f.find("rope_parameters");
  const Json* scaling = f.find("rope_scaling");
  if (groups && *groups != none && scaling && *scaling != none)
    f.refuse("rope_scaling", "absent beside rope_parameters", *scaling);
  for (const auto& [name, group] :
       {std::pair{"rope_parameters", groups}, {"rope_scaling", scaling}})
    if (group && !group->is_object()) f.refuse(name, "an object", *group);
  const std::string place = where + ": rope_parameters";
  const config_fields<Json> by_type(groups ? *groups : none, place);
  const auto read = [&](const char* type, const Json& otherwise,
                        const rotary_surroundings& around) {
    const Json* group = by_type.find(type);
    if (group && !group->is_object()) by_type.refuse(type, "an object", *group);
    return group ? read_rotary_group(*group, place + ": " + type, around).options
                 : read_rotary_group(otherwise, where + ": rope_scaling", around).options;
  };
  c.rotary = read("full_attention", scaling ? *scaling : none, full);
  c.window_rotary = read("sliding_attention", none, window);
  by_type.refuse_the_rest([](const std::string&) { return false; });
}

}  // namespace atlas::inline ATLAS_ABI::io::detail
