// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The weights of a transformer under their Hugging Face names, and where each is used.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/reference/config.hpp"
#include "atlas/reference/layers/matrix.hpp"

namespace atlas::inline ATLAS_ABI {

/// Hands over the weights of a model: row-major values of the tensor of this name and these
/// extents. Names are those of Hugging Face checkpoints, with the `transformer.` or `model.`
/// prefix.
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

/// Places in the list of parameters; -1 for a bias that there is none of.
struct norm_places {
  index_t weight = -1, bias = -1;
};
struct linear_places {
  index_t weight = -1, bias = -1;
  bool input_major = false;  ///< the weight is `[in, out]`
};
struct layer_places {
  norm_places attention_norm, mlp_norm;
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

template <class Scalar>
layer_places read_gpt2_layer(parameter_reader<Scalar>& r, const transformer_config& c,
                             const std::string& name) {
  const index_t d = c.model_dimension;
  layer_places p;
  p.attention_norm = r.norm(name + ".ln_1", d, true);
  p.projections = {r.linear(name + ".attn.c_attn", d, 3 * d, true, true)};
  p.attention_output = r.linear(name + ".attn.c_proj", d, d, true, true);
  p.mlp_norm = r.norm(name + ".ln_2", d, true);
  p.expand = {r.linear(name + ".mlp.c_fc", d, c.mlp_dimension, true, true)};
  p.contract = r.linear(name + ".mlp.c_proj", c.mlp_dimension, d, true, true);
  return p;
}

template <class Scalar>
layer_places read_llama_layer(parameter_reader<Scalar>& r, const transformer_config& c,
                              const std::string& name) {
  const index_t d = c.model_dimension, q = c.heads * c.head_dimension;
  const index_t kv = c.key_value_heads * c.head_dimension;
  const std::string attention = name + ".self_attn.";
  layer_places p;
  p.attention_norm = r.norm(name + ".input_layernorm", d, false);
  p.projections = {r.linear(attention + "q_proj", d, q, c.query_key_value_bias, false),
                   r.linear(attention + "k_proj", d, kv, c.query_key_value_bias, false),
                   r.linear(attention + "v_proj", d, kv, c.query_key_value_bias, false)};
  p.attention_output = r.linear(attention + "o_proj", q, d, c.output_bias, false);
  p.mlp_norm = r.norm(name + ".post_attention_layernorm", d, false);
  p.expand = {r.linear(name + ".mlp.gate_proj", d, c.mlp_dimension, c.mlp_bias, false),
              r.linear(name + ".mlp.up_proj", d, c.mlp_dimension, c.mlp_bias, false)};
  p.contract = r.linear(name + ".mlp.down_proj", c.mlp_dimension, d, c.mlp_bias, false);
  return p;
}

/// The name of the embedding of tokens.
inline const char* embedding_name(model_family family) {
  return family == model_family::gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight";
}
inline constexpr const char* head_name = "lm_head.weight";

template <class Scalar>
model_places read_parameters(const transformer_config& c, const weight_source& source,
                             std::vector<basic_parameter<Scalar>>& into) {
  parameter_reader<Scalar> r(source, into);
  const bool gpt2 = c.family == model_family::gpt2;
  const std::string prefix = gpt2 ? "transformer." : "model.";
  model_places p;
  p.embedding = r.read(embedding_name(c.family), {c.vocabulary, c.model_dimension});
  if (gpt2) p.positions = r.read(prefix + "wpe.weight", {c.positions, c.model_dimension});
  for (index_t l = 0; l < c.layers; ++l) {
    const std::string name = prefix + (gpt2 ? "h." : "layers.") + std::to_string(l);
    p.layers.push_back(gpt2 ? read_gpt2_layer(r, c, name) : read_llama_layer(r, c, name));
  }
  p.final_norm = r.norm(prefix + (gpt2 ? "ln_f" : "norm"), c.model_dimension, gpt2);
  p.head = c.tied ? p.embedding : r.read(head_name, {c.vocabulary, c.model_dimension});
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
