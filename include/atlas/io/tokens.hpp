// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Ids of tokens from a file, and the blocks that a model reads.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/io/dtype.hpp"
#include "atlas/io/npy.hpp"

namespace atlas::inline ATLAS_ABI::io {

/// Ids of tokens, `[N]`, from a `.npy` file of whole numbers, such as any other tokenizer wrote
/// them. O(N).
/// \param rows of the model's table of tokens: each id is from 0 to `rows` - 1
/// \throws format_error naming the file for what is no `.npy` file of whole numbers, shape_error
///         for more axes than one, value_error naming the index of the first id that the model has
///         no row for
template <class = lazy>
[[nodiscard]] owned_tensor<index_t, 1> read_tokens(const std::filesystem::path& file,
                                                   index_t rows) {
  const std::string name = file.string();
  atlas::check_between(rows, 1, index_t{1} << 31, "rows");
  const npy_info info = npy_header(file);
  switch (info.type) {
    case dtype::i8:
    case dtype::i16:
    case dtype::i32:
    case dtype::i64:
    case dtype::u8:
    case dtype::u16:
    case dtype::u32:
    case dtype::u64:
      break;
    default:
      throw format_error(name, "ids of tokens, whole numbers", std::string(dtype_name(info.type)));
  }
  if (info.extents.size() != 1)
    throw shape_error(name, "ids of tokens along one axis",
                      "shape " + atlas::shape_text(info.extents.data(), info.extents.size()));
  owned_tensor<index_t, 1> ids = read_npy<index_t, 1>(file);
  for (index_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= rows)
      throw value_error(name + ": ids[" + std::to_string(i) + "]",
                        "a token of the model, from 0 to " + std::to_string(rows - 1),
                        std::to_string(ids[i]));
  return ids;
}

namespace detail {

/// How many tokens of their own so many blocks have; 0 for 0 blocks, which is as many as there are.
/// \throws value_error naming what is out of range
inline index_t tokens_of_blocks(index_t blocks, index_t tokens_per_block,
                                std::optional<index_t> first) {
  const index_t before = first ? 1 : 0;
  atlas::check_between(tokens_per_block, 1 + before, index_t{1} << 31, "tokens_per_block");
  atlas::check_between(blocks, 0, index_t{1} << 31, "blocks");
  return blocks * (tokens_per_block - before);
}

/// \param name of the tokens, for messages
template <class = lazy>
owned_tensor<index_t, 2> blocks_of(std::span<const index_t> ids, index_t blocks,
                                   index_t tokens_per_block, std::optional<index_t> first,
                                   const char* name) {
  tokens_of_blocks(blocks, tokens_per_block, first);
  const index_t before = first ? 1 : 0;
  const auto tokens = static_cast<index_t>(ids.size());
  const index_t own = tokens_per_block - before, whole = tokens / own,
                wanted = blocks == 0 ? std::max<index_t>(1, whole) : blocks;
  if (whole < wanted)
    throw value_error(name,
                      std::to_string(wanted * own) + " tokens for " + std::to_string(wanted) +
                          " blocks of " + std::to_string(tokens_per_block) +
                          (first ? ", the first of each put before them" : ""),
                      std::to_string(tokens));
  owned_tensor<index_t, 2> out({wanted, tokens_per_block});
  for (index_t b = 0; b < wanted; ++b) {
    index_t* const block = out.mutable_view().data() + b * tokens_per_block;
    if (first) *block = *first;
    std::copy_n(ids.begin() + b * own, own, block + before);
  }
  return out;
}

}  // namespace detail

/// The first `blocks` contiguous blocks of tokens, `[blocks, tokens_per_block]`.
/// \param ids    `[N]`, whole numbers of any type
/// \param blocks 0 for as many whole blocks as there are
/// \param first  what each block begins with, one of its `tokens_per_block`; none: with the tokens'
///               own first
/// \throws value_error when there are fewer tokens than that, or than one block
template <whole_tensor<1> Ids>
[[nodiscard]] owned_tensor<index_t, 2> token_blocks(const Ids& ids, index_t blocks,
                                                    index_t tokens_per_block,
                                                    std::optional<index_t> first = {}) {
  const auto dense = atlas::detail::copy_indices<1>(ids, "ids");
  return detail::blocks_of({dense.data(), static_cast<std::size_t>(dense.size())}, blocks,
                           tokens_per_block, first, "ids");
}

}  // namespace atlas::inline ATLAS_ABI::io
