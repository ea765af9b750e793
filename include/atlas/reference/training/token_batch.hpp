// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Batches of a token stream to train on.

#include <algorithm>
#include <cstdint>
#include <string>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/whole_numbers.hpp"

namespace atlas::inline ATLAS_ABI {

struct token_batch_options {
  index_t blocks = 16;
  index_t tokens_per_block = 0;  ///< 1 or more
  std::uint64_t seed = 0;
  index_t step = 0;  ///< number of the step, from 0: each has a batch of its own
};

namespace detail {

template <class = lazy>
owned_tensor<index_t, 2> batch_of(const tensor_view<const index_t, 1>& tokens,
                                  const token_batch_options& options) {
  const index_t blocks = options.blocks, tokens_per_block = options.tokens_per_block;
  check_between(blocks, 1, index_t{1} << 31, "blocks");
  check_between(tokens_per_block, 1, index_t{1} << 31, "tokens_per_block");
  if (tokens.extent(0) < tokens_per_block)
    throw shape_error("tokens", "at least " + std::to_string(tokens_per_block),
                      std::to_string(tokens.extent(0)));
  random_stream random(options.seed, static_cast<std::uint64_t>(options.step));
  owned_tensor<index_t, 2> out({blocks, tokens_per_block});
  for (index_t b = 0; b < blocks; ++b) {
    const index_t first = random.uniform_index(tokens.extent(0) - tokens_per_block + 1);
    for (index_t t = 0; t < tokens_per_block; ++t) out.mutable_view()(b, t) = tokens[first + t];
  }
  return out;
}

}  // namespace detail

/// Blocks that begin anywhere in the stream, `[blocks, tokens_per_block]`: a function of the
/// tokens, the seed and the number of the step, so that a run can go on from any of them.
/// \param tokens `[N]`, whole numbers of any type, at least tokens_per_block of them
/// \throws shape_error for fewer, value_error for no blocks or none of at least one token
template <whole_tensor<1> Tokens>
[[nodiscard]] owned_tensor<index_t, 2> token_batch(const Tokens& tokens,
                                                   const token_batch_options& options) {
  const auto held = detail::view_indices<1>(tokens, "tokens");
  return detail::batch_of(held, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_REFERENCE owned_tensor<index_t, 2> batch_of<void>(const tensor_view<const index_t, 1>&,
                                                           const token_batch_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
