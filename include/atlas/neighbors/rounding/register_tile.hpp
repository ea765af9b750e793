// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The inner loop of the shortlist: a tile of scalar products that stays in vector registers and is
/// compared with the limits of its rows there, so that no product is written to memory.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A group of rounded rows whose coordinates lie side by side, and bounds of each row.
template <class Item, class Sum>
struct tile_rows {
  const Item* items;  // `[steps, rows]`: an item is one coordinate, or four of bytes
  /// Half of a lower or upper bound of the squared norm.
  const Sum* half;
  /// Minus half of the squared limit of the row: pairs whose sums are not above it are ruled out.
  const Sum* floor;
  const float* unit;           // of rows rounded to bytes: what 1 stands for
  const std::int32_t* offset;  // of bytes on the left: what takes back the 128 added on the right
};

/// Bounds of one row on the left, as in tile_rows.
template <class Sum>
struct row_facts {
  Sum half, floor;
  float unit;
  std::int32_t offset;
};

/// Rows on the left that need not be of one group.
template <class Item, class Sum, int Rows>
struct picked_rows {
  const Item* items[Rows];  // each with its steps in one piece
  const row_facts<Sum>* facts[Rows];
};

/// `left_rows` rows times `right_rows` rows. A squared distance is |x|^2 + |y|^2 - 2 x.y, so
/// x.y - |x|^2/2 - |y|^2/2 is minus half of it: those are a tile's sums.
template <class Item, class Sum, int Vectors>
struct tile_shape {
  using item = Item;
  using sum = Sum;
  using simd = vector_of<Sum>;
  using vector = typename simd::type;
  using rows = tile_rows<Item, Sum>;
  static constexpr int vectors = Vectors;
  static constexpr int left_rows = vector_registers / 4;  // with 3 vectors, 3/4 of the registers
  static constexpr int right_rows = vectors * simd::lanes;
  static constexpr int size = left_rows * right_rows;
  using sums = vector[left_rows][vectors];
  using picked = picked_rows<Item, Sum, left_rows>;

 protected:
  static Item item_of(const rows& left, int i, index_t k) { return left.items[k * left_rows + i]; }
  static Item item_of(const picked& left, int i, index_t k) { return left.items[i][k]; }
  static Sum half_of(const rows& left, int i) { return left.half[i]; }
  static Sum half_of(const picked& left, int i) { return left.facts[i]->half; }
  static float unit_of(const rows& left, int i) { return left.unit[i]; }
  static float unit_of(const picked& left, int i) { return left.facts[i]->unit; }
  static std::int32_t offset_of(const rows& left, int i) { return left.offset[i]; }
  static std::int32_t offset_of(const picked& left, int i) { return left.facts[i]->offset; }
};

/// The tile of rows that are rounded to floats or doubles.
template <class Scalar, int Vectors = 3>
struct float_tile : tile_shape<Scalar, Scalar, Vectors> {
  using shape = tile_shape<Scalar, Scalar, Vectors>;
  using typename shape::simd;
  template <int Other>
  using with_vectors = float_tile<Scalar, Other>;

  /// \param left `[d, left_rows]`, or picked,
  /// \param right `[d, right_rows]`: coordinates
  template <class Left>
  static void add(const Left& left, const typename shape::rows& right, index_t d,
                  typename shape::sums& out) {
#pragma GCC unroll 16
    for (int i = 0; i < shape::left_rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < shape::vectors; ++v)
        out[i][v] = -shape::half_of(left, i) - simd::load(right.half + v * simd::lanes);
    const Scalar* coordinates_of_step = right.items;
    for (index_t k = 0; k < d; ++k) {
      typename shape::vector y[shape::vectors];
#pragma GCC unroll 4
      for (int v = 0; v < shape::vectors; ++v)
        y[v] = simd::load(coordinates_of_step + v * simd::lanes);
#pragma GCC unroll 16
      for (int i = 0; i < shape::left_rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < shape::vectors; ++v) out[i][v] += shape::item_of(left, i, k) * y[v];
      coordinates_of_step += shape::right_rows;
    }
  }
};

/// The candidates of a tile: pairs whose sum is above the lower of both rows' floors.
/// \param bits `[left_rows]`, a bit for each row of the right
/// \return whether there is any
template <class Tile>
bool compare_tile(const typename Tile::rows& left, const typename Tile::rows& right, index_t steps,
                  std::uint64_t (&bits)[Tile::left_rows]) {
  using simd = typename Tile::simd;
  typename Tile::sums sums;
  Tile::add(left, right, steps, sums);
  std::uint64_t any = 0;
#pragma GCC unroll 16
  for (int i = 0; i < Tile::left_rows; ++i) {
    const auto left_floor = simd::all(left.floor[i]);
    bits[i] = 0;
#pragma GCC unroll 4
    for (int v = 0; v < Tile::vectors; ++v) {
      const auto floor = simd::smaller(simd::load(right.floor + v * simd::lanes), left_floor);
      bits[i] |= std::uint64_t{simd::above(sums[i][v], floor)} << (v * simd::lanes);
    }
    any |= bits[i];
  }
  return any != 0;
}

/// For each lane of a vector of a tile, which is a row of the right, the K largest of the sums that
/// were offered, the largest first.
template <class Tile, int K>
struct largest_sums {
  using simd = typename Tile::simd;
  using vector = typename Tile::vector;
  vector sum[K];

  largest_sums() {
    std::fill_n(sum, K, simd::all(-std::numeric_limits<typename Tile::sum>::infinity()));
  }

  /// \param v the vector of the tile
  void offer(const typename Tile::sums& sums, int v, const typename Tile::sum*) {
#pragma GCC unroll 16
    for (int i = 0; i < Tile::left_rows; ++i) {
      vector x = sums[i][v];
#pragma GCC unroll 8
      for (int s = 0; s < K; ++s) {
        const vector rest = simd::smaller(sum[s], x);
        sum[s] = simd::larger(sum[s], x);
        x = rest;
      }
    }
  }
};

/// The same with a label for each row of the left: of rows with the same label only the largest sum
/// counts.
template <class Tile, int K>
struct largest_of_labels {
  using simd = typename Tile::simd;
  using vector = typename Tile::vector;
  vector sum[K], label[K];

  largest_of_labels() {
    std::fill_n(sum, K, nothing());
    std::fill_n(label, K, simd::all(-1));
  }

  /// \param labels `[left_rows]`, labels from 0 on
  void offer(const typename Tile::sums& sums, int v, const typename Tile::sum* labels) {
    for (int i = 0; i < Tile::left_rows; ++i) insert(sums[i][v], simd::all(labels[i]));
  }

 private:
  static vector nothing() {
    return simd::all(-std::numeric_limits<typename Tile::sum>::infinity());
  }

  /// Inserts a sum with its label in the order of sums, a new one before equal ones. The sum that
  /// is pushed down from a place is dropped where it has the new label, so that no label occurs
  /// twice.
  void insert(vector x, const vector& new_label) {
    vector with = new_label;
#pragma GCC unroll 8
    for (int s = 0; s < K; ++s) {
      const vector was = label[s];
      const vector rest = simd::where_equal(was, new_label, nothing(), simd::smaller(sum[s], x));
      label[s] = simd::where_above(sum[s], x, was, with);
      with = simd::where_above(sum[s], x, with, was);
      sum[s] = simd::larger(sum[s], x);
      x = rest;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::detail
