// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Two blocks of rows in the exhaustive search: all pairs of a row of one and a row of the other.

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

/// Compares two blocks, or a block with itself. The shortlist rules out nearly all pairs; the
/// others are candidates, which get their exact distances in batches. Each tightens the limits of
/// both rows.
template <class Scalar, class Shortlist>
class block_pair {
 public:
  using left_side = block_side<Scalar, Shortlist, true>;
  using right_side = block_side<Scalar, Shortlist, false>;

  /// \param left, right loaded sides: of two blocks, or of the same block twice
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

  /// Raises the floors of a side's rows by their k-th best neighbours so far.
  void limit_left(const best_candidates& known) { limit(left_, known); }
  void limit_right(const best_candidates& known) { limit(right_, known); }

  /// Whether a sample of tiles leaves more than a twelfth of its pairs as candidates, so that exact
  /// distances would take longer than comparing in a finer shortlist.
  bool crowded() const {
    constexpr index_t sampled = costs::crowding_tiles;
    constexpr int most = static_cast<int>(sampled * tile::size) / costs::crowding_divisor;
    std::uint64_t bits[tile::left_rows];
    int pairs = 0;
    for (index_t s = 0; s < sampled;
         ++s) {  // off the diagonal, on which rows are compared with themselves
      const index_t i = (s + sampled / 2) % sampled * left_.groups() / sampled;
      if (compare(i, s * right_.groups() / sampled, bits))
        for (const std::uint64_t row : bits) pairs += std::popcount(row);
    }
    return pairs > most;
  }

  void run() {
    std::uint64_t bits[tile::left_rows];
    for (index_t j = 0; j < right_.groups(); ++j) {
      const index_t rows = same_ ? (std::min)(left_.rows, (j + 1) * tile::right_rows) : left_.rows;
      for (index_t i = 0; i * tile::left_rows < rows; ++i) {
        if (compare(i, j, bits)) collect(i * tile::left_rows, j * tile::right_rows, bits);
        if (count_ >= batch_pairs) refine();
      }
    }
    refine();
  }

  /// Adds the neighbours that were found to the table of all rows.
  void add_to(best_candidates& all) const {
    add_to(left_best_, left_, all);
    if (right_best_) add_to(*right_best_, right_, all);
  }

 private:
  using tile = typename Shortlist::tile;
  struct candidate {
    index_t left, right;  // within their blocks
  };
  static constexpr index_t batch_pairs = 32;

  template <class Side>
  void limit(Side& side, const best_candidates& known) {
    for (index_t i = 0; i < side.rows; ++i) raise_floor(side, i, known.worst(side.first + i));
  }

  template <class Side>
  void raise_floor(Side& side, index_t i, double square) {
    const auto index = static_cast<std::size_t>(i);
    side.floor[index] = (std::max)(side.floor[index], shortlist_.floor(square));
  }

  bool compare(index_t i, index_t j, std::uint64_t (&bits)[tile::left_rows]) const {
    return compare_tile<tile>(left_.nearest(i), right_.nearest(j), shortlist_.steps(), bits);
  }

  /// Adds a tile's candidates: each pair once, and none with rows that only fill up a group.
  /// \param i0, j0 the tile's first rows, within their blocks
  /// \param bits of compare_tile
  void collect(index_t i0, index_t j0, const std::uint64_t (&bits)[tile::left_rows]) {
    std::uint64_t mask = ~std::uint64_t{0};
    if (right_.rows - j0 < tile::right_rows) mask = (std::uint64_t{1} << (right_.rows - j0)) - 1;
    const index_t end = (std::min)(i0 + tile::left_rows, left_.rows);
    for (index_t i = i0; i < end; ++i) {
      std::uint64_t row = bits[i - i0] & mask;
      if (same_ && i >= j0) row &= i - j0 < 63 ? ~std::uint64_t{0} << (i - j0 + 1) : 0;
      const auto place = [&] { candidates_[count_] = {i, j0 + std::countr_zero(row)}; };
      place();  // mostly none or one: written always, so that no branch is mispredicted
      count_ += row != 0;
      for (row &= row - 1; row != 0; row &= row - 1) {
        place();
        ++count_;
      }
    }
  }

  /// Gives the candidates collected so far their exact distances.
  void refine() {
    for (index_t p = 0; p < count_; ++p)
      squares_[p] = squared_distance(left_.raw.row(candidates_[p].left),
                                     right_.raw.row(candidates_[p].right), d_);
    const bool excludes = exclude_.active(), two = left_best_.keeps_two();
    for (index_t p = 0; p < count_; ++p) {
      const auto [i, j] = candidates_[p];
      if (excludes && exclude_.rejects(left_.first + i, right_.first + j)) continue;
      two ? offer_to_two(i, j, squares_[p]) : offer(i, j, squares_[p]);
    }
    count_ = 0;
  }

  void offer(index_t i, index_t j, double square) {
    if (left_best_.offer(i, right_.first + j, square)) raise_left_floor(i);
    if (same_) {
      if (left_best_.offer(j, left_.first + i, square)) raise_left_floor(j);
    } else if (right_best_->offer(j, left_.first + i, square)) {
      raise_floor(right_, j, right_best_->worst(j));
    }
  }

  /// The same where two are kept: floors are raised whether or not there is a reason, which cannot
  /// be foreseen.
  void offer_to_two(index_t i, index_t j, double square) {
    left_best_.offer_to_two(i, right_.first + j, square);
    raise_left_floor(i);
    if (same_) {
      left_best_.offer_to_two(j, left_.first + i, square);
      raise_left_floor(j);
    } else {
      right_best_->offer_to_two(j, left_.first + i, square);
      raise_floor(right_, j, right_best_->worst(j));
    }
  }

  void raise_left_floor(index_t i) {
    raise_floor(left_, i, left_best_.worst(i));
    const auto index = static_cast<std::size_t>(i);
    if (same_) right_.floor[index] = left_.floor[index];
  }

  template <class Side>
  void add_to(const best_candidates& found, const Side& side, best_candidates& all) const {
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
  candidate candidates_[batch_pairs + tile::size];
  double squares_[batch_pairs + tile::size];
  index_t count_ = 0;
};

}  // namespace atlas::inline ATLAS_ABI::detail
