// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The weights of a transformer under their Hugging Face names, and where each is used.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/reference/config.hpp"
#include "atlas/reference/layers/matrix.hpp"
#include "atlas/reference/stored_weight.hpp"

namespace atlas::inline ATLAS_ABI {

/// The values of a weight tensor, row-major, or where they are stored.
using weight_tensor = std::variant<std::vector<float>, std::shared_ptr<const stored_weight>>;

/// Hands over the weights of a model: the tensor of this name and these extents. Names are those of
/// Hugging Face checkpoints, with the `transformer.`, `model.` or
/// `gpt_neox.` prefix.
using weight_source =
    std::function<weight_tensor(const std::string& name, const std::vector<index_t>& extents)>;

/// One weight tensor, or its gradient.
template <class Scalar>
struct basic_parameter {
  std::string name;
  std::vector<index_t> extents;
  std::vector<Scalar> values;  ///< row-major; empty as long as `stored` has them
  std::shared_ptr<const stored_weight> stored = {};  ///< null where `values` has them
};
using parameter = basic_parameter<float>;

namespace detail {

/// Elements of a tensor.
inline index_t element_count(const std::vector<index_t>& extents) {
  index_t count = 1;
  for (const index_t e : extents) count *= e;
  return count;
}

/// Widens a stored tensor for good, so that its values can be changed.
/// \throws value_error naming the tensor when one of them is a NaN or an infinity
template <class Scalar>
std::vector<Scalar>& owned_values(basic_parameter<Scalar>& p) {
  if (p.stored) {
    const std::vector<float> all = read_whole(*p.stored);
    p.values.assign(all.begin(), all.end());
    p.stored.reset();
  }
  return p.values;
}

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
    weight_tensor tensor = source_(name, extents);
    basic_parameter<Scalar> p{name, std::move(extents), {}};
    if (auto* stored = std::get_if<std::shared_ptr<const stored_weight>>(&tensor))
      take_stored(std::move(*stored), p);
    else
      take_values(std::get<std::vector<float>>(tensor), p);
    into_.push_back(std::move(p));
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
  static void take_values(const std::vector<float>& values, basic_parameter<Scalar>& p) {
    const index_t wanted = element_count(p.extents);
    check_extent(static_cast<index_t>(values.size()), wanted, p.name, "size");
    check_finite(tensor_view<const float, 1>(values.data(), {wanted}), p.name);
    p.values.assign(values.begin(), values.end());
  }
  /// Values are looked at when they are used. Only float models work with stored ones.
  static void take_stored(std::shared_ptr<const stored_weight> stored, basic_parameter<Scalar>& p) {
    if (!stored) throw value_error(p.name, "values", "none");
    check_extent(stored->columns(), p.extents.back(), p.name, "columns");
    check_extent(stored->rows(), element_count(p.extents) / p.extents.back(), p.name, "rows");
    p.stored = std::move(stored);
    if constexpr (!std::is_same_v<Scalar, float>) owned_values(p);
  }

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

/// A weight as a matrix `[rows, cols]` of floats or of what is stored, of which products take
/// tiles.
template <class Scalar>
class weight_matrix {
 public:
  weight_matrix(const basic_parameter<Scalar>& of, tile_memory& memory)
      : of_(of), memory_(memory) {}

  [[nodiscard]] index_t rows() const { return of_.extents[0]; }
  [[nodiscard]] index_t cols() const { return of_.extents[1]; }
  [[nodiscard]] bool is_stored() const { return of_.stored != nullptr; }
  /// What tiles of this matrix are widened into.
  [[nodiscard]] tile_memory& memory() const { return memory_; }

  /// The values of a tile, valid as long as the matrix and until `memory` is used again.
  /// \throws value_error naming a stored tensor and the place of a value that is not finite
  strided_map<const Scalar> tile(const weight_tile& t, tile_memory::lease& memory) const {
    if constexpr (std::is_same_v<Scalar, float>)
      if (of_.stored) return stored_tile(t, memory);
    return {of_.values.data() + t.row * cols() + t.column, t.rows, t.columns,
            Eigen::OuterStride<>(cols())};
  }

  /// Writes one row, `[cols]`.
  void copy_row(index_t row, Scalar* out) const {
    if constexpr (std::is_same_v<Scalar, float>)
      if (of_.stored) return read_finite(*of_.stored, {row, 1, 0, cols()}, out);
    std::copy_n(of_.values.data() + row * cols(), cols(), out);
  }

 private:
  strided_map<const float> stored_tile(const weight_tile& t, tile_memory::lease& memory) const {
    if (const float* all = of_.stored->floats()) {
      const float* first = all + t.row * cols() + t.column;
      check_finite_tile(*of_.stored, t, first, cols());
      return {first, t.rows, t.columns, Eigen::OuterStride<>(cols())};
    }
    float* widened = memory.room_for(t.rows * t.columns);
    read_finite(*of_.stored, t, widened);
    return {widened, t.rows, t.columns, Eigen::OuterStride<>(t.columns)};
  }

  const basic_parameter<Scalar>& of_;
  tile_memory& memory_;
};

/// All that a model is: what it looks like, its weights, and where each is used.
template <class Scalar>
struct model_weights {
  transformer_config config;
  std::vector<basic_parameter<Scalar>> parameters;
  model_places places;
  std::shared_ptr<tile_memory> memory = std::make_shared<tile_memory>();

  /// \throws as the constructor of transformer
  model_weights(transformer_config c, const weight_source& source) : config(std::move(c)) {
    check_config(config);
    places = read_parameters(config, source, parameters);
  }

  const layer_places& layer(index_t l) const { return places.layers[static_cast<std::size_t>(l)]; }
  const basic_parameter<Scalar>& at(index_t place) const {
    return parameters[static_cast<std::size_t>(place)];
  }
  /// The values of a vector: a norm's, or a bias; null for a bias that there is none of. A stored
  /// one is widened by the first call and kept.
  /// \throws value_error naming a stored tensor and the place of a value that is not finite
  const Scalar* values(index_t place) const {
    if (place < 0) return nullptr;
    if constexpr (std::is_same_v<Scalar, float>)
      if (at(place).stored) return at(place).stored->kept();
    return at(place).values.data();
  }
  /// A weight as a matrix, `[extents[0], extents[1]]`.
  weight_matrix<Scalar> matrix(index_t place) const { return {at(place), *memory}; }
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
