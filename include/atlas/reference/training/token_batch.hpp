// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Batches of a token stream to train on.

#include <algorithm>
#include <cstdint>
#include <string>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/whole_numbers.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

template <class = void>
owned_tensor<index_t, 2> batch_of(const tensor_view<const index_t, 1>& tokens, index_t blocks,
                                  index_t block_size, std::uint64_t seed, index_t step) {
  check_between(blocks, 1, index_t{1} << 31, "blocks");
  check_between(block_size, 1, index_t{1} << 31, "block_size");
  if (tokens.extent(0) < block_size)
    throw shape_error("tokens", "at least " + std::to_string(block_size),
                      std::to_string(tokens.extent(0)));
  random_stream random(seed, static_cast<std::uint64_t>(step));
  owned_tensor<index_t, 2> out({blocks, block_size});
  for (index_t b = 0; b < blocks; ++b) {
    const index_t first = random.uniform_index(tokens.extent(0) - block_size + 1);
    for (index_t t = 0; t < block_size; ++t) out.mutable_view()(b, t) = tokens[first + t];
  }
  return out;
}

}  // namespace detail

/// Blocks that begin anywhere in the stream, `[blocks, block_size]`: a function of the tokens, the
/// seed and the number of the step, so that a run can go on from any of them.
/// \param tokens `[N]`, whole numbers of any type, at least block_size of them
/// \throws shape_error for fewer, value_error for no blocks or none of at least one token
template <whole_tensor<1> Tokens>
[[nodiscard]] owned_tensor<index_t, 2> token_batch(const Tokens& tokens, index_t blocks,
                                                   index_t block_size, std::uint64_t seed,
                                                   index_t step) {
  const auto held = detail::view_indices<1>(tokens, "tokens");
  return detail::batch_of(held, blocks, block_size, seed, step);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_REFERENCE owned_tensor<index_t, 2> batch_of<void>(const tensor_view<const index_t, 1>&,
                                                           index_t, index_t, std::uint64_t,
                                                           index_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
