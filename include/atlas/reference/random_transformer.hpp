// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Models to train from scratch.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/reference/transformer.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// The maps whose outputs are added to the residual stream, `2 layers` of them.
inline bool writes_to_stream(const std::string& name) {
  for (const std::string_view end :
       {".c_proj.weight", ".o_proj.weight", ".down_proj.weight", ".attention.dense.weight",
        ".dense_4h_to_h.weight", ".attention.output.weight", ".mlp.down.weight"})
    if (name.ends_with(end)) return true;
  return false;
}

}  // namespace detail

struct random_transformer_options {
  std::uint64_t seed = 0;
};

/// Weights to start from, as GPT-2's (Radford et al. 2019): normal of standard deviation 0.02,
/// those of maps that write to the residual stream divided by sqrt(2 layers), norms multiply by 1,
/// biases 0. Each tensor is a stream of the seed, in the order of the parameters. \throws
/// value_error for a bad config
template <class = lazy>
[[nodiscard]] transformer random_transformer(transformer_config config,
                                             const random_transformer_options& options = {}) {
  const double layers = static_cast<double>(config.layers);
  const auto norm_weight = static_cast<float>(1 - config.norm_offset);
  std::uint64_t stream = 0;
  return transformer(
      std::move(config), [&](const std::string& name, const std::vector<index_t>& extents) {
        random_stream random(options.seed, stream++);
        index_t size = 1;
        for (const index_t e : extents) size *= e;
        std::vector<float> values(static_cast<std::size_t>(size),
                                  name.ends_with(".bias") ? 0.0F : norm_weight);
        if (extents.size() == 1) return values;
        const double sd = detail::writes_to_stream(name) ? 0.02 / std::sqrt(2 * layers) : 0.02;
        for (float& v : values) v = static_cast<float>(sd * random.normal());
        return values;
      });
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_REFERENCE transformer random_transformer<void>(transformer_config,
                                                        const random_transformer_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
