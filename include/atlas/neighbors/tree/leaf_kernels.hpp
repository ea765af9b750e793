// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The inner loops of the search in a tree: the rows of one leaf against boxes and rows of other
/// leaves, along some of the axes.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "atlas/core/vector_of.hpp"
#include "atlas/neighbors/tree/leaf_tree.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The rows of a leaf whose neighbours are looked for, with their limits and candidates.
struct leaf_query {
  index_t leaf = 0;
  const float* coordinates = nullptr;
  const index_t* numbers = nullptr;
  float low[most_axes], high[most_axes];  // the box that they span
  float limit[leaf_rows];  // squared distances along the axes; -1 in places that hold no row
  float widest = 0;        // the largest limit
  struct candidate {
    index_t row, other;  // within the leaf, and in the cloud
    float squared;       // squared distance along the axes
  };
  candidate candidates[5 * leaf_rows];
  index_t count = 0;
  double cycles = 0;  // spent so far (search_costs.hpp)
  double budget = std::numeric_limits<double>::infinity();
};

struct leaf_kernels {
  using simd = vector_of<float>;
  using vector = simd::type;
  static constexpr int row_vectors = static_cast<int>(leaf_rows) / simd::lanes;
  static constexpr int rows_at_once = (std::max)(1, 8 / row_vectors);  // 8 vectors of sums

  /// Squared distances of the query's rows from the box of a leaf, along half of the axes or all.
  /// \param place of the leaf's box among those of its node
  static void add_gaps(const leaf_query& q, const box_row& boxes, index_t place, index_t from,
                       index_t to, vector* sums) {
    for (index_t a = from; a < to; ++a) {
      const float low = boxes.low[a][place], high = boxes.high[a][place];
#pragma GCC unroll 8
      for (int v = 0; v < row_vectors; ++v) {
        const vector x = simd::load(q.coordinates + a * leaf_rows + v * simd::lanes);
        const vector gap = simd::larger(simd::larger(low - x, x - high), vector{});
        sums[v] += gap * gap;
      }
    }
  }

  /// A bit for each row of the query whose limit is above its sum.
  static std::uint64_t rows_above(const leaf_query& q, const vector* sums) {
    std::uint64_t rows = 0;
    for (int v = 0; v < row_vectors; ++v)
      rows |= std::uint64_t{simd::positive(simd::load(q.limit + v * simd::lanes) - sums[v])}
              << (v * simd::lanes);
    return rows;
  }

  /// Adds squared differences of `Count` rows of the query and all rows of a leaf along some axes.
  template <int Count>
  static void add_squares(const float* query, const index_t* rows, const float* others,
                          index_t from, index_t to, vector (*squares)[row_vectors]) {
    for (index_t a = from; a < to; ++a) {
      vector y[row_vectors];
#pragma GCC unroll 8
      for (int v = 0; v < row_vectors; ++v)
        y[v] = simd::load(others + a * leaf_rows + v * simd::lanes);
#pragma GCC unroll 4
      for (int r = 0; r < Count; ++r) {
        const float x = query[a * leaf_rows + rows[r]];
#pragma GCC unroll 8
        for (int v = 0; v < row_vectors; ++v) {
          const vector gap = y[v] - x;
          squares[r][v] += gap * gap;
        }
      }
    }
  }

  static bool any_below(float limit, const vector* squares) {
    vector most = limit - squares[0];
    for (int v = 1; v < row_vectors; ++v) most = simd::larger(most, limit - squares[v]);
    return simd::positive(most) != 0;
  }
};

}  // namespace atlas::inline ATLAS_ABI::detail
