// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The exhaustive search: every pair of rows once, for both of its rows, block by block.

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "atlas/core/vector_functions.hpp"
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

/// Two blocks are compared in rows rounded to bytes where a sample of their tiles shows that this
/// pays, and otherwise in rows rounded to their own type.
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
    constexpr index_t unit = byte_rows::tile::right_rows;  // a multiple of what each shortlist has
    // Every pair of blocks rounds the rows of both: of many small ones that is most of the work.
    constexpr index_t enough = 512;
    block_rows_ = choose_block_rows(points.extent(0), most, unit, options.threads, enough);
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

  /// Two blocks that are compared.
  template <class Shortlist>
  struct sides {
    block_side<Scalar, Shortlist, true> left;
    block_side<Scalar, Shortlist, false> right;
    block_side<Scalar, Shortlist, true> sample;  // whose rows give the first limits
  };

 public:
  struct workspace {
    sides<byte_rows> bytes;
    sides<float_rows> floats;
  };

  /// Tasks in order: each block with itself, then with the next block, the one after that and so
  /// on, so that limits tighten early in clouds whose rows follow each other.
  double search(index_t task, workspace& w, double) {
    index_t step = 0;
    while (task >= blocks_ - step) task -= blocks_ - step++;
    const index_t a = task, b = task + step;
    if (!bytes_ || !compare_blocks(*bytes_, a, b, w.bytes)) compare_blocks(floats_, a, b, w.floats);
    const auto pairs = static_cast<double>(rows_of(a)) * static_cast<double>(rows_of(b));
    return (a == b ? 0.5 : 1.0) * pairs * costs::exhaustive_pair<Scalar>(points_.extent(1));
  }

 private:
  index_t rows_of(index_t block) const {
    return (std::min)(block_rows_, points_.extent(0) - block * block_rows_);
  }

  /// Compares blocks a and b.
  /// \return false where the shortlist left too many candidates and nothing was compared
  template <class Shortlist>
  bool compare_blocks(const Shortlist& shortlist, index_t a, index_t b, sides<Shortlist>& loaded) {
    auto& [left, right, sample] = loaded;
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
      both.add_to(best_);
    } else {
      const std::scoped_lock lock(lock_of(a), lock_of(b));
      both.add_to(best_);
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
