// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Golden models of the tests.

#include <cmath>
#include <string>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/io/checkpoint.hpp"
#include "atlas/io/model.hpp"

namespace atlas_test {

inline std::string model_folder(const std::string& name) {
  return std::string(name.starts_with("tiny") ? ATLAS_EXAMPLE_DATA : ATLAS_TEST_DATA) + "/" + name;
}

inline atlas::transformer micro(const std::string& name) {
  return atlas::io::open_transformer(model_folder(name));
}

/// The tiny models of architectures beside those of the micro models, and of mixed ones.
inline const std::vector<std::string> further_architectures = {
    "architectures/qwen3",
    "architectures/gemma2",
    "architectures/gemma3",
    "architectures/phi3",
    "architectures/gpt_neox",
    "architectures/gpt_neox_in_turn",
    "architectures/olmo2",
    "architectures/own_layer_learned_gated",
    "architectures/own_rms_learned_plain",
    "architectures/own_layer_rotary_gated",
    "architectures/own_rms_learned_gated"};

/// Random token ids of the micro models' vocabulary, or another.
inline atlas::owned_tensor<atlas::index_t, 2> some_blocks(atlas::index_t count, atlas::index_t size,
                                                          atlas::index_t vocabulary = 96) {
  atlas::owned_tensor<atlas::index_t, 2> blocks({count, size});
  atlas::random_stream random(5);
  for (atlas::index_t b = 0; b < count; ++b)
    for (atlas::index_t t = 0; t < size; ++t)
      blocks.mutable_view()(b, t) = random.uniform_index(vocabulary);
  return blocks;
}

inline atlas::io::checkpoint golden_of(const std::string& name) {
  return atlas::io::checkpoint::open(std::string(ATLAS_TEST_DATA) + "/" + name +
                                     "/golden.safetensors");
}

/// The golden input as one block.
inline atlas::owned_tensor<atlas::index_t, 2> golden_block(const atlas::io::checkpoint& golden) {
  const auto ids = golden.read<std::int32_t, 1>("input_ids");
  atlas::owned_tensor<atlas::index_t, 2> block({1, ids.extent(0)});
  for (atlas::index_t t = 0; t < ids.extent(0); ++t) block.mutable_view()(0, t) = ids[t];
  return block;
}

/// ||got - wanted|| / ||wanted||, in double.
template <std::size_t Rank>
double relative_error(const atlas::tensor_view<const float, Rank>& got,
                      const atlas::tensor_view<const float, Rank>& wanted) {
  double difference = 0, norm = 0;
  if (got.extents() != wanted.extents()) return INFINITY;
  atlas::for_each_element(got, wanted, [&](const float& a, const float& b) {
    difference += (static_cast<double>(a) - static_cast<double>(b)) *
                  (static_cast<double>(a) - static_cast<double>(b));
    norm += static_cast<double>(b) * static_cast<double>(b);
  });
  return std::sqrt(difference / norm);
}

}  // namespace atlas_test
