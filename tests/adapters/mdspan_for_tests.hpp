// SPDX-License-Identifier: MIT
#pragma once
// What std::mdspan looks like from outside, for standard libraries that have none yet: a strided
// one, one whose layout is tiled and one whose accessor scales what it reads.

#include <array>
#include <cstddef>

#include "atlas/core/tensor_view.hpp"

struct strided_span {
  using element_type = const float;
  static constexpr std::size_t rank() { return 2; }
  int extent(std::size_t r) const { return extents[r]; }
  int stride(std::size_t r) const { return strides[r]; }
  const float* data_handle() const { return data; }

  const float* data;
  std::array<int, 2> extents, strides;
};

/// Rows in pairs: (i, k) lies at i / 2 * 2 * cols + 2 * k + i % 2.
struct tiled_mapping {
  int cols;
  int operator()(int i, int k) const { return i / 2 * 2 * cols + 2 * k + i % 2; }
};

struct scaling_accessor {
  float factor;
  float access(const float* data, std::size_t at) const { return factor * data[at]; }
};

struct tiled_scaled_span {
  using element_type = const float;
  using reference = float;
  using index_type = int;
  static constexpr std::size_t rank() { return 2; }
  static constexpr bool is_always_strided() { return false; }
  int extent(std::size_t r) const { return r == 0 ? rows : layout.cols; }
  const float* data_handle() const { return data; }
  const tiled_mapping& mapping() const { return layout; }
  scaling_accessor accessor() const { return {factor}; }

  const float* data;
  int rows;
  tiled_mapping layout;
  float factor;
};
