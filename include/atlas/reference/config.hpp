// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a transformer of the GPT-2 or Llama family looks like.

#include <string>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

enum class model_family {
  gpt2,   ///< LayerNorm, learned positions, fused projections stored `[in, out]`
  llama,  ///< RMSNorm, rotary positions, gated MLP: Llama, Mistral, Qwen2
};

enum class activation { gelu, gelu_tanh, relu, silu };

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
  /// What the frequency of each plane is divided by besides, `[head_dimension / 2]`; empty for
  /// nothing. GGUF files have a rescaling as such numbers.
  std::vector<float> divisors = {};

  bool operator==(const rotary_options&) const = default;
};

struct transformer_config {
  model_family family = model_family::gpt2;
  index_t layers = 0;
  index_t model_dimension = 0;
  index_t heads = 0;            ///< query heads
  index_t key_value_heads = 0;  ///< divides `heads`
  index_t head_dimension = 0;
  index_t mlp_dimension = 0;
  index_t vocabulary = 0;
  index_t positions = 0;  ///< longest block
  double norm_epsilon = 1e-5;
  activation mlp_activation = activation::gelu_tanh;
  rotary_options rotary = {};         ///< llama family
  bool scale_logits = true;           ///< by 1 / sqrt(head_dimension)
  bool scale_by_layer = false;        ///< logits of layer l also by 1 / (l + 1)
  bool query_key_value_bias = false;  ///< llama family; gpt2 always has biases
  bool output_bias = false;           ///< of the attention's output projection
  bool mlp_bias = false;
  bool tied = true;  ///< the embedding is the output matrix too
  /// Sliding window of each layer, 0 for none; empty for none at all.
  std::vector<index_t> windows = {};

  /// Query heads per key/value head.
  [[nodiscard]] index_t heads_per_group() const { return heads / key_value_heads; }
  [[nodiscard]] index_t window(index_t layer) const {
    return windows.empty() ? 0 : windows[static_cast<std::size_t>(layer)];
  }

  bool operator==(const transformer_config&) const = default;
};

namespace detail {

/// \throws value_error or shape_error naming the field that is out of range
template <class = lazy>
void check_rotary(const rotary_options& r, index_t head_dimension) {
  for (const double x : {r.theta, r.factor, r.low_frequency_factor, r.original_positions})
    if (!(x > 0 && std::isfinite(x)))
      throw value_error("rotary", "positive numbers", number_text(x));
  if (!(r.high_frequency_factor > r.low_frequency_factor) &&
      r.kind == rotary_options::rescaling::llama3)
    throw value_error("rotary.high_frequency_factor", "more than low_frequency_factor",
                      number_text(r.high_frequency_factor));
  if (r.divisors.empty()) return;
  check_extent(static_cast<index_t>(r.divisors.size()), head_dimension / 2, "rotary.divisors",
               "head_dimension / 2");
  for (const float x : r.divisors)
    if (!(x > 0 && std::isfinite(x)))
      throw value_error("rotary.divisors", "positive numbers", number_text(x));
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
  check_between(c.mlp_dimension, 1, large, "mlp_dimension");
  check_between(c.vocabulary, 1, large, "vocabulary");
  check_between(c.positions, 1, large, "positions");
  if (!(c.norm_epsilon >= 0 && c.norm_epsilon < 1))
    throw value_error("norm_epsilon", "a number in [0, 1)", detail::number_text(c.norm_epsilon));
  if (!c.windows.empty())
    check_extent(static_cast<index_t>(c.windows.size()), c.layers, "windows", "layers");
  for (const index_t w : c.windows) check_between(w, 0, large, "windows");
  if (c.family == model_family::gpt2) {
    check_extent(c.heads * c.head_dimension, c.model_dimension, "heads * head_dimension",
                 "model_dimension");
    return;
  }
  if (c.head_dimension % 2 != 0)
    throw value_error("head_dimension", "an even number, for rotary positions",
                      std::to_string(c.head_dimension));
  detail::check_rotary(c.rotary, c.head_dimension);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE void check_config<void>(const transformer_config&);
}  // namespace atlas::inline ATLAS_ABI
#endif
