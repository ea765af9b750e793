// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Centroids of rows by a few steps of Lloyd's algorithm, with distances from the shortlist's sums.
/// Good centroids make the search in cells faster; any are right.

#include <algorithm>
#include <cmath>
#include <vector>

#include "atlas/core/vector_of.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Consecutive groups of centroids, [from, to).
struct group_range {
  index_t from, to;
};

template <class Scalar, class Shortlist>
class lloyd {
 public:
  using tile = typename Shortlist::tile;
  using centroid_side = block_side<Scalar, Shortlist, true>;
  using row_side = block_side<Scalar, Shortlist, false>;

  lloyd(const raw_rows<Scalar>& raw, index_t d, const Shortlist& shortlist)
      : raw_(raw), d_(d), shortlist_(shortlist) {}

  void load(const std::vector<Scalar>& centroids, centroid_side& side) const {
    side.load(
        0, static_cast<index_t>(centroids.size()) / d_,
        [&](index_t c) { return centroids.data() + c * d_; }, shortlist_);
  }

  /// \param members row numbers in any order
  void load(const std::vector<index_t>& members, row_side& side) const {
    const std::size_t ahead = 8, bytes = sizeof(Scalar) * static_cast<std::size_t>(d_);
    const auto row_at = [&](index_t i) {
      const auto next = static_cast<std::size_t>(i) + ahead;
      if (next < members.size()) prefetch(raw_.row(members[next]), bytes);
      return raw_.row(members[next - ahead]);
    };
    side.load(0, static_cast<index_t>(members.size()), row_at, shortlist_);
  }

  /// \param rows the members, loaded
  /// \return `[count, d]`, after `steps` steps from members spread over the list
  std::vector<Scalar> centroids(const std::vector<index_t>& members, const row_side& rows,
                                index_t count, int steps) const {
    std::vector<Scalar> out;
    out.reserve(static_cast<std::size_t>(count * d_));
    for (index_t c = 0; c < count; ++c) {
      const Scalar* const row = raw_.row(members[static_cast<std::size_t>(c * rows.rows / count)]);
      out.insert(out.end(), row, row + d_);
    }
    centroid_side side;
    std::vector<index_t> of(members.size());
    for (int step = 0; step < steps; ++step) {
      load(out, side);
      assign(side, rows, of.data());
      move_to_means(members, of, out);
    }
    return out;
  }

  /// The nearest centroid of every row, within the shortlist's rounding.
  void assign(const centroid_side& centroids, const row_side& rows, index_t* of) const {
    for (index_t r = 0; r < rows.groups(); ++r) {
      nearest found;
      compare(centroids, {0, centroids.groups()}, rows, r, found);
      found.report(std::min<index_t>(tile::right_rows, rows.rows - r * tile::right_rows),
                   of + r * tile::right_rows);
    }
  }

  /// Families of centroids. Those of each lie within `spread` of the family's centroid, in the
  /// units of Shortlist::length.
  struct families {
    const centroid_side& centroids;
    const std::vector<group_range>& groups;
    const std::vector<typename tile::sum>& spread;
  };

  /// The nearest centroid of every row, within the shortlist's rounding, of all families. Some are
  /// compared first; others are ruled out where none of their centroids can be nearer than the
  /// nearest so far (triangle inequality).
  /// \param first families that are compared first
  /// \param most `[rows]`, upper bounds of the sum of each row with any of the centroids
  void assign(const centroid_side& centroids, const families& all,
              const std::vector<index_t>& first, const row_side& rows, index_t* of,
              typename tile::sum* most) const {
    for (index_t r = 0; r < rows.groups(); ++r) {
      const index_t from = r * tile::right_rows;
      const index_t here = std::min<index_t>(tile::right_rows, rows.rows - from);
      nearest found;
      for (const index_t f : first)
        compare(centroids, all.groups[static_cast<std::size_t>(f)], rows, r, found);
      const auto length = found.lengths(here);
      for (index_t g = 0; g < all.centroids.groups(); ++g) {
        typename tile::sums sums;
        tile::add(all.centroids.nearest(g), rows.nearest(r), shortlist_.steps(), sums);
        for (index_t i = 0; i < tile::left_rows; ++i) {
          const auto f = static_cast<std::size_t>(g * tile::left_rows + i);
          if (f < all.groups.size() && nearest::any_within(sums[i], length, all.spread[f]) &&
              std::find(first.begin(), first.end(), static_cast<index_t>(f)) == first.end())
            compare(centroids, all.groups[f], rows, r, found);
        }
      }
      found.report(here, of + from);
      for (index_t i = 0; i < here; ++i) most[from + i] = found.sum(i);
    }
  }

 private:
  struct nearest {
    using simd = typename tile::simd;
    using vector = typename tile::vector;
    vector best[tile::vectors], number[tile::vectors];

    nearest() {
      for (int v = 0; v < tile::vectors; ++v) {
        best[v] = simd::all(Shortlist::no_floor);
        number[v] = vector{};
      }
    }

    void update(const typename tile::rows& centroids, const typename tile::rows& rows,
                index_t steps, index_t group) {
      typename tile::sums sums;
      tile::add(centroids, rows, steps, sums);
#pragma GCC unroll 4
      for (int v = 0; v < tile::vectors; ++v)
#pragma GCC unroll 16
        for (int i = 0; i < tile::left_rows; ++i) {
          const auto here = simd::all(static_cast<typename tile::sum>(group * tile::left_rows + i));
          number[v] = simd::where_above(sums[i][v], best[v], here, number[v]);
          best[v] = simd::larger(sums[i][v], best[v]);
        }
    }

    typename tile::sum sum(index_t i) const {
      return best[i / simd::lanes][i % simd::lanes];
    }

    void report(index_t rows, index_t* of) const {
      for (index_t i = 0; i < rows; ++i)
        of[i] = static_cast<index_t>(number[i / simd::lanes][i % simd::lanes]);
    }

    /// Roots of minus the largest sums, rounded up: distances of rows from their nearest centroids
    /// so far, in the units of Shortlist::length.
    struct row_lengths {
      typename tile::sum of[tile::right_rows] = {};
    };
    row_lengths lengths(index_t rows) const {
      row_lengths out;
      for (index_t i = 0; i < rows; ++i)
        out.of[i] = static_cast<typename tile::sum>(
            std::sqrt((std::max)(-static_cast<double>(sum(i)), 0.0)) * (1 + 0x1p-20));
      return out;
    }

    static bool any_within(const vector (&sums)[tile::vectors], const row_lengths& length,
                           typename tile::sum spread) {
      unsigned any = 0;
      for (int v = 0; v < tile::vectors; ++v) {
        const vector reach = simd::load(length.of + v * simd::lanes) + spread;
        any |= simd::positive(sums[v] + reach * reach);
      }
      return any != 0;
    }
  };

  void compare(const centroid_side& centroids, group_range groups, const row_side& rows,
               index_t tile_row, nearest& found) const {
    for (index_t g = groups.from; g < groups.to; ++g)
      found.update(centroids.nearest(g), rows.nearest(tile_row), shortlist_.steps(), g);
  }

  void move_to_means(const std::vector<index_t>& members, const std::vector<index_t>& of,
                     std::vector<Scalar>& centroids) const {
    std::vector<double> counts(centroids.size() / static_cast<std::size_t>(d_), 0.0);
    for (const index_t c : of) ++counts[static_cast<std::size_t>(c)];
    std::vector<double> means(centroids.size(), 0.0);
    for (std::size_t m = 0; m < members.size(); ++m) {
      const Scalar* const row = raw_.row(members[m]);
      double* const mean = means.data() + of[m] * d_;
      const double share =
          1 / counts[static_cast<std::size_t>(of[m])];  // a mean of shares: a sum might overflow
      for (index_t k = 0; k < d_; ++k) mean[k] += share * static_cast<double>(row[k]);
    }
    for (std::size_t i = 0; i < means.size(); ++i)
      if (counts[i / static_cast<std::size_t>(d_)] > 0)
        centroids[i] = static_cast<Scalar>(means[i]);
  }

  const raw_rows<Scalar>& raw_;
  index_t d_;
  const Shortlist& shortlist_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
