// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// An order of rows in which the rows of every leaf, of every 16 leaves, every 256 and so on lie
/// close together.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

inline constexpr index_t leaf_rows = 64;
inline constexpr index_t fan_out = 16;  // children of a node

/// Halves ranges of rows at about the median of the coordinate that varies most in the range, down
/// to leaves.
class leaf_order {
 public:
  /// \param coordinates `[rows, width]`
  leaf_order(const std::vector<float>& coordinates, index_t width, int threads)
      : coordinates_(coordinates),
        width_(width),
        entries_(coordinates.size() / static_cast<std::size_t>(width)) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      entries_[i].row = static_cast<std::uint32_t>(i);
    std::vector<range> ranges{{0, static_cast<index_t>(entries_.size())}};
    while (!ranges.empty()) {
      std::vector<index_t> middles(ranges.size());
      parallel_for(static_cast<index_t>(ranges.size()), threads, [&](index_t r) {
        middles[static_cast<std::size_t>(r)] = halve(ranges[static_cast<std::size_t>(r)]);
      });
      ranges = halves(ranges, middles);
    }
  }

  index_t row(index_t place) const { return entries_[static_cast<std::size_t>(place)].row; }

 private:
  struct entry {
    float key;
    std::uint32_t row;
  };
  struct range {
    index_t from, to;
  };

  static std::vector<range> halves(const std::vector<range>& ranges,
                                   const std::vector<index_t>& middles) {
    std::vector<range> out;
    for (std::size_t r = 0; r < ranges.size(); ++r)
      for (const range half : {range{ranges[r].from, middles[r]}, range{middles[r], ranges[r].to}})
        if (half.to - half.from > leaf_rows) out.push_back(half);
    return out;
  }

  /// About half of the rows, in whole nodes of the largest size of which the range holds more than
  /// one.
  static index_t rows_left_of_middle(index_t rows) {
    index_t unit = leaf_rows;
    while (unit * fan_out < rows) unit *= fan_out;
    return std::max<index_t>(1, (rows / 2 + unit / 2) / unit) * unit;
  }

  float coordinate(index_t place, index_t axis) const {
    return coordinates_[static_cast<std::size_t>(row(place) * width_ + axis)];
  }

  index_t widest(range r) const {
    index_t best = 0;
    float most = -1;
    const index_t step = std::max<index_t>(1, (r.to - r.from) / 64);
    for (index_t axis = 0; axis < width_; ++axis) {
      float low = coordinate(r.from, axis), high = low;
      for (index_t i = r.from; i < r.to; i += step) {
        low = (std::min)(low, coordinate(i, axis));
        high = (std::max)(high, coordinate(i, axis));
      }
      if (high - low > most) {
        most = high - low;
        best = axis;
      }
    }
    return best;
  }

  index_t halve(range r) {
    if (r.to - r.from <= leaf_rows) return r.to;
    const index_t axis = widest(r), middle = r.from + rows_left_of_middle(r.to - r.from);
    for (index_t i = r.from; i < r.to; ++i)
      entries_[static_cast<std::size_t>(i)].key = coordinate(i, axis);
    const auto begin = entries_.begin();
    std::nth_element(begin + r.from, begin + middle, begin + r.to,
                     [](const entry& a, const entry& b) { return a.key < b.key; });
    return middle;
  }

  const std::vector<float>& coordinates_;
  index_t width_;
  std::vector<entry> entries_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
