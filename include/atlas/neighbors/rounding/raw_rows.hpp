// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows of a view with contiguous coordinates.

#include <cstddef>
#include <vector>

#include "atlas/core/vector_functions.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Asks the processor to load memory into the cache ahead of its use.
inline void prefetch(const void* from, std::size_t bytes) {
  constexpr std::size_t line = 64;
  for (std::size_t b = 0; b < bytes; b += line) prefetch_line(static_cast<const char*>(from) + b);
}

/// A block of rows as given: in place where rows are contiguous, otherwise copied.
template <class Scalar>
class raw_rows {
 public:
  void load(const tensor_view<const Scalar, 2>& points, index_t from, index_t rows) {
    if (points.stride(1) == 1) {
      first_ = &points(from, index_t{0});
      stride_ = points.stride(0);
      return;
    }
    const index_t d = points.extent(1);
    copy_.resize(static_cast<std::size_t>(rows * d));
    for_each_of_rows(points, from, rows, [&](index_t i, index_t k, Scalar x) {
      copy_[static_cast<std::size_t>((i - from) * d + k)] = x;
    });
    first_ = copy_.data();
    stride_ = d;
  }
  const Scalar* row(index_t i) const { return first_ + i * stride_; }

 private:
  const Scalar* first_ = nullptr;
  index_t stride_ = 0;
  std::vector<Scalar> copy_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
