#pragma once
/// \file
/// Exact k nearest neighbours of every row of a cloud among its other rows.

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/tile.hpp"

namespace atlas {

struct neighbor_options {
  index k = 2;                         ///< neighbours per row, at most N - 1
  exclusion exclude = {};              ///< rows that may not be neighbours
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// Neighbours by increasing distance; equal distances by increasing row number. Where exclusion
/// leaves fewer than k, the row is filled up with distance +inf and index -1.
struct neighbor_table {
  owned_tensor<double, 2> distances;  ///< `[N, k]`, Euclidean
  owned_tensor<index, 2> indices;     ///< `[N, k]`
};

namespace detail {

/// The k best candidates of every row so far, ordered by (distance, row number): a total order,
/// so the outcome does not depend on the order in which candidates come.
template <class Scalar>
class best_candidates {
 public:
  best_candidates(index rows, index k, double scale)
      : k_(k),
        squared_scale_(scale * scale),
        squares_(static_cast<std::size_t>(rows * k), std::numeric_limits<double>::infinity()),
        indices_(static_cast<std::size_t>(rows * k), -1),
        limits_(static_cast<std::size_t>(rows), std::numeric_limits<Scalar>::infinity()) {}

  /// Upper bounds, in the scale of the shortlist, of the k-th best squared distance of each row.
  const Scalar* limits() const { return limits_.data(); }

  void offer(index row, index candidate, double square) {
    const auto begin = static_cast<std::size_t>(row * k_);
    auto slot = begin + static_cast<std::size_t>(k_) - 1;
    if (!before(square, candidate, slot)) return;
    for (; slot > begin && before(square, candidate, slot - 1); --slot) {
      squares_[slot] = squares_[slot - 1];
      indices_[slot] = indices_[slot - 1];
    }
    squares_[slot] = square;
    indices_[slot] = candidate;
    const double worst = squares_[begin + static_cast<std::size_t>(k_) - 1] * squared_scale_;
    limits_[static_cast<std::size_t>(row)] =
        std::nextafter(static_cast<Scalar>(worst), std::numeric_limits<Scalar>::infinity());
  }

  double square(std::size_t at) const { return squares_[at]; }
  index candidate(std::size_t at) const { return indices_[at]; }

 private:
  bool before(double square, index candidate, std::size_t slot) const {
    return square < squares_[slot] ||
           (square == squares_[slot] && indices_[slot] >= 0 && candidate < indices_[slot]);
  }

  index k_;
  double squared_scale_;
  std::vector<double> squares_;
  std::vector<index> indices_;
  std::vector<Scalar> limits_;
};

/// Blocks of rows, each pair of blocks visited once and used for both sides: a matrix product
/// gives approximate distances with a proven error bound, and every pair that the bound cannot
/// rule out gets its exact distance.
template <class Scalar>
class neighbor_search {
 public:
  neighbor_search(const tensor_view<const Scalar, 2>& points, const neighbor_options& options)
      : points_(points),
        options_(options),
        centring_(find_centring(points)),
        best_(points.extent(0), options.k, centring_.scale),
        norms_(static_cast<std::size_t>(points.extent(0))),
        blocks_((points.extent(0) + block_rows - 1) / block_rows),
        locks_(std::make_unique<std::mutex[]>(static_cast<std::size_t>(blocks_))) {}

  neighbor_table run() {
    measure_norms();
    const auto pairs = block_pairs();
    progress_meter meter(options_.on_progress, "neighbours", static_cast<index>(pairs.size()));
    parallel_for(static_cast<index>(pairs.size()), options_.threads, [&](index p) {
      visit(pairs[static_cast<std::size_t>(p)].first, pairs[static_cast<std::size_t>(p)].second);
      meter.advance();
    });
    return table();
  }

 private:
  static constexpr index block_rows = 256;
  static constexpr index strip = 64;  // columns that one comparison can rule out together

  struct workspace {
    row_block<Scalar> left, right;
    row_matrix<Scalar> product;
  };

  /// Blocks against themselves first, then their neighbours, so that limits tighten early.
  std::vector<std::pair<index, index>> block_pairs() const {
    std::vector<std::pair<index, index>> pairs;
    pairs.reserve(static_cast<std::size_t>(blocks_ * (blocks_ + 1) / 2));
    for (index step = 0; step < blocks_; ++step)
      for (index i = 0; i + step < blocks_; ++i) pairs.emplace_back(i, i + step);
    return pairs;
  }

  void load(row_block<Scalar>& block, index number) const {
    const index from = number * block_rows;
    block.load(points_, centring_, from, std::min(block_rows, points_.extent(0) - from));
  }

  /// Squared norms less their share of the error bound, so that the test of a pair is one sum.
  void measure_norms() {
    const auto keep = static_cast<Scalar>(1 - shortlist_error<Scalar>(points_.extent(1)));
    parallel_for(blocks_, options_.threads, [&](index b) {
      row_block<Scalar> block;
      load(block, b);
      for (index i = 0; i < block.centred.rows(); ++i)
        norms_[static_cast<std::size_t>(block.first + i)] =
            keep * block.centred.row(i).squaredNorm();
    });
  }

  void visit(index left, index right) {
    thread_local workspace w;
    load(w.left, left);
    const row_block<Scalar>* other = &w.left;
    if (left != right) {
      load(w.right, right);
      other = &w.right;
    }
    w.product.resize(w.left.raw.rows(), other->raw.rows());
    w.product.noalias() = w.left.centred * other->centred.transpose();
    if (left == right) {
      const std::lock_guard lock(locks_[static_cast<std::size_t>(left)]);
      scan(w.left, *other, w.product);
    } else {
      const std::scoped_lock lock(locks_[static_cast<std::size_t>(left)],
                                  locks_[static_cast<std::size_t>(right)]);
      scan(w.left, *other, w.product);
    }
  }

  void scan(const row_block<Scalar>& left, const row_block<Scalar>& right,
            const row_matrix<Scalar>& product) {
    for (index i = 0; i < product.rows(); ++i)
      for (index j = 0; j < product.cols(); j += strip) {
        const index count = std::min(strip, product.cols() - j);
        if (may_hold_a_neighbor(left.first + i, right.first + j, &product(i, j), count))
          refine(left, right, product, i, j, count);
      }
  }

  /// How far below its limit the nearest-looking of `count` pairs is.
  bool may_hold_a_neighbor(index row, index first, const Scalar* product, index count) const {
    using array = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
    const Scalar limit = best_.limits()[row];
    const array norms(norms_.data() + first, count);
    const array limits(best_.limits() + first, count);
    const array products(product, count);
    const Scalar norm = norms_[static_cast<std::size_t>(row)];
    return !((norms + norm - Scalar(2) * products - limits.max(limit)).minCoeff() > slack());
  }

  void refine(const row_block<Scalar>& left, const row_block<Scalar>& right,
              const row_matrix<Scalar>& product, index i, index from, index count) {
    const index a = left.first + i;
    for (index j = from; j < from + count; ++j) {
      const index b = right.first + j;
      if (b <= a) continue;  // the diagonal block holds each pair twice
      const Scalar near = norms_[static_cast<std::size_t>(a)] +
                          norms_[static_cast<std::size_t>(b)] - Scalar(2) * product(i, j);
      if (near - std::max(best_.limits()[a], best_.limits()[b]) > slack()) continue;
      if (options_.exclude.rejects(a, b)) continue;
      const double square =
          squared_distance(left.raw.row(i).data(), right.raw.row(j).data(), points_.extent(1));
      best_.offer(a, b, square);
      best_.offer(b, a, square);
    }
  }

  /// Covers underflow of squares that are tiny against the cloud.
  Scalar slack() const {
    return static_cast<Scalar>(4 * points_.extent(1)) * std::numeric_limits<Scalar>::min();
  }

  neighbor_table table() const {
    const index n = points_.extent(0), k = options_.k;
    neighbor_table out{owned_tensor<double, 2>({n, k}), owned_tensor<index, 2>({n, k})};
    for (index i = 0; i < n * k; ++i) {
      const auto at = static_cast<std::size_t>(i);
      out.distances.mutable_view().data()[i] = std::sqrt(best_.square(at));
      out.indices.mutable_view().data()[i] = best_.candidate(at);
    }
    return out;
  }

  tensor_view<const Scalar, 2> points_;
  const neighbor_options& options_;
  centring centring_;
  best_candidates<Scalar> best_;
  std::vector<Scalar> norms_;
  index blocks_;
  std::unique_ptr<std::mutex[]> locks_;
};

template <class Scalar>
neighbor_table nearest_neighbors(const tensor_view<const Scalar, 2>& points,
                                 const neighbor_options& options) {
  static_assert(std::is_floating_point_v<Scalar>, "points are floating-point numbers");
  check_not_empty(points, "points");
  if (points.extent(0) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  check_between(options.k, 1, points.extent(0) - 1, "k");
  check_exclusion(options.exclude, points.extent(0));
  check_finite(points, "points");
  return neighbor_search<Scalar>(points, options).run();
}

}  // namespace detail

/// Exact k nearest neighbours (Euclidean) of every row among the other rows.
///
/// Distances are computed from differences of coordinates in double, never from
/// `|x|^2 + |y|^2 - 2xy`, so they are right to rounding whatever the offset of the cloud; rows that
/// differ never have distance 0.
///
/// \param points `[N, d]`, N >= 2
/// \return `[N, k]` distances and row numbers; the same bits for every thread count and storage
///         order
/// \throws shape_error for fewer than 2 rows or labels of another length; value_error for NaN,
///         infinities or k outside [1, N - 1]; cancelled
///
/// O(N^2 d) time, O(N k) memory beyond the points. Safe to call from several threads at once.
template <tensor_like<2> Points>
neighbor_table nearest_neighbors(const Points& points, const neighbor_options& options = {}) {
  using scalar = scalar_of<Points, 2>;
  const auto view = as_view<2>(points);
  return detail::nearest_neighbors<scalar>(view, options);
}

}  // namespace atlas
