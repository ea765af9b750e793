#pragma once
/// \file
/// The exhaustive search: every pair of blocks of rows once, for both sides.

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

namespace atlas::detail {

/// Halves of squared norms less their share of the error of the shortlist, and floors, of a block.
template <class Scalar>
struct block_limits {
  std::vector<Scalar> half, floor;
  row_limits<Scalar> from(index i) const { return {half.data() + i, floor.data() + i}; }
};

template <class Scalar>
struct block_workspace {
  struct pair {
    index left, right;  // within their blocks
    double square;
  };
  raw_rows<Scalar> raw_left, raw_right;
  packed_rows<Scalar, register_tile<Scalar>::left_rows> left;
  packed_rows<Scalar, register_tile<Scalar>::right_rows> right;
  block_limits<Scalar> left_limits, right_limits;
  std::vector<pair> pairs;
};

/// Approximate distances with a proven bound of their error rule out nearly all pairs; the others
/// get their exact distance, a few at a time, and the limits follow.
template <class Scalar>
class block_search {
 public:
  block_search(const tensor_view<const Scalar, 2>& points, const centring& c, index k,
               const exclusion& exclude, int threads)
      : points_(points),
        exclude_(exclude),
        threads_(threads),
        centring_(c),
        best_(points.extent(0), k),
        half_(static_cast<std::size_t>(points.extent(0))),
        block_rows_(choose_block_rows(points.extent(0), threads)),
        blocks_((points.extent(0) + block_rows_ - 1) / block_rows_),
        seeds_(k <= 16 ? std::max<index>(4, k) : 0),
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
  static constexpr index most_rows = 960;  // both sides of a pair of blocks in 1 MiB
  static constexpr index least_rows = 96;
  static constexpr std::size_t batch = 64;  // pairs that get their exact distance at a time

  /// Blocks of nearly the same size, a few for every thread.
  static index choose_block_rows(index n, int threads) {
    const bool alone = inside_task() || thread_count(threads) == 1;
    const index wanted = alone ? 1 : std::min(4 * thread_count(threads), n / least_rows);
    const index blocks = std::max<index>({1, wanted, (n + most_rows - 1) / most_rows});
    const index rows = (n + blocks - 1) / blocks;
    return (rows + tile::right_rows - 1) / tile::right_rows * tile::right_rows;
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
    load(w, a, b);
    if (a == b) seed(w, a);
    for (index j = 0; j * tile::right_rows < rows_of(b); ++j) {
      const index end = a == b ? std::min(rows_of(a), (j + 1) * tile::right_rows) : rows_of(a);
      for (index i = 0; i * tile::left_rows < end; ++i) {
        alignas(vector_bytes) Scalar excess[tile::size];
        if (!tile::compare(w.left.group(i), w.right.group(j), points_.extent(1),
                           w.left_limits.from(i * tile::left_rows),
                           w.right_limits.from(j * tile::right_rows), excess))
          continue;
        collect(w, a, b, i * tile::left_rows, j * tile::right_rows, excess);
        if (w.pairs.size() >= batch) refine(w, a, b);
      }
    }
    refine(w, a, b);
  }

  void load(workspace& w, index a, index b) {
    w.raw_left.load(points_, a * block_rows_, rows_of(a));
    w.raw_right.load(points_, b * block_rows_, rows_of(b));
    w.left.load(w.raw_left, rows_of(a), centring_);
    w.right.load(w.raw_right, rows_of(b), centring_);
    load_limits(w.left_limits, a);
    load_limits(w.right_limits, b);
    w.pairs.clear();
  }

  void load_limits(block_limits<Scalar>& limits, index block) {
    // The last tile may reach past the block: what it finds there is far from everything.
    const auto padded = static_cast<std::size_t>(block_rows_ + tile::right_rows);
    limits.half.assign(padded, std::numeric_limits<Scalar>::max() / 4);
    limits.floor.assign(padded, std::numeric_limits<Scalar>::infinity());
    const index from = block * block_rows_;
    const std::lock_guard lock(locks_[static_cast<std::size_t>(block)]);
    for (index i = 0; i < rows_of(block); ++i) {
      limits.half[static_cast<std::size_t>(i)] = half_[static_cast<std::size_t>(from + i)];
      limits.floor[static_cast<std::size_t>(i)] = floor_of(from + i);
    }
  }

  Scalar floor_of(index row) const {
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    const double square = largest_square(best_.worst(row), points_.extent(1));
    const auto limit = static_cast<Scalar>(0.5 * square * centring_.squared_scale);
    return -std::nextafter(limit + slack(), infinity);
  }

  /// Covers underflow of squares that are tiny against the cloud.
  Scalar slack() const {
    return static_cast<Scalar>(4 * points_.extent(1)) * std::numeric_limits<Scalar>::min();
  }

  /// Rows that every row of a block meets first: without limits everything would be of interest.
  bool is_seed(index i, index j) const { return j > i && j - i <= seeds_; }

  void seed(workspace& w, index block) {
    for (index i = 0; i < rows_of(block); ++i)
      for (index j = i + 1; j < rows_of(block) && is_seed(i, j); ++j)
        if (!exclude_.rejects(block * block_rows_ + i, block * block_rows_ + j))
          w.pairs.push_back({i, j, 0.0});
    refine(w, block, block);
  }

  void collect(workspace& w, index a, index b, index i0, index j0, const Scalar* excess) {
    for (index i = i0; i < std::min(i0 + tile::left_rows, rows_of(a)); ++i)
      for (index v = 0; v < tile::vectors; ++v, excess += tile::simd::lanes)
        if (const unsigned bits = tile::simd::positive(tile::simd::load(excess)))
          collect_lanes(w, a, b, i, j0 + v * tile::simd::lanes, bits);
  }

  void collect_lanes(workspace& w, index a, index b, index i, index j0, unsigned bits) {
    for (; bits != 0; bits &= bits - 1) {
      const index j = j0 + std::countr_zero(bits);
      if (j >= rows_of(b) || (a == b && (j <= i || is_seed(i, j)))) continue;
      if (exclude_.rejects(a * block_rows_ + i, b * block_rows_ + j)) continue;
      w.pairs.push_back({i, j, 0.0});
    }
  }

  /// Exact distances of the pairs collected so far.
  void refine(workspace& w, index a, index b) {
    for (auto& p : w.pairs)
      p.square =
          squared_distance(w.raw_left.row(p.left), w.raw_right.row(p.right), points_.extent(1));
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

  void offer(workspace& w, index a, index b) {
    for (const auto& p : w.pairs) {
      const index i = a * block_rows_ + p.left, j = b * block_rows_ + p.right;
      if (best_.offer(i, j, p.square)) tighten(w, a, b, i);
      if (best_.offer(j, i, p.square)) tighten(w, a, b, j);
    }
  }

  void tighten(workspace& w, index a, index b, index row) {
    const Scalar floor = floor_of(row);
    const index i = row - a * block_rows_, j = row - b * block_rows_;
    if (i >= 0 && i < block_rows_) w.left_limits.floor[static_cast<std::size_t>(i)] = floor;
    if (j >= 0 && j < block_rows_) w.right_limits.floor[static_cast<std::size_t>(j)] = floor;
  }

  tensor_view<const Scalar, 2> points_;
  const exclusion& exclude_;
  int threads_;
  const centring& centring_;
  best_candidates best_;
  std::vector<Scalar> half_;
  index block_rows_;
  index blocks_;
  index seeds_;
  std::unique_ptr<std::mutex[]> locks_;
};

}  // namespace atlas::detail
