// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows in cells around centroids, and cells in families: for clouds of low dimension that are
/// curved through so many directions that boxes along a few axes rule out little, while balls
/// around centroids, which hold few rows, rule out much.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/neighbors/cells/centroid_order.hpp"
#include "atlas/neighbors/cells/lloyd.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The rows of a cell are sorted by decreasing distance from its centroid and cut into shells of as
/// many rows as two vectors have lanes.
template <class Scalar, class Shortlist>
class row_cells {
 public:
  using tile = typename Shortlist::tile;
  using shell_tile = typename tile::template with_vectors<2>;
  using item = typename tile::item;
  using sum = typename tile::sum;
  using centroid_side = block_side<Scalar, Shortlist, true>;
  using row_side = block_side<Scalar, Shortlist, false>;
  static constexpr index_t shell_rows = shell_tile::right_rows;

  row_cells(const raw_rows<Scalar>& raw, index_t rows, index_t d, const Shortlist& shortlist,
            int threads)
      : raw_(raw), rows_(rows), d_(d), shortlist_(shortlist), lloyd_(raw, d, shortlist) {
    find_families(threads);
    find_cells(threads);
    reassign_rows(threads);
    fill(threads);
  }

  index_t rows() const { return rows_; }
  index_t families() const { return static_cast<index_t>(families_nearby_.size()); }
  const centroid_side& family_centroids() const { return family_side_; }
  const centroid_side& centroids() const { return cell_side_; }
  group_range groups_of(index_t family) const {
    return {group_starts_[to_size(family)], group_starts_[to_size(family + 1)]};
  }
  /// Up to `nearby_families` families by increasing distance of their centroids, itself first.
  const std::vector<index_t>& nearby(index_t family) const {
    return families_nearby_[to_size(family)];
  }
  index_t family_of(index_t cell) const {
    const auto after =
        std::upper_bound(group_starts_.begin(), group_starts_.end(), cell / tile::left_rows);
    return static_cast<index_t>(after - group_starts_.begin()) - 1;
  }
  index_t cells() const { return static_cast<index_t>(shell_starts_.size()) - 1; }
  index_t first_shell(index_t cell) const { return shell_starts_[to_size(cell)]; }

  /// Rounded up by more than the rounding of a few sums and products.
  static sum widened(double x) { return static_cast<sum>(x * (1 + 0x1p-20)); }

  /// Largest distance of a family's or shell's rows from its centroid, in the units of
  /// Shortlist::length.
  sum family_reach(index_t family) const { return family_reach_[to_size(family)]; }
  sum shell_reach(index_t shell) const { return shell_reach_[to_size(shell)]; }
  /// Upper bound, over the rows y of a shell and of those inside it, of |y - c|^2 - |y - o|^2 for
  /// the cell's centroid c and any other centroid o, in the units of Shortlist::length squared: 0
  /// at most where every row is in the cell of its nearest centroid, but rounding may put it in
  /// another.
  sum shell_excess(index_t shell) const { return shell_excess_[to_size(shell)]; }
  /// Upper bound of the squared distance of a row from its cell's centroid, in the same units.
  sum centroid_square(index_t row) const {
    return centroid_squares_[to_size(places_[to_size(row)])];
  }
  /// Half of an upper bound of the squared norm of the row in a place of the shells.
  sum high(index_t place) const { return high_[to_size(place)]; }
  /// Upper bounds of the squared distances of a shell's rows from its cell's centroid, in the same
  /// units.
  const sum* centroid_squares(index_t shell) const {
    return centroid_squares_.data() + shell * shell_rows;
  }
  const Scalar* centroid(index_t cell) const { return centroids_.data() + cell * d_; }

  /// Of the rows in the order of their cells: the place in the shells, the number in the cloud and
  /// the cell.
  index_t place(index_t row) const { return places_[to_size(row)]; }
  index_t number(index_t row) const { return numbers_[to_size(places_[to_size(row)])]; }
  index_t cell_of(index_t row) const {
    return cell_of_shell_[to_size(places_[to_size(row)] / shell_rows)];
  }
  /// Row numbers of a shell, `[shell_rows]`; -1 in places that hold no row.
  const index_t* shell_numbers(index_t shell) const { return numbers_.data() + shell * shell_rows; }
  void read_ahead(index_t shell) const {
    const index_t row = shell * shell_rows;
    prefetch(items_.data() + row * shortlist_.steps(),
             sizeof(item) * to_size(shell_rows * shortlist_.steps()));
    prefetch(half_.data() + row, 1);
    prefetch(unit_.data() + row, 1);
  }
  typename shell_tile::rows shell(index_t number) const {
    const index_t row = number * shell_rows;
    return {items_.data() + row * shortlist_.steps(), half_.data() + row, nullptr,
            unit_.data() + row, offset_.data() + row};
  }

 private:
  static constexpr index_t rows_per_cell = 96;
  static constexpr index_t nearby_families = 8;

  static std::size_t to_size(index_t i) { return static_cast<std::size_t>(i); }

  void find_families(int threads) {
    // In large clouds most families are ruled out as a whole: smaller ones rule out more.
    const double wanted = 24 * std::cbrt(1e5 / static_cast<double>(rows_));
    const auto cells_per_family = static_cast<index_t>(std::clamp(wanted, 16.0, 64.0));
    const index_t count = std::max<index_t>(1, rows_ / (rows_per_cell * cells_per_family));
    const index_t step = std::max<index_t>(1, rows_ / (64 * count));
    std::vector<index_t> sample;
    for (index_t i = 0; i < rows_; i += step) sample.push_back(i);
    row_side sampled;
    lloyd_.load(sample, sampled);
    family_centroids_ = lloyd_.centroids(sample, sampled, count, 3);
    lloyd_.load(family_centroids_, family_side_);
    std::vector<index_t> of(to_size(rows_));
    constexpr index_t rows_at_once = 16 * tile::right_rows;
    parallel_for((rows_ + rows_at_once - 1) / rows_at_once, threads, [&](index_t b) {
      const index_t from = b * rows_at_once;
      row_side some;
      some.load(
          from, (std::min)(rows_at_once, rows_ - from),
          [&](index_t i) { return raw_.row(from + i); }, shortlist_);
      lloyd_.assign(family_side_, some, of.data() + from);
    });
    members_.resize(to_size(count));
    for (index_t i = 0; i < rows_; ++i) members_[to_size(of[to_size(i)])].push_back(i);
    families_nearby_ = nearest_centroids(family_centroids_, d_, nearby_families);
  }

  /// Centroids of cells, those of a family in whole groups. Copies of the family's centroid fill up
  /// its last group and are removed from the side.
  void find_cells(int threads) {
    const auto count = static_cast<index_t>(members_.size());
    std::vector<std::vector<Scalar>> found(members_.size());
    loaded_.resize(members_.size());
    parallel_for(count, threads, [&](index_t f) {
      const std::vector<index_t>& members = members_[to_size(f)];
      const auto size = static_cast<index_t>(members.size());
      const index_t cells = std::max<index_t>(1, (size + rows_per_cell / 2) / rows_per_cell);
      lloyd_.load(members, loaded_[to_size(f)]);
      if (size > 0)
        found[to_size(f)] = chained(lloyd_.centroids(members, loaded_[to_size(f)], cells, 2), d_);
    });
    group_starts_.assign(1, 0);
    for (index_t f = 0; f < count; ++f) {
      const std::vector<Scalar>& cells = found[to_size(f)];
      const Scalar* const family = family_centroids_.data() + f * d_;
      centroids_.insert(centroids_.end(), cells.begin(), cells.end());
      while (centroids_.size() % to_size(tile::left_rows * d_) != 0)
        centroids_.insert(centroids_.end(), family, family + d_);
      group_starts_.push_back(static_cast<index_t>(centroids_.size()) / (tile::left_rows * d_));
    }
    lloyd_.load(centroids_, cell_side_);
    for (index_t f = 0; f < count; ++f)
      for (index_t c = group_starts_[to_size(f)] * tile::left_rows +
                       static_cast<index_t>(found[to_size(f)].size()) / d_;
           c < group_starts_[to_size(f + 1)] * tile::left_rows; ++c)
        cell_side_.remove(c);
  }

  std::vector<sum> spreads_of_families() const {
    std::vector<sum> out;
    for (index_t f = 0; f < static_cast<index_t>(members_.size()); ++f) {
      double widest = 0;
      for (index_t c = groups_of(f).from * tile::left_rows; c < groups_of(f).to * tile::left_rows;
           ++c)
        widest = (std::max)(widest,
                            squared_distance(centroid(c), family_centroids_.data() + f * d_, d_));
      out.push_back(reach(widest));
    }
    return out;
  }

  /// Puts each row in the cell of the nearest centroid of all families, within the shortlist's
  /// rounding, and keeps an upper bound of its sums with all centroids.
  void reassign_rows(int threads) {
    const auto count = static_cast<index_t>(members_.size());
    std::vector<std::vector<index_t>> of(members_.size());
    nearest_.resize(to_size(rows_));
    std::vector<group_range> groups;
    for (index_t f = 0; f < count; ++f) groups.push_back(groups_of(f));
    const std::vector<sum> spreads = spreads_of_families();
    const typename lloyd<Scalar, Shortlist>::families all{family_side_, groups, spreads};
    parallel_for(count, threads, [&](index_t f) {
      const std::vector<index_t>& members = members_[to_size(f)];
      std::vector<sum> most(members.size());
      of[to_size(f)].resize(members.size());
      lloyd_.assign(cell_side_, all, nearby(f), loaded_[to_size(f)], of[to_size(f)].data(),
                    most.data());
      for (std::size_t m = 0; m < members.size(); ++m) nearest_[to_size(members[m])] = most[m];
      loaded_[to_size(f)] = {};
    });
    const index_t cells = cell_side_.rows;
    std::vector<index_t> sizes(to_size(cells + 1), 0);
    for (const auto& f : of)
      for (const index_t c : f) ++sizes[to_size(c)];
    shell_starts_.assign(1, 0);
    for (index_t c = 0; c < cells; ++c)
      shell_starts_.push_back(shell_starts_.back() +
                              (sizes[to_size(c)] + shell_rows - 1) / shell_rows);
    numbers_.assign(to_size(shell_starts_.back() * shell_rows), -1);
    std::vector<index_t> next(to_size(cells));
    for (index_t c = 0; c < cells; ++c) next[to_size(c)] = shell_starts_[to_size(c)] * shell_rows;
    for (std::size_t f = 0; f < of.size(); ++f)
      for (std::size_t m = 0; m < of[f].size(); ++m)
        numbers_[to_size(next[to_size(of[f][m])]++)] = members_[f][m];
    members_.clear();
    loaded_.clear();
  }

  void fill(int threads) {
    const index_t shells = shell_starts_.back();
    shell_reach_.assign(to_size(shells + 1), 0);
    shell_excess_.assign(to_size(shells + 1), 0);
    centroid_squares_.assign(to_size(shells * shell_rows), 0);
    cell_of_shell_.assign(to_size(shells), 0);
    items_.assign(to_size(shells * shell_rows * shortlist_.steps()), item{});
    half_.assign(to_size(shells * shell_rows), Shortlist::absent);
    high_.assign(to_size(shells * shell_rows), Shortlist::absent);
    unit_.assign(to_size(shells * shell_rows), 0.0F);
    offset_.assign(to_size(shells * shell_rows), 0);
    family_reach_.assign(to_size(family_side_.groups() * tile::left_rows), 0);
    parallel_for(families(), threads, [&](index_t f) {
      double widest = 0;
      for (index_t c = group_starts_[to_size(f)] * tile::left_rows;
           c < group_starts_[to_size(f + 1)] * tile::left_rows; ++c)
        widest = (std::max)(widest, fill_cell(c, family_centroids_.data() + f * d_));
      family_reach_[to_size(f)] = reach(widest);
    });
    for (index_t c = 0; c < cells(); ++c)
      if (first_shell(c) == first_shell(c + 1)) cell_side_.remove(c);
    nearest_.clear();
    places_.reserve(to_size(rows_));
    for (index_t p = 0; p < static_cast<index_t>(numbers_.size()); ++p)
      if (numbers_[to_size(p)] >= 0) places_.push_back(p);
  }

  sum reach(double square) const { return widened(shortlist_.length(square)); }

  /// \return the largest squared distance of its rows from the family's centroid
  double fill_cell(index_t cell, const Scalar* family) {
    const index_t begin = first_shell(cell) * shell_rows;
    index_t end = first_shell(cell + 1) * shell_rows;
    while (end > begin && numbers_[to_size(end - 1)] < 0) --end;
    if (begin == end) return 0;
    for (index_t p = begin; p < end; ++p)
      prefetch(raw_.row(numbers_[to_size(p)]), sizeof(Scalar) * to_size(d_));
    double widest = 0;
    std::vector<std::pair<double, index_t>> sorted;
    sorted.reserve(to_size(end - begin));
    for (index_t p = begin; p < end; ++p) {
      const Scalar* const row = raw_.row(numbers_[to_size(p)]);
      sorted.emplace_back(-squared_distance(row, centroid(cell), d_), numbers_[to_size(p)]);
      widest = (std::max)(widest, squared_distance(row, family, d_));
    }
    std::sort(sorted.begin(), sorted.end());
    for (index_t p = begin; p < end; ++p) place_row(p, cell, sorted[to_size(p - begin)]);
    for (index_t s = first_shell(cell + 1) - 1; s > first_shell(cell); --s)
      shell_excess_[to_size(s - 1)] =
          (std::max)(shell_excess_[to_size(s - 1)], shell_excess_[to_size(s)]);
    return widest;
  }

  void place_row(index_t place, index_t cell, const std::pair<double, index_t>& row) {
    numbers_[to_size(place)] = row.second;
    const index_t shell = place / shell_rows, lane = place % shell_rows;
    const auto rounded = shortlist_.template pack<false>(
        raw_.row(row.second), items_.data() + shell * shell_rows * shortlist_.steps() + lane,
        shell_rows);
    half_[to_size(place)] = rounded.low;
    high_[to_size(place)] = rounded.high;
    unit_[to_size(place)] = rounded.unit;
    offset_[to_size(place)] = rounded.offset;
    const double length = shortlist_.length(-row.first);
    centroid_squares_[to_size(place)] = widened(length * length + shortlist_.slack());
    const double excess =
        length * length + static_cast<double>(nearest_[to_size(row.second)]) + shortlist_.slack();
    shell_excess_[to_size(shell)] = (std::max)(shell_excess_[to_size(shell)], widened(excess));
    if (lane != 0) return;
    shell_reach_[to_size(shell)] = widened(length);
    cell_of_shell_[to_size(shell)] = cell;
  }

  const raw_rows<Scalar>& raw_;
  index_t rows_, d_;
  const Shortlist& shortlist_;
  lloyd<Scalar, Shortlist> lloyd_;
  std::vector<std::vector<index_t>> members_, families_nearby_;  // of families
  std::vector<row_side> loaded_;
  std::vector<Scalar> family_centroids_, centroids_;
  centroid_side family_side_, cell_side_;
  std::vector<sum> family_reach_, shell_reach_, shell_excess_, half_, high_, centroid_squares_,
      nearest_;
  std::vector<index_t> group_starts_, shell_starts_, cell_of_shell_, numbers_, places_;
  std::vector<item> items_;
  std::vector<float> unit_;
  std::vector<std::int32_t> offset_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
