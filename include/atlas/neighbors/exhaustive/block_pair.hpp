// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What happens when two blocks of rows meet in the exhaustive search.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>

#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/rounding/block_side.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"
#include "atlas/neighbors/search_costs.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The shortlist rules out nearly all pairs; each of the others gets its exact distance on the
/// spot, which tightens the limits of both rows.
template <class Scalar, class Shortlist>
class block_pair {
 public:
  using left_side = block_side<Scalar, Shortlist, true>;
  using right_side = block_side<Scalar, Shortlist, false>;

  /// Both sides are loaded; the same rows where a block meets itself.
  block_pair(left_side& left, right_side& right, const Shortlist& shortlist,
             const exclusion& exclude, index_t d, index_t k)
      : left_(left),
        right_(right),
        shortlist_(shortlist),
        exclude_(exclude),
        d_(d),
        same_(left.first == right.first),
        left_best_(left.rows, k, distinct_labels(exclude)) {
    if (!same_) right_best_.emplace(right.rows, k, distinct_labels(exclude));
  }

  /// Limits from what is known of either side's rows.
  void limit_left(const best_candidates& known) { limit(left_, known); }
  void limit_right(const best_candidates& known) { limit(right_, known); }

  /// Whether a few tiles leave so many pairs that a shortlist as coarse as this does not pay.
  bool crowded() const {
    constexpr index_t asked = costs::crowding_tiles;
    constexpr int most = static_cast<int>(asked * tile::size) / costs::crowding_divisor;
    std::uint64_t bits[tile::left_rows];
    int pairs = 0;
    for (index_t s = 0; s < asked; ++s) {  // far from the diagonal
      const index_t i = (s + asked / 2) % asked * left_.groups() / asked;
      if (compare(i, s * right_.groups() / asked, bits))
        for (const std::uint64_t row : bits) pairs += std::popcount(row);
    }
    return pairs > most;
  }

  void run() {
    std::uint64_t bits[tile::left_rows];
    for (index_t j = 0; j < right_.groups(); ++j) {
      const index_t rows = same_ ? (std::min)(left_.rows, (j + 1) * tile::right_rows) : left_.rows;
      for (index_t i = 0; i * tile::left_rows < rows; ++i) {
        if (compare(i, j, bits)) keep(i * tile::left_rows, j * tile::right_rows, bits);
        if (count_ >= at_once) settle();
      }
    }
    settle();
  }

  /// Adds what was found to the table of all rows.
  void report(best_candidates& all) const {
    report(left_best_, left_, all);
    if (right_best_) report(*right_best_, right_, all);
  }

 private:
  using tile = typename Shortlist::tile;
  struct pair {
    index_t left, right;  // within their blocks
  };
  static constexpr index_t at_once = 32;

  template <class Side>
  void limit(Side& side, const best_candidates& known) {
    for (index_t i = 0; i < side.rows; ++i) raise(side, i, known.worst(side.first + i));
  }

  template <class Side>
  void raise(Side& side, index_t i, double square) {
    const auto at = static_cast<std::size_t>(i);
    side.floor[at] = (std::max)(side.floor[at], shortlist_.floor(square));
  }

  bool compare(index_t i, index_t j, std::uint64_t (&bits)[tile::left_rows]) const {
    return compare_tile<tile>(left_.nearest(i), right_.nearest(j), shortlist_.steps(), bits);
  }

  /// The pairs of a tile that begins with these rows: each once, and none with rows that are not.
  void keep(index_t i0, index_t j0, const std::uint64_t (&bits)[tile::left_rows]) {
    std::uint64_t mask = ~std::uint64_t{0};
    if (right_.rows - j0 < tile::right_rows) mask = (std::uint64_t{1} << (right_.rows - j0)) - 1;
    const index_t end = (std::min)(i0 + tile::left_rows, left_.rows);
    for (index_t i = i0; i < end; ++i) {
      std::uint64_t row = bits[i - i0] & mask;
      if (same_ && i >= j0) row &= i - j0 < 63 ? ~std::uint64_t{0} << (i - j0 + 1) : 0;
      const auto place = [&] { pairs_[count_] = {i, j0 + std::countr_zero(row)}; };
      place();  // mostly there is none or one, which branches would not foresee
      count_ += row != 0;
      for (row &= row - 1; row != 0; row &= row - 1) {
        place();
        ++count_;
      }
    }
  }

  /// Exact distances of the pairs kept so far.
  void settle() {
    for (index_t p = 0; p < count_; ++p)
      squares_[p] =
          squared_distance(left_.raw.row(pairs_[p].left), right_.raw.row(pairs_[p].right), d_);
    for (index_t p = 0; p < count_; ++p)
      if (!exclude_.rejects(left_.first + pairs_[p].left, right_.first + pairs_[p].right))
        offer(pairs_[p].left, pairs_[p].right, squares_[p]);
    count_ = 0;
  }

  void offer(index_t i, index_t j, double square) {
    if (left_best_.offer(i, right_.first + j, square)) raise_left(i);
    if (same_) {
      if (left_best_.offer(j, left_.first + i, square)) raise_left(j);
    } else if (right_best_->offer(j, left_.first + i, square)) {
      raise(right_, j, right_best_->worst(j));
    }
  }

  void raise_left(index_t i) {
    raise(left_, i, left_best_.worst(i));
    const auto at = static_cast<std::size_t>(i);
    if (same_) right_.floor[at] = left_.floor[at];
  }

  template <class Side>
  void report(const best_candidates& found, const Side& side, best_candidates& all) const {
    for (index_t i = 0; i < side.rows; ++i) all.merge(side.first + i, found, i);
  }

  left_side& left_;
  right_side& right_;
  const Shortlist& shortlist_;
  const exclusion& exclude_;
  index_t d_;
  bool same_;
  best_candidates left_best_;
  std::optional<best_candidates> right_best_;
  pair pairs_[at_once + tile::size];
  double squares_[at_once + tile::size];
  index_t count_ = 0;
};

}  // namespace atlas::inline ATLAS_ABI::detail
