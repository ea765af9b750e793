// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The exhaustive search: every pair of blocks of rows once, for both sides.

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/exhaustive/block_pair.hpp"
#include "atlas/neighbors/exhaustive/block_rows.hpp"
#include "atlas/neighbors/exhaustive/block_seeds.hpp"
#include "atlas/neighbors/neighbor_options.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"
#include "atlas/neighbors/search_costs.hpp"
#include "atlas/neighbors/search_driver.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Blocks meet in the coarsest shortlist that pays, which each two of them find out.
template <class Scalar>
class block_search {
 public:
  /// \param points, c, options must live as long as the search
  /// \param bytes whether to try rows that are rounded to bytes
  block_search(const tensor_view<const Scalar, 2>& points, const centring& c,
               const neighbor_options& options, bool bytes = fast_bytes)
      : points_(points),
        exclude_(options.exclude),
        k_(options.k),
        best_(points.extent(0), k_, distinct_labels(exclude_)),
        floats_(c, points.extent(1)) {
    if (bytes && points.extent(0) >= costs::least_byte_rows && byte_rows::fits(c, points.extent(1)))
      bytes_.emplace(c, points.extent(1));
    const index_t most = bytes_ ? byte_rows::most_rows : float_rows::most_rows;
    constexpr index_t unit = byte_rows::tile::right_rows;  // as of floats, twice that of doubles
    block_rows_ = choose_block_rows(points.extent(0), most, unit, options.threads);
    blocks_ = (points.extent(0) + block_rows_ - 1) / block_rows_;
    locks_ = std::make_unique<std::mutex[]>(static_cast<std::size_t>(blocks_));
  }

  block_search(const block_search&) = delete;
  block_search& operator=(const block_search&) = delete;

  // Of the driver (search_driver.hpp). A task is a pair of blocks. Its cost is known, so that none
  // is sampled.
  static constexpr index_t tasks_per_step = 1;
  static constexpr index_t rows_per_task = 1;
  index_t tasks() const { return blocks_ * (blocks_ + 1) / 2; }
  std::vector<index_t> sampled_tasks() const { return {}; }
  neighbor_table table() { return best_.table(); }

 private:
  using float_rows = float_shortlist<Scalar>;
  using byte_rows = byte_shortlist<Scalar>;

  /// The two blocks that meet.
  template <class Shortlist>
  struct sides {
    block_side<Scalar, Shortlist, true> left;
    block_side<Scalar, Shortlist, false> right;
    block_side<Scalar, Shortlist, true> sample;  // of first limits
  };

 public:
  struct workspace {
    sides<byte_rows> bytes;
    sides<float_rows> floats;
  };

  /// Blocks with themselves come first, then with their neighbours, so that limits tighten early.
  double search(index_t task, workspace& w, double) {
    index_t step = 0;
    while (task >= blocks_ - step) task -= blocks_ - step++;
    const index_t a = task, b = task + step;
    if (!bytes_ || !visit(*bytes_, a, b, w.bytes)) visit(floats_, a, b, w.floats);
    const auto pairs = static_cast<double>(rows_of(a)) * static_cast<double>(rows_of(b));
    return (a == b ? 0.5 : 1.0) * pairs * costs::exhaustive_pair<Scalar>(points_.extent(1));
  }

 private:
  index_t rows_of(index_t block) const {
    return (std::min)(block_rows_, points_.extent(0) - block * block_rows_);
  }

  /// \return whether the shortlist paid; otherwise nothing was found
  template <class Shortlist>
  bool visit(const Shortlist& shortlist, index_t a, index_t b, sides<Shortlist>& met) {
    auto& [left, right, sample] = met;
    left.load(points_, a * block_rows_, rows_of(a), shortlist);
    if (a == b)
      right.load(points_, left, shortlist);
    else
      right.load(points_, b * block_rows_, rows_of(b), shortlist);
    block_pair<Scalar, Shortlist> both(left, right, shortlist, exclude_, points_.extent(1), k_);
    {
      const std::lock_guard lock(lock_of(a));
      both.limit_left(best_);
    }
    {
      const std::lock_guard lock(lock_of(b));
      both.limit_right(best_);
    }
    if (a == b)
      block_seeds<Scalar, Shortlist>(points_, left, right, sample, shortlist, exclude_, k_).raise();
    if (Shortlist::may_be_loose && both.crowded()) return false;
    both.run();
    if (a == b) {
      const std::lock_guard lock(lock_of(a));
      both.report(best_);
    } else {
      const std::scoped_lock lock(lock_of(a), lock_of(b));
      both.report(best_);
    }
    return true;
  }

  std::mutex& lock_of(index_t block) { return locks_[static_cast<std::size_t>(block)]; }

  tensor_view<const Scalar, 2> points_;
  const exclusion& exclude_;
  index_t k_;
  best_candidates best_;
  float_rows floats_;
  std::optional<byte_rows> bytes_;
  index_t block_rows_, blocks_;
  std::unique_ptr<std::mutex[]> locks_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
