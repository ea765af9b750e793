// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The types of tensors in GGUF files: rows of blocks, each of some weights in some bytes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "atlas/io/blocks/plain.hpp"
#include "atlas/io/blocks/q2_k.hpp"
#include "atlas/io/blocks/q3_k.hpp"
#include "atlas/io/blocks/q4.hpp"
#include "atlas/io/blocks/q4_k.hpp"
#include "atlas/io/blocks/q5.hpp"
#include "atlas/io/blocks/q5_k.hpp"
#include "atlas/io/blocks/q6_k.hpp"
#include "atlas/io/blocks/q8_0.hpp"

namespace atlas::inline ATLAS_ABI::io {

namespace detail {

/// Writes the weights of blocks that lie one after the other.
using block_reader = void (*)(const std::byte* blocks, std::size_t count, float* out);

template <class Block>
void read_blocks(const std::byte* blocks, std::size_t count, float* out) {
  for (std::size_t b = 0; b < count; ++b)
    Block::read(blocks + b * Block::bytes, out + b * Block::weights);
}

}  // namespace detail

/// A type of tensors: its number in files and its name in ggml, the weights and bytes of a block,
/// and what reads it.
struct gguf_tensor_type {
  std::uint32_t id = 0;
  std::string_view name;
  std::size_t weights = 0;              ///< of a block, which is a part of one row
  std::size_t bytes = 0;                ///< of a block; 0 for a type that ggml has given up
  detail::block_reader read = nullptr;  ///< null for a type that is known by its size only
};

namespace detail {

template <class Block>
constexpr gguf_tensor_type type_of_blocks(std::uint32_t id, std::string_view name) {
  return {id, name, Block::weights, Block::bytes, &read_blocks<Block>};
}

/// All numbers that ggml has given to types (`enum ggml_type`).
inline constexpr std::array gguf_tensor_types =
    std::to_array<gguf_tensor_type>({type_of_blocks<f32_block>(0, "F32"),
                                     type_of_blocks<f16_block>(1, "F16"),
                                     type_of_blocks<q4_0_block>(2, "Q4_0"),
                                     type_of_blocks<q4_1_block>(3, "Q4_1"),
                                     {4, "Q4_2", 0, 0},
                                     {5, "Q4_3", 0, 0},
                                     type_of_blocks<q5_0_block>(6, "Q5_0"),
                                     type_of_blocks<q5_1_block>(7, "Q5_1"),
                                     type_of_blocks<q8_0_block>(8, "Q8_0"),
                                     {9, "Q8_1", 32, 36},
                                     type_of_blocks<q2_k_block>(10, "Q2_K"),
                                     type_of_blocks<q3_k_block>(11, "Q3_K"),
                                     type_of_blocks<q4_k_block>(12, "Q4_K"),
                                     type_of_blocks<q5_k_block>(13, "Q5_K"),
                                     type_of_blocks<q6_k_block>(14, "Q6_K"),
                                     {15, "Q8_K", 256, 292},
                                     {16, "IQ2_XXS", 256, 66},
                                     {17, "IQ2_XS", 256, 74},
                                     {18, "IQ3_XXS", 256, 98},
                                     {19, "IQ1_S", 256, 50},
                                     {20, "IQ4_NL", 32, 18},
                                     {21, "IQ3_S", 256, 110},
                                     {22, "IQ2_S", 256, 82},
                                     {23, "IQ4_XS", 256, 136},
                                     {24, "I8", 1, 1},
                                     {25, "I16", 1, 2},
                                     {26, "I32", 1, 4},
                                     {27, "I64", 1, 8},
                                     {28, "F64", 1, 8},
                                     {29, "IQ1_M", 256, 56},
                                     type_of_blocks<bf16_block>(30, "BF16"),
                                     {31, "Q4_0_4_4", 0, 0},
                                     {32, "Q4_0_4_8", 0, 0},
                                     {33, "Q4_0_8_8", 0, 0},
                                     {34, "TQ1_0", 256, 54},
                                     {35, "TQ2_0", 256, 66},
                                     {36, "IQ4_NL_4_4", 0, 0},
                                     {37, "IQ4_NL_4_8", 0, 0},
                                     {38, "IQ4_NL_8_8", 0, 0},
                                     {39, "MXFP4", 32, 17},
                                     {40, "NVFP4", 64, 36},
                                     {41, "Q1_0", 128, 18}});

/// Null for a number that is none of a type.
inline const gguf_tensor_type* find_gguf_tensor_type(std::uint32_t id) {
  return id < gguf_tensor_types.size() ? &gguf_tensor_types[id] : nullptr;
}

constexpr bool are_at_their_numbers() {
  for (std::size_t i = 0; i < gguf_tensor_types.size(); ++i)
    if (gguf_tensor_types[i].id != i) return false;
  return true;
}
static_assert(are_at_their_numbers());

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI::io
