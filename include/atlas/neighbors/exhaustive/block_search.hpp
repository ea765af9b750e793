// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The exhaustive search: every pair of blocks of rows once, for both sides.

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/exhaustive/block_pair.hpp"
#include "atlas/neighbors/exhaustive/block_seeds.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Blocks meet in the coarsest shortlist that pays, which each two of them find out.
template <class Scalar>
class block_search {
 public:
  /// \param bytes whether to try rows that are rounded to bytes
  block_search(const tensor_view<const Scalar, 2>& points, const centring& c, index_t k,
               const exclusion& exclude, int threads, bool bytes = fast_bytes)
      : points_(points),
        exclude_(exclude),
        threads_(threads),
        k_(k),
        best_(points.extent(0), k, distinct_labels(exclude)),
        floats_(c, points.extent(1)) {
    if (bytes && points.extent(0) >= least_for_bytes && byte_rows::fits(c, points.extent(1)))
      bytes_.emplace(c, points.extent(1));
    block_rows_ = choose_block_rows(points.extent(0), threads);
    blocks_ = (points.extent(0) + block_rows_ - 1) / block_rows_;
    locks_ = std::make_unique<std::mutex[]>(static_cast<std::size_t>(blocks_));
  }

  neighbor_table run(const progress_callback& on_progress) {
    const index_t count = blocks_ * (blocks_ + 1) / 2;
    progress_meter meter(on_progress, "neighbours", count);
    const auto make = [] { return std::make_unique<workspace>(); };
    parallel_for(count, threads_, make, [&](index_t task, std::unique_ptr<workspace>& w) {
      visit(task, *w);
      meter.advance();
    });
    return best_.table();
  }

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
  struct workspace {
    sides<byte_rows> bytes;
    sides<float_rows> floats;
  };

  static constexpr index_t least_rows = 96;
  static constexpr index_t least_for_bytes = 512;

  /// Blocks of nearly the same size, a few for every thread.
  index_t choose_block_rows(index_t n, int threads) const {
    const index_t most = bytes_ ? byte_rows::most_rows : float_rows::most_rows;
    const bool alone = thread_count(threads) == 1;
    const index_t wanted = alone ? 1 : (std::min)(4 * thread_count(threads), n / least_rows);
    const index_t blocks = std::max<index_t>({1, wanted, (n + most - 1) / most});
    const index_t rows = (n + blocks - 1) / blocks;
    constexpr index_t unit =
        byte_rows::tile::right_rows;  // as many as of floats, or twice of doubles
    return (rows + unit - 1) / unit * unit;
  }

  index_t rows_of(index_t block) const {
    return (std::min)(block_rows_, points_.extent(0) - block * block_rows_);
  }

  /// Blocks with themselves come first, then with their neighbours, so that limits tighten early.
  void visit(index_t task, workspace& w) {
    index_t step = 0;
    while (task >= blocks_ - step) task -= blocks_ - step++;
    if (!bytes_ || !visit(*bytes_, task, task + step, w.bytes))
      visit(floats_, task, task + step, w.floats);
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
  int threads_;
  index_t k_;
  best_candidates best_;
  float_rows floats_;
  std::optional<byte_rows> bytes_;
  index_t block_rows_, blocks_;
  std::unique_ptr<std::mutex[]> locks_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
