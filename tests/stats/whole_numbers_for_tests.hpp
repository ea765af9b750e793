// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Samples of whole numbers, and the same shifted and scaled.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "atlas/core/random.hpp"

namespace atlas_test {

using integers = std::vector<long long>;
using numbers = std::vector<double>;

inline numbers shifted(const integers& x, double offset, double scale = 1) {
  numbers out;
  for (const long long v : x) out.push_back(scale * (offset + static_cast<double>(v)));
  return out;
}

inline integers draw_integers(std::size_t n, std::uint64_t seed) {
  atlas::random_stream random(seed);
  integers out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(random.uniform_index(9));
  out[0] = 9;
  return out;
}

}  // namespace atlas_test
