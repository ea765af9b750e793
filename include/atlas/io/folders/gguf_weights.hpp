// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The weights of a transformer from the tensors of a GGUF file.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/io/configuration/gguf_config.hpp"
#include "atlas/io/folders/rearranged_weight.hpp"
#include "atlas/io/folders/stored_tensor.hpp"
#include "atlas/io/formats/gguf_metadata.hpp"
#include "atlas/io/gguf.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// How a GGUF file holds a parameter, beside how a Hugging Face checkpoint does.
enum class gguf_layout {
  same,
  transposed,           ///< `[out, in]` for GPT-2's `[in, out]`
  interleaved_queries,  ///< of Llama: coordinates that turn with each other lie beside each other
  interleaved_keys,
  parted  ///< all queries, all keys, all values for GPT-NeoX's three of each head
};

struct gguf_name_row {
  std::string_view name;    ///< of a checkpoint, without the block and the last part
  std::string_view stored;  ///< in a GGUF file, likewise
  gguf_layout layout = gguf_layout::same;
};

inline constexpr std::array gguf_whole_names =
    std::to_array<gguf_name_row>({{"transformer.wte", "token_embd"},
                                  {"transformer.wpe", "position_embd"},
                                  {"transformer.ln_f", "output_norm"},
                                  {"model.embed_tokens", "token_embd"},
                                  {"model.norm", "output_norm"},
                                  {"gpt_neox.embed_in", "token_embd"},
                                  {"gpt_neox.final_layer_norm", "output_norm"},
                                  {"embed_out", "output"},
                                  {"lm_head", "output"}});

inline constexpr std::array gguf_block_names =
    std::to_array<gguf_name_row>({{"ln_1", "attn_norm"},
                                  {"attn.c_attn", "attn_qkv", gguf_layout::transposed},
                                  {"attn.c_proj", "attn_output", gguf_layout::transposed},
                                  {"ln_2", "ffn_norm"},
                                  {"mlp.c_fc", "ffn_up", gguf_layout::transposed},
                                  {"mlp.c_proj", "ffn_down", gguf_layout::transposed},
                                  {"input_layernorm", "attn_norm"},
                                  {"self_attn.q_proj", "attn_q", gguf_layout::interleaved_queries},
                                  {"self_attn.k_proj", "attn_k", gguf_layout::interleaved_keys},
                                  {"self_attn.v_proj", "attn_v"},
                                  {"self_attn.o_proj", "attn_output"},
                                  {"post_attention_layernorm", "ffn_norm"},
                                  {"mlp.gate_proj", "ffn_gate"},
                                  {"mlp.up_proj", "ffn_up"},
                                  {"mlp.down_proj", "ffn_down"},
                                  {"self_attn.q_norm", "attn_q_norm"},
                                  {"self_attn.k_norm", "attn_k_norm"},
                                  {"self_attn.qkv_proj", "attn_qkv"},
                                  {"mlp.gate_up_proj", "ffn_up"},
                                  {"attention.query_key_value", "attn_qkv", gguf_layout::parted},
                                  {"attention.dense", "attn_output"},
                                  {"mlp.dense_h_to_4h", "ffn_up"},
                                  {"mlp.dense_4h_to_h", "ffn_down"},
                                  {"pre_feedforward_layernorm", "ffn_norm"},
                                  {"post_feedforward_layernorm", "post_ffw_norm"}});

/// Where norms come after attention, one has the name that the norm before the MLP has elsewhere.
inline constexpr gguf_name_row gguf_norm_after_attention = {"post_attention_layernorm",
                                                            "post_attention_norm"};

/// Where a parameter is stored, and how.
struct gguf_place_of_parameter {
  std::string name;
  gguf_layout layout = gguf_layout::same;
};

template <class Rows>
const gguf_name_row& gguf_name_row_of(const Rows& rows, std::string_view name) {
  for (const gguf_name_row& row : rows)
    if (row.name == name) return row;
  throw error("parameter", "one that GGUF files have a name for", in_quotes(name));
}

/// \param name under which a Hugging Face checkpoint of the family has the parameter
template <class = lazy>
gguf_place_of_parameter gguf_place_of(std::string_view name, model_family family) {
  const std::size_t last = name.rfind('.');  // before weight or bias
  std::string_view part = name.substr(0, last);
  std::string block;
  for (const std::string_view begin : {"transformer.h.", "model.layers.", "gpt_neox.layers."})
    if (part.starts_with(begin)) {
      const std::string_view rest = part.substr(begin.size());
      const std::size_t dot = rest.find('.');
      block = "blk." + std::string(rest.substr(0, dot)) + ".";
      part = rest.substr(dot + 1);
    }
  const bool after = family == model_family::gemma && part == gguf_norm_after_attention.name;
  const gguf_name_row& row = after           ? gguf_norm_after_attention
                             : block.empty() ? gguf_name_row_of(gguf_whole_names, part)
                                             : gguf_name_row_of(gguf_block_names, part);
  return {block + std::string(row.stored) + std::string(name.substr(last)), row.layout};
}

/// A tensor as it is stored, without a look at its values.
///
/// \throws format_error or shape_error naming the file and the tensor when there is none, or one of
///         a type that is not read or of other extents
template <class = lazy>
std::shared_ptr<const stored_weight> gguf_values(const gguf& file, const std::string& name,
                                                 const std::vector<index_t>& extents) {
  const gguf_tensor& tensor = file.at(name);
  const std::string where = file.place_of(name);
  check_stored_extents(tensor.extents, extents, where);
  check_gguf_type(tensor, where);
  return stored_tensor(where, extents, {tensor.type.weights, tensor.type.bytes, tensor.type.read},
                       tensor.bytes, file.keeper());
}

/// Hands over the parameters of the model in a file, and keeps account of their tensors.
class gguf_weight_reader {
 public:
  template <class = lazy>
  gguf_weight_reader(const gguf& file, const transformer_config& config)
      : file_(file),
        config_(config),
        interleaved_(need_text(file, "general.architecture") == "llama") {
    // The configuration has these already.
    if (!config.rotary.divisors.empty()) read_.insert("rope_freqs.weight");
  }

  template <class = lazy>
  std::shared_ptr<const stored_weight> operator()(const std::string& parameter,
                                                  std::vector<index_t> extents) {
    auto [name, layout] = gguf_place_of(parameter, config_.family);
    const bool transpose = layout == gguf_layout::transposed && extents.size() == 2;
    if (transpose) std::swap(extents[0], extents[1]);
    std::shared_ptr<const stored_weight> values = gguf_values(file_, name, extents);
    read_.insert(std::move(name));
    if (transpose) return std::make_shared<transposed_weight>(std::move(values));
    // Files have what norms multiply by. One dimension and no bias: a norm.
    if (config_.norm_offset != 0 && extents.size() == 1 && parameter.ends_with(".weight"))
      return std::make_shared<lowered_weight>(std::move(values),
                                              static_cast<float>(config_.norm_offset));
    if (layout == gguf_layout::parted)
      return std::make_shared<reordered_weight>(
          std::move(values), [heads = config_.heads, d = config_.head_dimension](index_t place) {
            return place_among_parts(place, heads, d);
          });
    if (interleaved_ &&
        (layout == gguf_layout::interleaved_queries || layout == gguf_layout::interleaved_keys))
      return std::make_shared<reordered_weight>(
          std::move(values),
          [d = config_.head_dimension](index_t place) { return interleaved_place(place, d); });
    return values;
  }

  /// A tensor that nobody read (a norm of queries, a bias, an expert) shows that the file holds
  /// another model than its metadata says.
  ///
  /// \throws format_error naming the first
  template <class = lazy>
  void check_all_read() const {
    for (const std::string& name : file_.names())
      if (!read_.contains(name))
        throw format_error(file_.place_of(name), "a tensor that the metadata speak of",
                           "one that this model has no place for");
  }

 private:
  const gguf& file_;
  const transformer_config& config_;
  bool interleaved_;
  std::set<std::string> read_;
};

}  // namespace detail

/// The transformer in a GGUF file. Its weights stay as they are stored: parts of them are read and
/// made float when they are used, and a NaN or an infinity among them is an error then, a
/// value_error naming file, tensor and place.
/// \throws as read_gguf_config; format_error naming the file and the tensor that is missing, of a
///         type that is not read, or not of this model; shape_error naming one of other extents
///         than the metadata say
template <class = lazy>
[[nodiscard]] transformer read_gguf_transformer(const gguf& file) {
  const transformer_config config = read_gguf_config(file);
  detail::gguf_weight_reader reader(file, config);
  transformer model(config, [&](const std::string& name, const std::vector<index_t>& extents) {
    return reader(name, extents);
  });
  reader.check_all_read();
  return model;
}

}  // namespace atlas::inline ATLAS_ABI::io
