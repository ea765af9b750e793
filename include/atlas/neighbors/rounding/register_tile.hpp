// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The inner loop of the exhaustive search: a tile of scalar products that stays in registers and
/// is compared with the limits of its rows there, so that no product is ever stored.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "atlas/core/tensor_view.hpp"
#include "atlas/core/vector_of.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// A group of rounded rows beside each other, and what is known of each.
template <class Item, class Sum>
struct tile_rows {
  const Item* items;  // a step after the other
  /// Half the squared norm, give or take its share of the error.
  const Sum* half;
  /// Minus half the squared distance from which on nothing is a neighbour of the row any more.
  const Sum* floor;
  const float* unit;           // of bytes
  const std::int32_t* offset;  // of bytes on the left
};

/// What is known of one row on the left.
template <class Sum>
struct row_facts {
  Sum half, floor;
  float unit;
  std::int32_t offset;
};

/// Rows on the left that need not lie beside each other.
template <class Item, class Sum, int Rows>
struct picked_rows {
  const Item* items[Rows];  // each with its steps in one piece
  const row_facts<Sum>* facts[Rows];
};

/// `left_rows` rows beside `right_rows`. A squared distance is |x|^2 + |y|^2 - 2 x.y, so
/// x.y - |x|^2/2 - |y|^2/2 is minus half of it: those are the sums.
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

/// Of rows that are rounded to floats or doubles.
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
    const Scalar* at = right.items;
    for (index_t k = 0; k < d; ++k) {
      typename shape::vector y[shape::vectors];
#pragma GCC unroll 4
      for (int v = 0; v < shape::vectors; ++v) y[v] = simd::load(at + v * simd::lanes);
#pragma GCC unroll 16
      for (int i = 0; i < shape::left_rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < shape::vectors; ++v) out[i][v] += shape::item_of(left, i, k) * y[v];
      at += shape::right_rows;
    }
  }
};

/// The pairs of a tile that are of interest: those whose sum is above the lower of both floors.
/// \param bits `[left_rows]`, a bit for each row of the right
/// \return whether there is one
template <class Tile>
bool compare_tile(const typename Tile::rows& left, const typename Tile::rows& right, index_t steps,
                  std::uint64_t (&bits)[Tile::left_rows]) {
  using simd = typename Tile::simd;
  typename Tile::sums sums;
  Tile::add(left, right, steps, sums);
  std::uint64_t any = 0;
#pragma GCC unroll 16
  for (int i = 0; i < Tile::left_rows; ++i) {
    const auto own = simd::all(left.floor[i]);
    bits[i] = 0;
#pragma GCC unroll 4
    for (int v = 0; v < Tile::vectors; ++v) {
      const auto floor = simd::smaller(simd::load(right.floor + v * simd::lanes), own);
      bits[i] |= std::uint64_t{simd::above(sums[i][v], floor)} << (v * simd::lanes);
    }
    any |= bits[i];
  }
  return any != 0;
}

/// The K largest sums of pairs that each lane of a vector of a tile has met, the largest first.
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

/// The same with a label for each row of the left, of rows that share one the largest sum alone.
template <class Tile, int K>
struct largest_of_labels {
  using simd = typename Tile::simd;
  using vector = typename Tile::vector;
  vector sum[K], label[K];

  largest_of_labels() {
    std::fill_n(sum, K, nothing());
    std::fill_n(label, K, simd::all(-1));
  }

  /// \param own `[left_rows]`, labels from 0 on
  void offer(const typename Tile::sums& sums, int v, const typename Tile::sum* own) {
    for (int i = 0; i < Tile::left_rows; ++i) insert(sums[i][v], simd::all(own[i]));
  }

 private:
  static vector nothing() {
    return simd::all(-std::numeric_limits<typename Tile::sum>::infinity());
  }

  /// Of equal sums the new one goes first, so that what had its label before meets it and ends.
  void insert(vector x, const vector& own) {
    vector with = own;
#pragma GCC unroll 8
    for (int s = 0; s < K; ++s) {
      const vector was = label[s];
      const vector rest = simd::where_equal(was, own, nothing(), simd::smaller(sum[s], x));
      label[s] = simd::where_above(sum[s], x, was, with);
      with = simd::where_above(sum[s], x, with, was);
      sum[s] = simd::larger(sum[s], x);
      x = rest;
    }
  }
};

}  // namespace atlas::inline ATLAS_ABI::detail
