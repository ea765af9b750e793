#pragma once
/// \file
/// The exhaustive search: every pair of blocks of rows once, for both sides.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/packed_rows.hpp"
#include "atlas/neighbors/smallest_bounds.hpp"

namespace atlas::detail {

/// One of two blocks that meet: its rows, halves of their squared norms less their share of the
/// error, floors (register_tile.hpp), and bounds of half the squared distances of the nearest.
template <class Scalar, int Group>
struct block_side {
  raw_rows<Scalar> raw;
  packed_rows<Scalar, Group> packed;
  std::vector<Scalar> half, floor;
  smallest_bounds<Scalar> nearest;
  row_limits<Scalar> limits(index i) const { return {half.data() + i, floor.data() + i}; }
};

template <class Scalar>
struct block_workspace {
  struct pair {
    index left, right;  // within their blocks
    Scalar low;         // half the squared distance is at least this
  };
  block_side<Scalar, register_tile<Scalar>::left_rows> left;
  block_side<Scalar, register_tile<Scalar>::right_rows> right;
  std::vector<pair> pairs;
  std::vector<double> squares;  // of their exact distances
};

/// Approximate distances with a proven bound of their error rule out nearly all pairs, and tighten
/// the limits; at the end of a pair of blocks those that are left get their exact distance.
template <class Scalar>
class block_search {
 public:
  block_search(const tensor_view<const Scalar, 2>& points, const centring& c, index k,
               const exclusion& exclude, int threads)
      : points_(points),
        exclude_(exclude),
        threads_(threads),
        centring_(c),
        k_(k),
        best_(points.extent(0), k),
        half_(static_cast<std::size_t>(points.extent(0))),
        error_(share_of_error(points.extent(1))),
        margin_(margin_of(points.extent(1))),
        slack_(slack_of(points.extent(1))),
        block_rows_(choose_block_rows(points.extent(0), threads)),
        blocks_((points.extent(0) + block_rows_ - 1) / block_rows_),
        locks_(std::make_unique<std::mutex[]>(static_cast<std::size_t>(blocks_))) {}

  neighbor_table run(const progress_callback& on_progress) {
    measure_norms();
    const index count = blocks_ * (blocks_ + 1) / 2;
    progress_meter meter(on_progress, "neighbours", count);
    parallel_for(count, threads_, [&](index task) {
      visit(task);
      meter.advance();
    });
    return best_.table();
  }

 private:
  using tile = register_tile<Scalar>;
  using workspace = block_workspace<Scalar>;
  static constexpr index most_rows = 1248;  // the left side of 64 floats each in half of 1 MiB
  static constexpr index least_rows = 96;
  static constexpr std::size_t most_pairs = 4096;  // after which those left behind are dropped

  /// Blocks of nearly the same size, a few for every thread.
  static index choose_block_rows(index n, int threads) {
    const bool alone = inside_task() || thread_count(threads) == 1;
    const index wanted = alone ? 1 : std::min(4 * thread_count(threads), n / least_rows);
    const index blocks = std::max<index>({1, wanted, (n + most_rows - 1) / most_rows});
    const index rows = (n + blocks - 1) / blocks;
    return (rows + tile::right_rows - 1) / tile::right_rows * tile::right_rows;
  }

  static Scalar share_of_error(index d) {
    const double error = shortlist_error<Scalar>(d);
    return static_cast<Scalar>(2 * error / (1 - error) * (1 + 0x1p-20));
  }

  index rows_of(index block) const {
    return std::min(block_rows_, points_.extent(0) - block * block_rows_);
  }

  void measure_norms() {
    const double keep = 0.5 * (1 - shortlist_error<Scalar>(points_.extent(1)));
    parallel_for(blocks_, threads_, [&](index b) {
      std::vector<double> sums(static_cast<std::size_t>(rows_of(b)), 0.0);
      const index from = b * block_rows_;
      for_each_of_rows(points_, from, rows_of(b), [&](index i, index k, Scalar x) {
        const double centred =
            (static_cast<double>(x) - centring_.mean[static_cast<std::size_t>(k)]) *
            centring_.scale;
        sums[static_cast<std::size_t>(i - from)] += centred * centred;
      });
      for (std::size_t i = 0; i < sums.size(); ++i)
        half_[static_cast<std::size_t>(from) + i] = static_cast<Scalar>(keep * sums[i]);
    });
  }

  /// Blocks with themselves come first, then with their neighbours, so that limits tighten early.
  void visit(index task) {
    index step = 0;
    while (task >= blocks_ - step) task -= blocks_ - step++;
    visit(task, task + step);
  }

  void visit(index a, index b) {
    thread_local workspace w;
    load(w.left, a);
    load(w.right, b);
    w.pairs.clear();
    for (index j = 0; j * tile::right_rows < rows_of(b); ++j) {
      const index end = a == b ? std::min(rows_of(a), (j + 1) * tile::right_rows) : rows_of(a);
      for (index i = 0; i * tile::left_rows < end; ++i) {
        alignas(vector_bytes) Scalar sums[tile::size];
        if (tile::compare(w.left.packed.group(i), w.right.packed.group(j), points_.extent(1),
                          w.left.limits(i * tile::left_rows), w.right.limits(j * tile::right_rows),
                          sums))
          collect(w, a, b, i * tile::left_rows, j * tile::right_rows, sums);
      }
      if (w.pairs.size() > most_pairs) thin(w);
      if (w.pairs.size() > 8 * most_pairs) refine(w, a, b);  // a lattice, or equal rows
    }
    refine(w, a, b);
  }

  template <int Group>
  void load(block_side<Scalar, Group>& side, index block) {
    const index from = block * block_rows_, rows = rows_of(block);
    side.raw.load(points_, from, rows);
    side.packed.load(side.raw, rows, centring_);
    side.nearest.clear(rows, k_);
    // The last tile may reach past the block: what it finds there is far from everything.
    const auto padded = static_cast<std::size_t>(block_rows_ + tile::right_rows);
    side.half.assign(padded, std::numeric_limits<Scalar>::max() / 4);
    side.floor.assign(padded, std::numeric_limits<Scalar>::infinity());
    const std::lock_guard lock(locks_[static_cast<std::size_t>(block)]);
    for (index i = 0; i < rows; ++i) {
      side.half[static_cast<std::size_t>(i)] = half_[static_cast<std::size_t>(from + i)];
      side.floor[static_cast<std::size_t>(i)] = floor_of(from + i);
    }
  }

  /// By the distances that are known exactly.
  Scalar floor_of(index row) const {
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    const double square = largest_square(best_.worst(row), points_.extent(1));
    const auto limit = static_cast<Scalar>(0.5 * square * centring_.squared_scale);
    return -std::nextafter(limit + slack_, infinity);
  }

  /// Exact distances, too, are rounded: within this margin of a bound their order decides.
  static Scalar margin_of(index d) {
    return static_cast<Scalar>(1 + 8 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) +
                               3 * (largest_square(1, d) - 1));
  }

  /// Covers underflow of squares that are tiny against the cloud.
  static Scalar slack_of(index d) {
    return static_cast<Scalar>(4 * d) * std::numeric_limits<Scalar>::min();
  }

  void collect(workspace& w, index a, index b, index i0, index j0, const Scalar* sums) {
    for (index i = i0; i < std::min(i0 + tile::left_rows, rows_of(a)); ++i)
      for (index v = 0; v < tile::vectors; ++v, sums += tile::simd::lanes) {
        const index j = j0 + v * tile::simd::lanes;
        const auto floor =
            tile::simd::smaller(tile::simd::load(w.right.floor.data() + j),
                                tile::simd::all(w.left.floor[static_cast<std::size_t>(i)]));
        const auto excess = tile::simd::load(sums) - floor;
        if (const unsigned bits = tile::simd::positive(excess)) collect(w, a, b, i, j, sums, bits);
      }
  }

  void collect(workspace& w, index a, index b, index i, index j0, const Scalar* sums,
               unsigned bits) {
    for (; bits != 0; bits &= bits - 1) {
      const int l = std::countr_zero(bits);
      const index j = j0 + l;
      if (j >= rows_of(b) || (a == b && j <= i)) continue;
      if (exclude_.rejects(a * block_rows_ + i, b * block_rows_ + j)) continue;
      w.pairs.push_back({i, j, -sums[l]});
      tighten(w, a == b, w.pairs.back());
    }
  }

  void tighten(workspace& w, bool same_block, const typename workspace::pair& p) {
    const auto i = static_cast<std::size_t>(p.left), j = static_cast<std::size_t>(p.right);
    const Scalar high = p.low + error_ * (w.left.half[i] + w.right.half[j]);
    if (w.left.nearest.offer(p.left, high)) raise(w.left, same_block ? &w.right : nullptr, p.left);
    if (same_block) {
      if (w.left.nearest.offer(p.right, high)) raise(w.left, &w.right, p.right);
    } else if (w.right.nearest.offer(p.right, high)) {
      raise(w.right, static_cast<decltype(w.left)*>(nullptr), p.right);
    }
  }

  template <class Side, class Other>
  void raise(Side& side, Other* mirror, index row) const {
    const auto at = static_cast<std::size_t>(row);
    const Scalar floor = -(side.nearest.largest(row) * margin_ + slack_);
    side.floor[at] = std::max(side.floor[at], floor);
    if (mirror) mirror->floor[at] = side.floor[at];
  }

  /// Drops the pairs that limits have left behind since.
  void thin(workspace& w) const {
    std::erase_if(w.pairs, [&](const auto& p) {
      return !(-p.low > std::min(w.left.floor[static_cast<std::size_t>(p.left)],
                                 w.right.floor[static_cast<std::size_t>(p.right)]));
    });
  }

  /// Exact distances of the pairs that are left.
  void refine(workspace& w, index a, index b) {
    thin(w);
    std::vector<double>& squares = w.squares;
    squares.clear();
    for (const auto& p : w.pairs)
      squares.push_back(
          squared_distance(w.left.raw.row(p.left), w.right.raw.row(p.right), points_.extent(1)));
    if (a == b) {
      const std::lock_guard lock(locks_[static_cast<std::size_t>(a)]);
      offer(w, a, b);
    } else {
      const std::scoped_lock lock(locks_[static_cast<std::size_t>(a)],
                                  locks_[static_cast<std::size_t>(b)]);
      offer(w, a, b);
    }
    w.pairs.clear();
  }

  void offer(const workspace& w, index a, index b) {
    for (std::size_t n = 0; n < w.pairs.size(); ++n) {
      const index i = a * block_rows_ + w.pairs[n].left, j = b * block_rows_ + w.pairs[n].right;
      best_.offer(i, j, w.squares[n]);
      best_.offer(j, i, w.squares[n]);
    }
  }

  tensor_view<const Scalar, 2> points_;
  const exclusion& exclude_;
  int threads_;
  const centring& centring_;
  index k_;
  best_candidates best_;
  std::vector<Scalar> half_;
  /// Half of a squared distance is at most the bound from below and this share of the sum of both
  /// rows' halves.
  Scalar error_;
  Scalar margin_, slack_;
  index block_rows_;
  index blocks_;
  std::unique_ptr<std::mutex[]> locks_;
};

}  // namespace atlas::detail
