// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rows in cells around centroids, cells in families: for clouds whose rows are curved through so
/// many directions that boxes along a few axes rule out little, but of which balls hold few.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/neighbors/cells/lloyd.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Cells have their rows by decreasing distance from the centroid, in shells of a vector's lanes.
template <class Scalar, class Shortlist>
class row_cells {
 public:
  using tile = typename Shortlist::tile;
  using shell_tile = typename tile::template with_vectors<1>;
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
    exchange(threads);
    fill(threads);
  }

  index_t rows() const { return rows_; }
  index_t families() const { return static_cast<index_t>(near_.size()); }
  const centroid_side& family_centroids() const { return family_side_; }
  const centroid_side& centroids() const { return cell_side_; }
  group_range groups_of(index_t family) const {
    return {group_starts_[at(family)], group_starts_[at(family + 1)]};
  }
  /// Families by increasing distance, itself first, a few.
  const std::vector<index_t>& nearby(index_t family) const { return near_[at(family)]; }
  index_t family_of(index_t cell) const {
    const auto after =
        std::upper_bound(group_starts_.begin(), group_starts_.end(), cell / tile::left_rows);
    return static_cast<index_t>(after - group_starts_.begin()) - 1;
  }
  index_t cells() const { return static_cast<index_t>(shell_starts_.size()) - 1; }
  index_t first_shell(index_t cell) const { return shell_starts_[at(cell)]; }

  /// Larger by more than the rounding of a few sums and products.
  static sum widened(double x) { return static_cast<sum>(x * (1 + 0x1p-20)); }

  /// What no row of it is further from the centroid, as Shortlist::length has it.
  sum family_reach(index_t family) const { return family_reach_[at(family)]; }
  sum shell_reach(index_t shell) const { return shell_reach_[at(shell)]; }
  /// How much the square of the length from its own centroid exceeds that from any other, at most.
  sum shell_excess(index_t shell) const { return shell_excess_[at(shell)]; }
  /// The square of a row's length from its centroid, at most.
  sum own(index_t row) const { return own_[at(places_[at(row)])]; }
  const Scalar* centroid(index_t cell) const { return centroids_.data() + cell * d_; }

  /// The rows in the order of their cells.
  index_t place(index_t row) const { return places_[at(row)]; }
  index_t number(index_t row) const { return numbers_[at(places_[at(row)])]; }
  index_t cell_of(index_t row) const { return cell_of_shell_[at(places_[at(row)] / shell_rows)]; }
  /// `[shell_rows]`: row numbers, -1 beyond the last.
  const index_t* shell_numbers(index_t shell) const { return numbers_.data() + shell * shell_rows; }
  void read_ahead(index_t shell) const {
    const index_t row = shell * shell_rows;
    prefetch(items_.data() + row * shortlist_.steps(),
             sizeof(item) * at(shell_rows * shortlist_.steps()));
    prefetch(half_.data() + row, 1);
    prefetch(unit_.data() + row, 1);
  }
  typename shell_tile::rows shell(index_t number) const {
    const index_t row = number * shell_rows;
    return {items_.data() + row * shortlist_.steps(), half_.data() + row, nullptr,
            unit_.data() + row, offset_.data() + row};
  }

 private:
  static constexpr index_t rows_per_cell = 64;
  static constexpr index_t near_families = 8;

  static std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

  void find_families(int threads) {
    // Of large clouds families are left out as a whole, of which small ones are many.
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
    std::vector<index_t> of(at(rows_));
    constexpr index_t rows_at_once = 16 * tile::right_rows;
    parallel_for((rows_ + rows_at_once - 1) / rows_at_once, threads, [&](index_t b) {
      const index_t from = b * rows_at_once;
      row_side some;
      some.load(
          from, (std::min)(rows_at_once, rows_ - from),
          [&](index_t i) { return raw_.row(from + i); }, shortlist_);
      lloyd_.assign(family_side_, some, of.data() + from);
    });
    members_.resize(at(count));
    for (index_t i = 0; i < rows_; ++i) members_[at(of[at(i)])].push_back(i);
    find_near_families();
  }

  void find_near_families() {
    const auto count = static_cast<index_t>(members_.size());
    near_.resize(members_.size());
    std::vector<std::pair<double, index_t>> others;
    for (index_t f = 0; f < count; ++f) {
      others.clear();
      for (index_t g = 0; g < count; ++g)
        others.emplace_back(g == f ? -1.0
                                   : squared_distance(family_centroids_.data() + f * d_,
                                                      family_centroids_.data() + g * d_, d_),
                            g);
      const index_t kept = (std::min)(near_families, count);
      std::partial_sort(others.begin(), others.begin() + kept, others.end());
      for (index_t k = 0; k < kept; ++k) near_[at(f)].push_back(others[at(k)].second);
    }
  }

  /// Centroids in whole groups a family; those that fill up the last are removed.
  void find_cells(int threads) {
    const auto count = static_cast<index_t>(members_.size());
    std::vector<std::vector<Scalar>> found(members_.size());
    loaded_.resize(members_.size());
    parallel_for(count, threads, [&](index_t f) {
      const std::vector<index_t>& members = members_[at(f)];
      const auto size = static_cast<index_t>(members.size());
      const index_t cells = std::max<index_t>(1, (size + rows_per_cell / 2) / rows_per_cell);
      lloyd_.load(members, loaded_[at(f)]);
      if (size > 0) found[at(f)] = chained(lloyd_.centroids(members, loaded_[at(f)], cells, 2));
    });
    group_starts_.assign(1, 0);
    for (index_t f = 0; f < count; ++f) {
      const std::vector<Scalar>& cells = found[at(f)];
      const Scalar* const family = family_centroids_.data() + f * d_;
      centroids_.insert(centroids_.end(), cells.begin(), cells.end());
      while (centroids_.size() % at(tile::left_rows * d_) != 0)
        centroids_.insert(centroids_.end(), family, family + d_);
      group_starts_.push_back(static_cast<index_t>(centroids_.size()) / (tile::left_rows * d_));
    }
    lloyd_.load(centroids_, cell_side_);
    for (index_t f = 0; f < count; ++f)
      for (index_t c = group_starts_[at(f)] * tile::left_rows +
                       static_cast<index_t>(found[at(f)].size()) / d_;
           c < group_starts_[at(f + 1)] * tile::left_rows; ++c)
        cell_side_.remove(c);
  }

  /// Each followed by the nearest of those that are left, so that rows that follow each other meet
  /// the same cells.
  std::vector<Scalar> chained(std::vector<Scalar> centroids) const {
    const index_t count = static_cast<index_t>(centroids.size()) / d_;
    for (index_t c = 0; c + 2 < count; ++c) {
      const Scalar* const last = centroids.data() + c * d_;
      index_t best = c + 1;
      double least = std::numeric_limits<double>::infinity();
      for (index_t o = c + 1; o < count; ++o) {
        const double square = squared_distance(last, centroids.data() + o * d_, d_);
        if (square >= least) continue;
        least = square;
        best = o;
      }
      std::swap_ranges(centroids.begin() + (c + 1) * d_, centroids.begin() + (c + 2) * d_,
                       centroids.begin() + best * d_);
    }
    return centroids;
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

  /// Rows go to the nearest centroid of all families, about, and remember what their sums with all
  /// centroids are at most.
  void exchange(int threads) {
    const auto count = static_cast<index_t>(members_.size());
    std::vector<std::vector<index_t>> of(members_.size());
    nearest_.resize(at(rows_));
    std::vector<group_range> groups;
    for (index_t f = 0; f < count; ++f) groups.push_back(groups_of(f));
    const std::vector<sum> spreads = spreads_of_families();
    const typename lloyd<Scalar, Shortlist>::families all{family_side_, groups, spreads};
    parallel_for(count, threads, [&](index_t f) {
      const std::vector<index_t>& members = members_[at(f)];
      std::vector<sum> most(members.size());
      of[at(f)].resize(members.size());
      lloyd_.assign(cell_side_, all, nearby(f), loaded_[at(f)], of[at(f)].data(), most.data());
      for (std::size_t m = 0; m < members.size(); ++m) nearest_[at(members[m])] = most[m];
      loaded_[at(f)] = {};
    });
    const index_t cells = cell_side_.rows;
    std::vector<index_t> sizes(at(cells + 1), 0);
    for (const auto& f : of)
      for (const index_t c : f) ++sizes[at(c)];
    shell_starts_.assign(1, 0);
    for (index_t c = 0; c < cells; ++c)
      shell_starts_.push_back(shell_starts_.back() + (sizes[at(c)] + shell_rows - 1) / shell_rows);
    numbers_.assign(at(shell_starts_.back() * shell_rows), -1);
    std::vector<index_t> next(at(cells));
    for (index_t c = 0; c < cells; ++c) next[at(c)] = shell_starts_[at(c)] * shell_rows;
    for (std::size_t f = 0; f < of.size(); ++f)
      for (std::size_t m = 0; m < of[f].size(); ++m)
        numbers_[at(next[at(of[f][m])]++)] = members_[f][m];
    members_.clear();
    loaded_.clear();
  }

  void fill(int threads) {
    const index_t shells = shell_starts_.back();
    shell_reach_.assign(at(shells + 1), 0);
    shell_excess_.assign(at(shells + 1), 0);
    own_.assign(at(shells * shell_rows), 0);
    cell_of_shell_.assign(at(shells), 0);
    items_.assign(at(shells * shell_rows * shortlist_.steps()), item{});
    half_.assign(at(shells * shell_rows), Shortlist::absent);
    unit_.assign(at(shells * shell_rows), 0.0F);
    offset_.assign(at(shells * shell_rows), 0);
    family_reach_.assign(at(family_side_.groups() * tile::left_rows), 0);
    parallel_for(families(), threads, [&](index_t f) {
      double widest = 0;
      for (index_t c = group_starts_[at(f)] * tile::left_rows;
           c < group_starts_[at(f + 1)] * tile::left_rows; ++c)
        widest = (std::max)(widest, fill_cell(c, family_centroids_.data() + f * d_));
      family_reach_[at(f)] = reach(widest);
    });
    for (index_t c = 0; c < cells(); ++c)
      if (first_shell(c) == first_shell(c + 1)) cell_side_.remove(c);
    nearest_.clear();
    places_.reserve(at(rows_));
    for (index_t p = 0; p < static_cast<index_t>(numbers_.size()); ++p)
      if (numbers_[at(p)] >= 0) places_.push_back(p);
  }

  sum reach(double square) const { return widened(shortlist_.length(square)); }

  /// \return the largest squared distance of its rows from the family's centroid
  double fill_cell(index_t cell, const Scalar* family) {
    const index_t begin = first_shell(cell) * shell_rows;
    index_t end = first_shell(cell + 1) * shell_rows;
    while (end > begin && numbers_[at(end - 1)] < 0) --end;
    if (begin == end) return 0;
    for (index_t p = begin; p < end; ++p)
      prefetch(raw_.row(numbers_[at(p)]), sizeof(Scalar) * at(d_));
    double widest = 0;
    std::vector<std::pair<double, index_t>> sorted;
    sorted.reserve(at(end - begin));
    for (index_t p = begin; p < end; ++p) {
      const Scalar* const row = raw_.row(numbers_[at(p)]);
      sorted.emplace_back(-squared_distance(row, centroid(cell), d_), numbers_[at(p)]);
      widest = (std::max)(widest, squared_distance(row, family, d_));
    }
    std::sort(sorted.begin(), sorted.end());
    for (index_t p = begin; p < end; ++p) place_row(p, cell, sorted[at(p - begin)]);
    return widest;
  }

  void place_row(index_t place, index_t cell, const std::pair<double, index_t>& row) {
    numbers_[at(place)] = row.second;
    const index_t shell = place / shell_rows, lane = place % shell_rows;
    const auto rounded = shortlist_.template pack<false>(
        raw_.row(row.second), items_.data() + shell * shell_rows * shortlist_.steps() + lane,
        shell_rows);
    half_[at(place)] = rounded.low;
    unit_[at(place)] = rounded.unit;
    offset_[at(place)] = rounded.offset;
    const double length = shortlist_.length(-row.first);
    own_[at(place)] = widened(length * length + shortlist_.slack());
    const double excess =
        length * length + static_cast<double>(nearest_[at(row.second)]) + shortlist_.slack();
    shell_excess_[at(shell)] = (std::max)(shell_excess_[at(shell)], widened(excess));
    if (lane != 0) return;
    shell_reach_[at(shell)] = widened(length);
    cell_of_shell_[at(shell)] = cell;
  }

  const raw_rows<Scalar>& raw_;
  index_t rows_, d_;
  const Shortlist& shortlist_;
  lloyd<Scalar, Shortlist> lloyd_;
  std::vector<std::vector<index_t>> members_, near_;  // of families
  std::vector<row_side> loaded_;
  std::vector<Scalar> family_centroids_, centroids_;
  centroid_side family_side_, cell_side_;
  std::vector<sum> family_reach_, shell_reach_, shell_excess_, half_, own_, nearest_;
  std::vector<index_t> group_starts_, shell_starts_, cell_of_shell_, numbers_, places_;
  std::vector<item> items_;
  std::vector<float> unit_;
  std::vector<std::int32_t> offset_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
