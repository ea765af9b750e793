// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a transformer looks like: a table of differences between architectures.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/reference/tensor_names.hpp"

namespace atlas::inline ATLAS_ABI {

enum class activation { gelu, gelu_tanh, relu, silu };

enum class norm_kind {
  layer,  ///< LayerNorm, with a bias (Ba et al. 2016)
  rms,    ///< RMSNorm (Zhang & Sennrich 2019)
};

/// Where the norms of a layer are: of what attention and MLP are given, of what they hand to the
/// residual stream, or both.
enum class norm_position { before, after, both };

/// Norm of queries and keys, of the same kind as the others, before they are rotated.
enum class query_key_norm {
  none,
  heads,        ///< each head by itself, with weights that heads share `[head_dimension]`
  projections,  ///< all queries as one row, all keys as one
};

/// Rotary embedding (Su et al. 2021) and the rescaling of its frequencies for long contexts.
struct rotary_options {
  enum class rescaling {
    none,
    linear,  ///< positions divided by `factor`
    llama3,  ///< long wavelengths divided by `factor`, short ones kept, those between blended
  };
  double theta = 10000;
  rescaling kind = rescaling::none;
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  double original_positions = 8192;
  /// What the frequency of each plane is divided by besides, `[rotary_dimension() / 2]`; empty for
  /// nothing. GGUF files have a rescaling as such numbers.
  std::vector<float> divisors = {};

  bool operator==(const rotary_options&) const = default;
};

/// As it is made, a GPT-2; llama_config() has what a Llama has in its place.
struct transformer_config {
  model_family family = model_family::gpt2;  ///< whose names the tensors have
  index_t layers = 0;
  index_t model_dimension = 0;
  index_t heads = 0;            ///< query heads
  index_t key_value_heads = 0;  ///< divides `heads`
  index_t head_dimension = 0;
  index_t mlp_dimension = 0;
  index_t vocabulary = 0;
  index_t positions = 0;  ///< longest block
  norm_kind norm = norm_kind::layer;
  norm_position norms = norm_position::before;
  double norm_epsilon = 1e-5;
  double norm_offset = 0;  ///< added to the weights of norms: Gemma's are stored less 1
  query_key_norm head_norm = query_key_norm::none;
  activation mlp_activation = activation::gelu_tanh;
  bool gated_mlp = false;
  /// Attention and MLP are given the same stream, not the MLP what attention has added to.
  bool parallel_residual = false;
  double embedding_scale = 1;  ///< of the embedding of tokens, where it is no output matrix
  /// Share of each head's coordinates, from the first on, that rotary positions turn; 0 for learned
  /// positions, which are added to the embedding.
  double rotary_share = 0;
  rotary_options rotary = {};
  std::optional<rotary_options> window_rotary = {};  ///< of layers with a window; none: `rotary`
  bool scale_logits = true;                          ///< of attention: by 1 / sqrt(query_scalar)
  double query_scalar = 0;                           ///< 0: head_dimension
  bool scale_by_layer = false;                       ///< logits of layer l also by 1 / (l + 1)
  double logit_cap = 0;   ///< attention's logits x become `cap tanh(x / cap)`; 0: they stay
  double output_cap = 0;  ///< the same of the model's logits
  bool query_key_value_bias = true;
  bool output_bias = true;  ///< of the attention's output projection
  bool mlp_bias = true;
  bool tied = true;  ///< the embedding is the output matrix too
  /// Sliding window of each layer, 0 for none; empty for none at all.
  std::vector<index_t> windows = {};

  /// Query heads per key/value head.
  [[nodiscard]] index_t heads_per_group() const { return heads / key_value_heads; }
  [[nodiscard]] index_t window(index_t layer) const {
    return windows.empty() ? 0 : windows[static_cast<std::size_t>(layer)];
  }
  /// Coordinates of each head that are turned, rounded down as transformers does; 0 for none.
  [[nodiscard]] index_t rotary_dimension() const {
    return static_cast<index_t>(static_cast<double>(head_dimension) * rotary_share);
  }
  /// What the logits of a layer's attention are multiplied by.
  [[nodiscard]] double logit_scale(index_t layer) const {
    double scale = 1;
    if (scale_logits)
      scale /= std::sqrt(query_scalar > 0 ? query_scalar : static_cast<double>(head_dimension));
    if (scale_by_layer) scale /= static_cast<double>(layer + 1);
    return scale;
  }

  bool operator==(const transformer_config&) const = default;
};

/// What Llama, Mistral and Qwen2 have in common; sizes are for the caller to fill in.
[[nodiscard]] inline transformer_config llama_config() {
  transformer_config c;
  c.family = model_family::llama;
  c.norm = norm_kind::rms;
  c.mlp_activation = activation::silu;
  c.gated_mlp = true;
  c.rotary_share = 1;
  c.query_key_value_bias = c.output_bias = c.mlp_bias = false;
  return c;
}

namespace detail {

/// \throws value_error or shape_error naming the field that is out of range
template <class = lazy>
void check_rotary(const rotary_options& r, index_t dimension) {
  for (const double x : {r.theta, r.factor, r.low_frequency_factor, r.original_positions})
    if (!(x > 0 && std::isfinite(x)))
      throw value_error("rotary", "positive numbers", number_text(x));
  if (!(r.high_frequency_factor > r.low_frequency_factor) &&
      r.kind == rotary_options::rescaling::llama3)
    throw value_error("rotary.high_frequency_factor", "more than low_frequency_factor",
                      number_text(r.high_frequency_factor));
  if (r.divisors.empty()) return;
  check_extent(static_cast<index_t>(r.divisors.size()), dimension / 2, "rotary.divisors",
               "rotary_dimension / 2");
  for (const float x : r.divisors)
    if (!(x > 0 && std::isfinite(x)))
      throw value_error("rotary.divisors", "positive numbers", number_text(x));
}

/// \throws value_error naming the field where rotary positions cannot be made
template <class = lazy>
void check_positions(const transformer_config& c) {
  if (!(c.rotary_share >= 0 && c.rotary_share <= 1))
    throw value_error("rotary_share", "a number in [0, 1]", number_text(c.rotary_share));
  if (c.rotary_share == 0) return;
  const index_t turned = c.rotary_dimension();
  if (turned < 2 || turned % 2 != 0)
    throw value_error("head_dimension",
                      "an even number, 2 or more, times rotary_share, for rotary positions",
                      std::to_string(turned) + " of " + std::to_string(c.head_dimension));
  check_rotary(c.rotary, turned);
  if (c.window_rotary) check_rotary(*c.window_rotary, turned);
}

/// \throws value_error naming the field that the family has no names of tensors for
template <class = lazy>
void check_names(const transformer_config& c) {
  const tensor_names& names = names_of(c.family);
  const auto need = [](bool wanted, std::string_view name, const char* field, const char* expected,
                       const char* got) {
    if (wanted && name.empty())
      throw value_error(field, std::string(expected) + ", as the family has no tensors for more",
                        got);
  };
  need(c.rotary_share == 0, names.positions, "rotary_share",
       "more than 0 (configurations of the llama family begin with llama_config())",
       "0, for learned positions");
  need(c.norms != norm_position::before, names.attention_post_norm, "norms", "before",
       "norms after attention");
  need(c.head_norm != query_key_norm::none, names.query_norm, "head_norm", "none", "another");
  need(c.gated_mlp, names.gate, "gated_mlp", "false", "true");
  if (names.by_head && c.key_value_heads != c.heads)
    throw value_error("key_value_heads", "as many as heads in this family",
                      std::to_string(c.key_value_heads));
}

/// \throws value_error naming the first of the numbers that scale or bound which is out of range
template <class = lazy>
void check_scales(const transformer_config& c) {
  const auto check_scale = [](double x, bool zero, const char* field) {
    if (!(std::isfinite(x) && (x > 0 || (zero && x == 0))))
      throw value_error(field, zero ? "0 (for none) or a positive number" : "a positive number",
                        number_text(x));
  };
  check_scale(c.query_scalar, true, "query_scalar");
  check_scale(c.logit_cap, true, "logit_cap");
  check_scale(c.output_cap, true, "output_cap");
  check_scale(c.embedding_scale, false, "embedding_scale");
  if (!std::isfinite(c.norm_offset))
    throw value_error("norm_offset", "a finite number", number_text(c.norm_offset));
  if (c.query_scalar > 0 && !c.scale_logits)
    throw value_error("query_scalar", "0 where logits are not scaled", number_text(c.query_scalar));
}

}  // namespace detail

/// \throws value_error naming the field that is out of range, shape_error one of another extent
template <class = lazy>
void check_config(const transformer_config& c) {
  constexpr index_t large = index_t{1} << 31;
  check_between(c.layers, 1, large, "layers");
  check_between(c.model_dimension, 1, large, "model_dimension");
  check_between(c.heads, 1, large, "heads");
  check_between(c.key_value_heads, 1, c.heads, "key_value_heads");
  if (c.heads % c.key_value_heads != 0)
    throw value_error("key_value_heads", "a divisor of " + std::to_string(c.heads),
                      std::to_string(c.key_value_heads));
  check_between(c.head_dimension, 1, large, "head_dimension");
  check_between(c.heads * c.head_dimension, 1, large, "heads * head_dimension");
  check_between(c.mlp_dimension, 1, large, "mlp_dimension");
  check_between(c.vocabulary, 1, large, "vocabulary");
  check_between(c.positions, 1, large, "positions");
  if (!(c.norm_epsilon >= 0 && c.norm_epsilon < 1))
    throw value_error("norm_epsilon", "a number in [0, 1)", detail::number_text(c.norm_epsilon));
  if (!c.windows.empty())
    check_extent(static_cast<index_t>(c.windows.size()), c.layers, "windows", "layers");
  for (const index_t w : c.windows) check_between(w, 0, large, "windows");
  detail::check_names(c);
  detail::check_positions(c);
  detail::check_scales(c);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE void check_config<void>(const transformer_config&);
}  // namespace atlas::inline ATLAS_ABI
#endif
