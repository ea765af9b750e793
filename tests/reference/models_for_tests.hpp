#pragma once
/// \file
/// Golden models of the tests.

#include <cmath>
#include <string>
#include <vector>

#include "atlas/io/checkpoint.hpp"
#include "atlas/io/model.hpp"

namespace atlas_test {

inline std::string model_folder(const std::string& name) {
  return std::string(name.starts_with("tiny") ? ATLAS_EXAMPLE_DATA : ATLAS_TEST_DATA) + "/" + name;
}

inline atlas::io::checkpoint golden_of(const std::string& name) {
  return atlas::io::checkpoint::open(std::string(ATLAS_TEST_DATA) + "/" + name +
                                     "/golden.safetensors");
}

/// The golden input as one block.
inline atlas::owned_tensor<atlas::index, 2> golden_block(const atlas::io::checkpoint& golden) {
  const auto ids = golden.read<std::int32_t, 1>("input_ids");
  atlas::owned_tensor<atlas::index, 2> block({1, ids.extent(0)});
  for (atlas::index t = 0; t < ids.extent(0); ++t) block.mutable_view()(0, t) = ids[t];
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
