// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A block of rows as one side of the tiles of a shortlist.

#include <cstdint>
#include <vector>

#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/rounding/register_tile.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Rows as given, and as rounded in the groups that a tile reads, with the floors of their limits.
/// \tparam Left whether they are the tile's left side
template <class Scalar, class Shortlist, bool Left>
struct block_side {
  using tile = typename Shortlist::tile;
  using item = typename tile::item;
  using sum = typename tile::sum;
  static constexpr index_t group_rows = Left ? tile::left_rows : tile::right_rows;

  index_t first = 0, rows = 0;
  raw_rows<Scalar> raw;
  std::vector<sum> floor;  // minus half of the squared limit of each row (register_tile.hpp)

  void load(const tensor_view<const Scalar, 2>& points, index_t from, index_t count,
            const Shortlist& shortlist) {
    raw.load(points, from, count);
    load(
        from, count, [&](index_t i) { return raw.row(i); }, shortlist);
  }

  /// \param row_at number within the block -> its contiguous coordinates
  template <class RowAt>
  void load(index_t from, index_t count, const RowAt& row_at, const Shortlist& shortlist) {
    resize(from, count, shortlist);
    for (index_t i = 0; i < rows; ++i)
      store(i, shortlist.template pack<Left>(row_at(i), place(i), group_rows));
  }

  /// Loads the rows of a left side, whose rounded coordinates are converted instead of rounded
  /// again.
  void load(const tensor_view<const Scalar, 2>& points,
            const block_side<Scalar, Shortlist, true>& left, const Shortlist& shortlist) {
    raw.load(points, left.first, left.rows);
    resize(left.first, left.rows, shortlist);
    for (index_t i = 0; i < rows; ++i) {
      const item* const from = left.place(i);
      item* const to = place(i);
      for (index_t k = 0; k < shortlist.steps(); ++k)
        to[k * group_rows] = Shortlist::for_other_side(from[k * left.group_rows]);
      store(i, left.stored(i));
    }
  }

  /// Makes the row infinitely far from all others, so that every pair of it is ruled out.
  void remove(index_t i) {
    const auto index = static_cast<std::size_t>(i);
    low_[index] = high_[index] = Shortlist::absent;
  }

  index_t groups() const { return (rows + group_rows - 1) / group_rows; }

  /// A group whose sums are minus half of lower bounds of squared distances.
  typename tile::rows nearest(index_t group) const { return group_with(low_, group); }
  /// A group whose sums are minus half of upper bounds of squared distances.
  typename tile::rows farthest(index_t group) const { return group_with(high_, group); }

 private:
  friend struct block_side<Scalar, Shortlist, !Left>;

  void resize(index_t from, index_t count, const Shortlist& shortlist) {
    first = from;
    rows = count;
    group_size_ = shortlist.steps() * group_rows;
    items_.resize(static_cast<std::size_t>(groups() * group_size_));
    const auto padded = static_cast<std::size_t>(groups() * group_rows);
    low_.assign(padded, Shortlist::absent);
    high_.assign(padded, Shortlist::absent);
    floor.assign(padded, Shortlist::all_floor);
    unit_.assign(padded, 0.0F);
    offset_.assign(padded, 0);
    for (index_t i = rows; i < groups() * group_rows; ++i)
      for (index_t k = 0; k < group_size_; k += group_rows) place(i)[k] = 0;
  }

  typename tile::rows group_with(const std::vector<sum>& half, index_t group) const {
    const index_t row = group * group_rows;
    return {items_.data() + group * group_size_, half.data() + row, floor.data() + row,
            unit_.data() + row, offset_.data() + row};
  }

  index_t offset_of(index_t i) const { return i / group_rows * group_size_ + i % group_rows; }
  item* place(index_t i) { return items_.data() + offset_of(i); }
  const item* place(index_t i) const { return items_.data() + offset_of(i); }

  void store(index_t i, const rounded_row<sum>& row) {
    const auto index = static_cast<std::size_t>(i);
    low_[index] = row.low;
    high_[index] = row.high;
    floor[index] = Shortlist::no_floor;
    unit_[index] = row.unit;
    offset_[index] = row.offset;
  }
  rounded_row<sum> stored(index_t i) const {
    const auto index = static_cast<std::size_t>(i);
    return {low_[index], high_[index], unit_[index], offset_[index]};
  }

  index_t group_size_ = 0;
  std::vector<item> items_;
  std::vector<sum> low_, high_;
  std::vector<float> unit_;
  std::vector<std::int32_t> offset_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
