// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The weights of a transformer under their Hugging Face names, and where each is used.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/reference/config.hpp"
#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI {

/// Hands over the weights of a model: row-major values of the tensor of this name and these
/// extents. Names are those of Hugging Face checkpoints, with the `transformer.`, `model.` or
/// `gpt_neox.` prefix.
using weight_source =
    std::function<std::vector<float>(const std::string& name, const std::vector<index_t>& extents)>;

/// One weight tensor, or its gradient.
template <class Scalar>
struct basic_parameter {
  std::string name;
  std::vector<index_t> extents;
  std::vector<Scalar> values;  ///< row-major
};
using parameter = basic_parameter<float>;

namespace detail {

/// Places in the list of parameters; -1 for a norm or a bias that there is none of.
struct norm_places {
  index_t weight = -1, bias = -1;
  bool there() const { return weight >= 0; }
};
struct linear_places {
  index_t weight = -1, bias = -1;
  bool input_major = false;  ///< the weight is `[in, out]`
};
struct layer_places {
  norm_places attention_norm, attention_post_norm, mlp_norm, mlp_post_norm;
  norm_places query_norm, key_norm;
  std::vector<linear_places> projections;  ///< side by side: all queries, all keys, all values
  linear_places attention_output;
  std::vector<linear_places> expand;  ///< the MLP's input matrix; for gated ones gate and up
  linear_places contract;
};
struct model_places {
  index_t embedding = -1, positions = -1, head = -1;
  norm_places final_norm;
  std::vector<layer_places> layers;
};

/// Reads parameters one after the other and remembers their places.
template <class Scalar>
class parameter_reader {
 public:
  parameter_reader(const weight_source& source, std::vector<basic_parameter<Scalar>>& into)
      : source_(source), into_(into) {}

  /// \throws shape_error or value_error naming the tensor when the source's values do not fit
  index_t read(const std::string& name, std::vector<index_t> extents) {
    std::vector<float> values = source_(name, extents);
    index_t wanted = 1;
    for (const index_t e : extents) wanted *= e;
    check_extent(static_cast<index_t>(values.size()), wanted, name, "size");
    check_finite(tensor_view<const float, 1>(values.data(), {wanted}), name);
    into_.push_back({name, std::move(extents), {values.begin(), values.end()}});
    return static_cast<index_t>(into_.size()) - 1;
  }
  norm_places norm(const std::string& name, index_t d, bool bias) {
    norm_places p;
    p.weight = read(name + ".weight", {d});
    if (bias) p.bias = read(name + ".bias", {d});
    return p;
  }
  linear_places linear(const std::string& name, index_t in, index_t out, bool bias,
                       bool input_major) {
    linear_places p;
    p.weight = read(name + ".weight",
                    input_major ? std::vector<index_t>{in, out} : std::vector<index_t>{out, in});
    if (bias) p.bias = read(name + ".bias", {out});
    p.input_major = input_major;
    return p;
  }

 private:
  const weight_source& source_;
  std::vector<basic_parameter<Scalar>>& into_;
};

/// The linear maps of these names side by side; names that are the same are one map.
template <class Scalar>
std::vector<linear_places> read_side_by_side(parameter_reader<Scalar>& r, const std::string& at,
                                             const std::vector<std::string_view>& names,
                                             const std::vector<index_t>& widths, index_t in,
                                             bool bias, bool input_major) {
  if (names.front() != names.back()) {
    std::vector<linear_places> maps;
    for (std::size_t k = 0; k < names.size(); ++k)
      maps.push_back(r.linear(at + std::string(names[k]), in, widths[k], bias, input_major));
    return maps;
  }
  index_t width = 0;
  for (const index_t w : widths) width += w;
  return {r.linear(at + std::string(names.front()), in, width, bias, input_major)};
}

template <class Scalar>
layer_places read_layer(parameter_reader<Scalar>& r, const transformer_config& c, index_t layer) {
  const tensor_names& n = names_of(c.family);
  const std::string at = std::string(n.layers) + std::to_string(layer) + ".";
  const index_t d = c.model_dimension, m = c.mlp_dimension;
  const index_t q = c.heads * c.head_dimension, kv = c.key_value_heads * c.head_dimension;
  const bool before = c.norms != norm_position::after, after = c.norms != norm_position::before;
  const bool biased = c.norm == norm_kind::layer,
             whole = c.head_norm == query_key_norm::projections;
  const auto norm = [&](bool wanted, std::string_view name, index_t width) {
    return wanted ? r.norm(at + std::string(name), width, biased) : norm_places{};
  };
  const auto linear = [&](std::string_view name, index_t in, index_t out, bool bias) {
    return r.linear(at + std::string(name), in, out, bias, n.input_major);
  };
  const bool head_norms = c.head_norm != query_key_norm::none;
  layer_places p;
  p.attention_norm = norm(before, n.attention_norm, d);
  p.projections = read_side_by_side(r, at, {n.query, n.key, n.value}, {q, kv, kv}, d,
                                    c.query_key_value_bias, n.input_major);
  p.query_norm = norm(head_norms, n.query_norm, whole ? q : c.head_dimension);
  p.key_norm = norm(head_norms, n.key_norm, whole ? kv : c.head_dimension);
  p.attention_output = linear(n.attention_output, q, d, c.output_bias);
  p.attention_post_norm = norm(after, n.attention_post_norm, d);
  p.mlp_norm = norm(before, n.mlp_norm, d);
  p.expand = c.gated_mlp
                 ? read_side_by_side(r, at, {n.gate, n.up}, {m, m}, d, c.mlp_bias, n.input_major)
                 : std::vector{linear(n.up, d, m, c.mlp_bias)};
  p.contract = linear(n.contract, m, d, c.mlp_bias);
  p.mlp_post_norm = norm(after, n.mlp_post_norm, d);
  return p;
}

/// The names of the embedding of tokens and of the output matrix.
inline std::string embedding_name(model_family family) {
  return std::string(names_of(family).embedding) + ".weight";
}
inline std::string head_name(model_family family) {
  return std::string(names_of(family).head) + ".weight";
}

template <class Scalar>
model_places read_parameters(const transformer_config& c, const weight_source& source,
                             std::vector<basic_parameter<Scalar>>& into) {
  parameter_reader<Scalar> r(source, into);
  const tensor_names& n = names_of(c.family);
  model_places p;
  p.embedding = r.read(embedding_name(c.family), {c.vocabulary, c.model_dimension});
  if (c.rotary_share == 0)
    p.positions = r.read(std::string(n.positions) + ".weight", {c.positions, c.model_dimension});
  for (index_t l = 0; l < c.layers; ++l) p.layers.push_back(read_layer(r, c, l));
  p.final_norm = r.norm(std::string(n.final_norm), c.model_dimension, c.norm == norm_kind::layer);
  p.head = c.tied ? p.embedding : r.read(head_name(c.family), {c.vocabulary, c.model_dimension});
  return p;
}

/// All that a model is: what it looks like, its weights, and where each is used.
template <class Scalar>
struct model_weights {
  transformer_config config;
  std::vector<basic_parameter<Scalar>> parameters;
  model_places places;

  /// \throws as the constructor of transformer
  model_weights(transformer_config c, const weight_source& source) : config(std::move(c)) {
    check_config(config);
    places = read_parameters(config, source, parameters);
  }

  const layer_places& layer(index_t l) const { return places.layers[static_cast<std::size_t>(l)]; }
  /// Null for a bias that there is none of.
  const Scalar* values(index_t place) const {
    return place < 0 ? nullptr : parameters[static_cast<std::size_t>(place)].values.data();
  }
  /// A weight as a matrix, `[extents[0], extents[1]]`.
  Eigen::Map<const row_matrix<Scalar>> matrix(index_t place) const {
    const basic_parameter<Scalar>& p = parameters[static_cast<std::size_t>(place)];
    return {p.values.data(), p.extents[0], p.extents[1]};
  }
};

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_REFERENCE model_places read_parameters<float>(const transformer_config&,
                                                       const weight_source&,
                                                       std::vector<parameter>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
