// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The weights of a transformer from the tensors of a Hugging Face checkpoint.

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/checkpoint.hpp"
#include "atlas/io/dtype.hpp"
#include "atlas/io/folders/model_folder.hpp"
#include "atlas/io/folders/stored_tensor.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// The name under which a checkpoint holds a parameter: with its prefix, or without where the
/// checkpoint was saved from the model without its head.
template <class = lazy>
std::string stored_name(const checkpoint& tensors, const std::string& name) {
  if (tensors.contains(name)) return name;
  const std::string bare = name.substr(name.find('.') + 1);
  // The head has no prefix to leave out.
  return bare != "weight" && tensors.contains(bare) ? bare : name;
}

template <std::size_t Rank>
shape<Rank> shape_of(const std::vector<index_t>& extents) {
  shape<Rank> fixed{};
  std::copy(extents.begin(), extents.end(), fixed.begin());
  return fixed;
}

/// \throws format_error for weights that are no floating point numbers: quantized ones need scales
template <class = lazy>
void check_weight_type(dtype type, const std::string& where) {
  if (!is_read(type))
    throw format_error(where, "F64, F32, F16 or BF16 (no other type is read)",
                       std::string(dtype_name(type)));
  if (!is_floating_point(type))
    throw format_error(where, "weights in floating point (quantized ones are not supported)",
                       std::string(dtype_name(type)));
}

/// A tensor in memory.
///
/// \throws format_error, shape_error naming it when it is not in floating point or of other extents
template <class = lazy>
std::vector<float> read_values(const checkpoint& tensors, const std::string& name,
                               const std::vector<index_t>& extents) {
  check_weight_type(tensors.at(name).type, tensors.place_of(name));
  const auto copied = [](const auto& values) {
    return std::vector<float>(values.data(), values.data() + values.size());
  };
  if (extents.size() == 1) return copied(tensors.read<float, 1>(name, shape_of<1>(extents)));
  return copied(tensors.read<float, 2>(name, shape_of<2>(extents)));
}

/// A tensor as it is stored, without a look at its values.
///
/// \throws as read_values
template <class = lazy>
std::shared_ptr<const stored_weight> stored_values(const checkpoint& tensors,
                                                   const std::string& name,
                                                   const std::vector<index_t>& extents) {
  const tensor_entry& entry = tensors.at(name);
  const std::string where = tensors.place_of(name);
  check_weight_type(entry.type, where);
  check_stored_extents(entry.extents, extents, where);
  return stored_tensor(where, extents, format_of(entry.type), entry.bytes, tensors.keeper_of(name));
}

/// Whether two matrices hold the same numbers. Of other extents or unreadable, they do not.
template <class = lazy>
bool same_matrix(const checkpoint& tensors, const std::string& a, const std::string& b) {
  const tensor_entry &x = tensors.at(a), &y = tensors.at(b);
  if (x.extents != y.extents || x.extents.size() != 2) return false;
  if (x.type == y.type)
    return x.bytes.empty() || std::memcmp(x.bytes.data(), y.bytes.data(), x.bytes.size()) == 0;
  if (!is_floating_point(x.type) || !is_floating_point(y.type)) return false;
  const auto u = tensors.read<float, 2>(a), v = tensors.read<float, 2>(b);
  return std::equal(u.data(), u.data() + u.size(), v.data());
}

/// How a checkpoint holds the embedding and the head of a model.
struct head_storage {
  bool tied = false;            ///< one matrix is both
  bool under_the_head = false;  ///< and it is stored under the head's name only
};

/// A model that says it is tied may be stored with both, which need not be equal, or with one.
template <class = lazy>
head_storage storage_of_head(const transformer_config& c, const checkpoint& tensors) {
  const std::string embedding = stored_name(tensors, atlas::detail::embedding_name(c.family));
  const std::string head = atlas::detail::head_name(c.family);
  if (!c.tied || !tensors.contains(head)) return {c.tied, false};
  if (!tensors.contains(embedding)) return {true, true};
  return {same_matrix(tensors, embedding, head), false};
}

/// Masks and frequencies that old versions of transformers stored beside the weights.
inline bool is_stored_constant(std::string_view name) {
  for (const std::string_view ending : {".attn.bias", ".attn.masked_bias", ".attention.bias",
                                        ".attention.masked_bias", "rotary_emb.inv_freq"})
    if (name.ends_with(ending)) return true;
  return false;
}

/// Matrices of an adapter would change what the model computes.
///
/// \throws format_error naming the
/// first
template <class = lazy>
void refuse_adapter_tensors(const checkpoint& tensors) {
  for (const std::string& name : tensors.names())
    if (name.find(".lora_") != std::string::npos)
      throw format_error(tensors.place_of(name), "a tensor of the model itself",
                         "one of an adapter" + std::string(merge_the_adapter));
}

/// A tensor of the model's own that nobody read (a norm of queries, a bias, a scale, one more
/// layer) shows that the file holds another model than the configuration says. In the atlas family
/// every tensor is one of the model's own; others may have masks and heads for other tasks.
///
/// \throws format_error
/// naming the first
template <class = lazy>
void check_all_read(const checkpoint& tensors, const std::set<std::string>& read,
                    model_family family) {
  const bool all = family == model_family::atlas;
  for (const std::string& name : tensors.names()) {
    bool own = all;
    for (const std::string_view begin :
         {"transformer.", "model.", "h.", "layers.", "lm_head.", "ln_f.", "norm.", "wte.", "wpe.",
          "embed_tokens.", "gpt_neox.", "embed_in.", "embed_out.", "final_layer_norm."})
      own = own || name.starts_with(begin);
    if (own && !read.contains(name) && (all || !is_stored_constant(name)))
      throw format_error(tensors.place_of(name), "a tensor that the configuration speaks of",
                         "one that this model has no place for");
  }
}

}  // namespace detail

/// Hands over the tensors of a checkpoint, which must outlive it, as they are stored. Those of a
/// file that was opened stay mapped as long as a model uses them; those of one in memory are
/// copied.
template <class = lazy>
[[nodiscard]] weight_source weights_of(const checkpoint& tensors) {
  return [&tensors](const std::string& name, const std::vector<index_t>& extents) {
    return detail::stored_values(tensors, detail::stored_name(tensors, name), extents);
  };
}
template <class = lazy>
weight_source weights_of(const checkpoint&& tensors) = delete;

/// A transformer with the weights of a checkpoint, which stay as they are stored: parts of them are
/// read and made float when they are used, and a NaN or an infinity among them is an error then, a
/// value_error naming file, tensor and place. Where the configuration says that the embedding
/// is the output matrix too but the checkpoint has another one, the model is not tied and that one
/// is used; where only that of the head is stored, it is both.
/// \throws format_error naming the file and the tensor that is missing, not in floating point or
///         not of this model, shape_error naming a tensor of other extents than the configuration
///         says, value_error for a configuration that contradicts itself
template <class = lazy>
[[nodiscard]] transformer read_transformer(transformer_config config, const checkpoint& tensors) {
  detail::refuse_adapter_tensors(tensors);
  const detail::head_storage head = detail::storage_of_head(config, tensors);
  config.tied = head.tied;
  const weight_source stored = weights_of(tensors);
  std::set<std::string> read;
  const std::string head_name = atlas::detail::head_name(config.family);
  if (head.tied) read.insert(head_name);
  const weight_source source = [&](const std::string& name, const std::vector<index_t>& extents) {
    const bool here = head.under_the_head && name == atlas::detail::embedding_name(config.family);
    const std::string held = here ? head_name : detail::stored_name(tensors, name);
    read.insert(held);
    return stored(held, extents);
  };
  transformer model(config, source);
  detail::check_all_read(tensors, read, config.family);
  return model;
}

}  // namespace atlas::inline ATLAS_ABI::io
