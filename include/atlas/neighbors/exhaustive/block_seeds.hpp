// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// First limits of a block's rows in the exhaustive search, from a sample of rows: the k-th nearest
/// of the sample's rows that may be neighbours bounds the distance of the k-th nearest of all.

#include <algorithm>
#include <vector>

#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/exhaustive/lane_labels.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/rounding/register_tile.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Where nothing is excluded the sample is some groups of the block's left side. With an exclusion
/// it is single rows spread over the whole cloud, which are of many contexts.
template <class Scalar, class Shortlist>
class block_seeds {
 public:
  using left_side = block_side<Scalar, Shortlist, true>;
  using right_side = block_side<Scalar, Shortlist, false>;

  /// \param sample_side memory for the sample
  block_seeds(const tensor_view<const Scalar, 2>& points, left_side& left, right_side& right,
              left_side& sample_side, const Shortlist& shortlist, const exclusion& exclude,
              index_t k)
      : left_(left),
        right_(right),
        shortlist_(shortlist),
        labels_(exclude),
        distinct_(exclude.distinct),
        k_(k),
        sample_(labels_.sets() > 0 ? sample_side : left) {
    if (k > most_kept) return;
    if (labels_.sets() > 0)
      load_sample(points, sample_side);
    else
      choose_groups();
  }

  /// Raises the floors of both sides to the limits that the sample gives.
  void raise() {
    if (groups_.empty()) return;
    if (k_ <= 2)
      distinct_ ? raise_with<largest_of_labels<tile, 2>>() : raise_with<largest_sums<tile, 2>>();
    else
      distinct_ ? raise_with<largest_of_labels<tile, most_kept>>()
                : raise_with<largest_sums<tile, most_kept>>();
  }

 private:
  using tile = typename Shortlist::tile;
  using simd = typename tile::simd;
  using sum = typename tile::sum;
  static constexpr int most_kept = 8;

  void choose_groups() {
    const index_t wanted = (std::min)(Shortlist::sampled_rows, left_.rows / 4) / tile::left_rows;
    for (index_t s = 0; s < wanted; ++s) groups_.push_back(s * left_.groups() / wanted);
  }

  void load_sample(const tensor_view<const Scalar, 2>& points, left_side& sample_side) {
    const index_t n = points.extent(0);
    const index_t wanted = (std::min)(Shortlist::sampled_rows, n / 4) / tile::left_rows;
    const index_t rows = wanted * tile::left_rows;
    raw_rows<Scalar> one;
    const auto row_at = [&](index_t i) {
      one.load(points, i * n / rows, 1);
      return one.row(0);
    };
    sample_side.load(0, rows, row_at, shortlist_);
    for (index_t s = 0; s < wanted; ++s) groups_.push_back(s);
    for (index_t set = 0; set < labels_.sets(); ++set)
      for (index_t i = 0; i < rows; ++i) sample_labels_.push_back(labels_.of(set, i * n / rows));
  }

  template <class Largest>
  void raise_with() {
    for (index_t j = 0; j < right_.groups(); ++j) {
      Largest best[tile::vectors];
      load_labels(j);
      for (const index_t group : groups_) {
        if (labels_.sets() == 0 && overlap(group, j)) continue;
        typename tile::sums sums;
        tile::add(sample_.farthest(group), right_.farthest(j), shortlist_.steps(), sums);
        for (index_t set = 0; set < labels_.sets(); ++set) exclude_labels(set, group, sums);
        const sum* const labels_of_sample =
            sample_labels_.empty() ? nullptr : sample_labels_.data() + group * tile::left_rows;
        for (int v = 0; v < tile::vectors; ++v) best[v].offer(sums, v, labels_of_sample);
      }
      raise_to(j, best);
    }
    std::copy_n(right_.floor.begin(), left_.rows, left_.floor.begin());
  }

  /// Whether a left and a right group of the block have rows in common.
  static bool overlap(index_t left, index_t right) {
    return left * tile::left_rows < (right + 1) * tile::right_rows &&
           right * tile::right_rows < (left + 1) * tile::left_rows;
  }

  /// Loads the labels of a group on the right.
  void load_labels(index_t group) {
    const index_t from = group * tile::right_rows;
    group_labels_.assign(static_cast<std::size_t>(labels_.sets() * tile::right_rows),
                         lane_labels<sum>::none);
    for (index_t set = 0; set < labels_.sets(); ++set)
      for (index_t i = 0; i < (std::min)(index_t{tile::right_rows}, right_.rows - from); ++i)
        group_labels_[static_cast<std::size_t>(set * tile::right_rows + i)] =
            labels_.of(set, right_.first + from + i);
  }

  void exclude_labels(index_t set, index_t group, typename tile::sums& sums) const {
    const sum* const labels_of_sample =
        sample_labels_.data() + set * sample_.rows + group * tile::left_rows;
    const sum* const labels_of_group = group_labels_.data() + set * tile::right_rows;
    const auto nothing = simd::all(Shortlist::no_floor);
#pragma GCC unroll 4
    for (int v = 0; v < tile::vectors; ++v) {
      const auto group_label = simd::load(labels_of_group + v * simd::lanes);
#pragma GCC unroll 16
      for (int i = 0; i < tile::left_rows; ++i)
        sums[i][v] =
            simd::where_equal(group_label, simd::all(labels_of_sample[i]), nothing, sums[i][v]);
    }
  }

  template <class Largest>
  void raise_to(index_t j, const Largest (&best)[tile::vectors]) {
    for (index_t c = 0; c < std::min<index_t>(tile::right_rows, right_.rows - j * tile::right_rows);
         ++c) {
      const auto index = static_cast<std::size_t>(j * tile::right_rows + c);
      const auto known = best[c / simd::lanes].sum[k_ - 1][c % simd::lanes];
      right_.floor[index] = (std::max)(right_.floor[index], shortlist_.floor_of_sum(known));
    }
  }

  left_side& left_;
  right_side& right_;
  const Shortlist& shortlist_;
  lane_labels<sum> labels_;
  bool distinct_;
  index_t k_;
  const left_side& sample_;
  std::vector<index_t> groups_;
  // Labels of the sample's rows, and of a group's: one set after the other.
  std::vector<sum> sample_labels_, group_labels_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
