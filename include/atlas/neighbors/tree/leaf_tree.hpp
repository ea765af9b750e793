// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows in leaves of 64 that lie close together, in boxes, 16 boxes to a node.

#include <algorithm>
#include <cmath>
#include <vector>

#include "atlas/neighbors/tree/leading_axes.hpp"
#include "atlas/neighbors/tree/leaf_order.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The boxes of the children of one node, side by side, so that vectors bound 16 distances
/// together.
struct box_row {
  float low[most_axes][fan_out];
  float high[most_axes][fan_out];
};

/// A coordinate far outside any cloud, whose rows are scaled to coordinates below 1. Its square
/// does not overflow.
inline constexpr float far_away = 1e18F;

/// Coordinates along the leading axes and row numbers by leaf. `levels[0]` holds the boxes of
/// leaves, 16 to a node; `levels[l + 1]` those of the nodes of level l; the last has one node.
template <class Scalar>
class leaf_tree {
 public:
  /// \param row_at row number -> its contiguous coordinates
  template <class RowAt>
  leaf_tree(index_t rows, const RowAt& row_at, const centring& c, const leading_axes& axes,
            int threads)
      : axes_(axes.count), rows_(rows), leaves_((rows + leaf_rows - 1) / leaf_rows) {
    order(row_at, c, axes, threads);
    fill(row_at, c, axes, threads);
    make_levels(threads);
  }

  index_t axes() const { return axes_; }
  index_t leaves() const { return leaves_; }
  index_t levels() const { return static_cast<index_t>(levels_.size()); }
  index_t children(index_t level) const {
    return level == 0 ? leaves_
                      : static_cast<index_t>(levels_[static_cast<std::size_t>(level - 1)].size());
  }
  const box_row& boxes(index_t level, index_t node) const {
    return levels_[static_cast<std::size_t>(level)][static_cast<std::size_t>(node)];
  }
  /// Coordinates of a leaf's rows, `[axes, leaf_rows]`; `far_away` in places that hold no row.
  const float* leaf(index_t number) const {
    return coordinates_.data() + number * axes_ * leaf_rows;
  }
  /// Row numbers of a leaf, `[leaf_rows]`; -1 in places that hold no row.
  const index_t* leaf_row_numbers(index_t number) const {
    return numbers_.data() + number * leaf_rows;
  }

 private:
  template <class RowAt>
  void order(const RowAt& row_at, const centring& c, const leading_axes& axes, int threads) {
    std::vector<float> all(static_cast<std::size_t>(rows_ * axes_));
    parallel_for((rows_ + centring_rows - 1) / centring_rows, threads, [&](index_t b) {
      std::vector<double> centred;
      for (index_t i = b * centring_rows; i < (std::min)(rows_, (b + 1) * centring_rows); ++i)
        project_row(row_at(i), c, axes, all.data() + i * axes_, 1, centred);
    });
    const leaf_order ordered(all, axes_, threads);
    numbers_.assign(static_cast<std::size_t>(leaves_ * leaf_rows), -1);
    for (index_t i = 0; i < rows_; ++i) numbers_[static_cast<std::size_t>(i)] = ordered.row(i);
  }

  /// Computes coordinates along the axes in the order of leaves. They were computed for that order
  /// already; once more takes less memory than keeping both.
  template <class RowAt>
  void fill(const RowAt& row_at, const centring& c, const leading_axes& axes, int threads) {
    coordinates_.assign(static_cast<std::size_t>(leaves_ * leaf_rows * axes_), far_away);
    parallel_for((leaves_ + leaf_rows - 1) / leaf_rows, threads, [&](index_t b) {
      std::vector<double> centred;
      for (index_t l = b * leaf_rows; l < (std::min)(leaves_, (b + 1) * leaf_rows); ++l)
        for (index_t i = 0; i < leaf_rows && leaf_row_numbers(l)[i] >= 0; ++i)
          project_row(row_at(leaf_row_numbers(l)[i]), c, axes,
                      coordinates_.data() + l * axes_ * leaf_rows + i, leaf_rows, centred);
    });
  }

  void make_levels(int threads) {
    for (index_t count = leaves_; levels_.empty() || levels_.back().size() > 1;) {
      const index_t nodes = (count + fan_out - 1) / fan_out;
      const auto level = static_cast<index_t>(levels_.size());
      std::vector<box_row> boxes(static_cast<std::size_t>(nodes));
      parallel_for(nodes, threads, [&](index_t node) {
        for (index_t child = 0; child < fan_out; ++child)
          measure(level, node * fan_out + child, boxes[static_cast<std::size_t>(node)], child);
      });
      levels_.push_back(std::move(boxes));
      count = nodes;
    }
  }

  void measure(index_t level, index_t child, box_row& out, index_t place) const {
    for (index_t a = 0; a < axes_; ++a) {
      float low = far_away, high = -far_away;
      if (child >= children(level)) {
        high = far_away;  // places without a child: infinitely far
      } else if (level == 0) {
        for (index_t i = 0; i < leaf_rows && leaf_row_numbers(child)[i] >= 0; ++i) {
          low = (std::min)(low, leaf(child)[a * leaf_rows + i]);
          high = (std::max)(high, leaf(child)[a * leaf_rows + i]);
        }
      } else {
        const box_row& inside = boxes(level - 1, child);
        for (index_t i = 0; i < fan_out && child * fan_out + i < children(level - 1); ++i) {
          low = (std::min)(low, inside.low[a][i]);
          high = (std::max)(high, inside.high[a][i]);
        }
      }
      out.low[a][place] = low;
      out.high[a][place] = high;
    }
  }

  index_t axes_, rows_, leaves_;
  std::vector<index_t> numbers_;
  std::vector<float> coordinates_;
  std::vector<std::vector<box_row>> levels_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
