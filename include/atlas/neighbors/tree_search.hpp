#pragma once
/// \file
/// The search in a tree of boxes: for clouds that vary along few directions, where a few
/// coordinates rule out nearly all pairs and boxes of rows nearly all leaves.

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/neighbors/candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/leaf_tree.hpp"
#include "atlas/neighbors/packed_rows.hpp"

namespace atlas::detail {

/// The rows of a leaf whose neighbours are looked for.
struct leaf_query {
  index leaf = 0;
  const float* coordinates = nullptr;
  const index* numbers = nullptr;
  float low[most_axes], high[most_axes];  // their box
  float limit[leaf_rows];                 // squared distances along the axes; -1 where no row is
  float widest = 0;                       // the largest limit
  struct candidate {
    index row, other;  // within the leaf, and in the cloud
    float near;        // squared distance along the axes
  };
  candidate pair[3 * leaf_rows];
  index pairs = 0;
  double work = 0;  // cycles, roughly
  double budget = std::numeric_limits<double>::infinity();
};

template <class Scalar>
class tree_search {
 public:
  tree_search(const tensor_view<const Scalar, 2>& points, const centring& c, index k,
              const exclusion& exclude, int threads)
      : d_(points.extent(1)),
        exclude_(exclude),
        threads_(threads),
        squared_scale_(c.squared_scale),
        best_(points.extent(0), k),
        axes_(find_leading_axes(points, c)) {
    raw_.load(points, 0, points.extent(0));
    tree_ = std::make_unique<leaf_tree<Scalar>>(
        points.extent(0), [&](index i) { return raw_.row(i); }, c, axes_, threads);
    error_ = projection_error(d_, axes_.count);
  }

  /// Cycles that a row takes, about, from leaves spread over the tree; stops counting at `budget`.
  double measure(double budget) {
    constexpr index leaves = 16;
    std::vector<double> work(leaves);
    parallel_for(leaves, threads_, [&](index s) {
      work[static_cast<std::size_t>(s)] =
          search(s * tree_->leaves() / leaves, budget * static_cast<double>(leaf_rows));
    });
    double sum = 0;
    for (const double w : work) sum += w;
    return sum / static_cast<double>(leaves * leaf_rows);
  }

  neighbor_table run(const progress_callback& on_progress) {
    constexpr index at_a_time = 4;
    const index count = (tree_->leaves() + at_a_time - 1) / at_a_time;
    progress_meter meter(on_progress, "neighbours", count);
    parallel_for(count, threads_, [&](index task) {
      const index end = std::min(tree_->leaves(), (task + 1) * at_a_time);
      for (index leaf = task * at_a_time; leaf < end; ++leaf)
        search(leaf, std::numeric_limits<double>::infinity());
      meter.advance();
    });
    return best_.table();
  }

 private:
  using simd = vector_of<float>;
  using vector = simd::type;
  static constexpr int row_vectors = static_cast<int>(leaf_rows) / simd::lanes;
  static constexpr int box_vectors = static_cast<int>(fan_out) / simd::lanes;

  /// \return the work it took
  double search(index leaf, double budget) {
    leaf_query q;
    q.leaf = leaf;
    q.budget = budget;
    q.coordinates = tree_->leaf(leaf);
    q.numbers = tree_->leaf_row_numbers(leaf);
    const box_row& boxes = tree_->boxes(0, leaf / fan_out);
    for (index a = 0; a < tree_->axes(); ++a) {
      q.low[a] = boxes.low[a][leaf % fan_out];
      q.high[a] = boxes.high[a][leaf % fan_out];
    }
    for (index i = 0; i < leaf_rows; ++i) {
      if (q.numbers[i] >= 0) best_.clear(q.numbers[i]);
      q.limit[i] = q.numbers[i] >= 0 ? std::numeric_limits<float>::infinity() : -1.0F;
    }
    q.widest = std::numeric_limits<float>::infinity();
    compare_leaf(q, leaf);
    visit(q, 0, leaf / fan_out);
    visit(q, tree_->levels() - 1, 0);
    return q.work;
  }

  /// Children by increasing distance, as far as they may hold neighbours.
  void visit(leaf_query& q, index level, index node) {
    alignas(vector_bytes) float bounds[fan_out];
    bound_boxes(q, tree_->boxes(level, node), bounds);
    index order[fan_out];
    index count = 0;
    const index last = std::min(fan_out, tree_->children(level) - node * fan_out);
    for (index child = 0; child < last; ++child) {
      if (!(bounds[child] < q.widest)) continue;
      index place = count++;
      for (; place > 0 && bounds[child] < bounds[order[place - 1]]; --place)
        order[place] = order[place - 1];
      order[place] = child;
    }
    for (index i = 0; i < count && bounds[order[i]] < q.widest && q.work < q.budget; ++i) {
      const index child = node * fan_out + order[i];
      if (level > 0)
        visit_inner(q, level - 1, child);
      else if (child != q.leaf)
        compare_leaf(q, child);
    }
  }

  /// The leaf's own node came first.
  void visit_inner(leaf_query& q, index level, index node) {
    if (level > 0 || node != q.leaf / fan_out) visit(q, level, node);
  }

  /// Squared distances of the query's box from 16 others.
  void bound_boxes(leaf_query& q, const box_row& boxes, float* bounds) const {
    for (int v = 0; v < box_vectors; ++v) {
      vector sum{};
      for (index a = 0; a < tree_->axes(); ++a) {
        const vector below = simd::load(boxes.low[a] + v * simd::lanes) - q.high[a];
        const vector above = q.low[a] - simd::load(boxes.high[a] + v * simd::lanes);
        const vector gap = simd::larger(simd::larger(below, above), vector{});
        sum += gap * gap;
      }
      simd::store(bounds + v * simd::lanes, sum);
    }
    q.work += 20 + 6 * static_cast<double>(tree_->axes() * box_vectors);
  }

  /// Rows of the query to whose surroundings the box of a leaf belongs, a bit each.
  unsigned bound_rows(leaf_query& q, index leaf, int v) const {
    const box_row& boxes = tree_->boxes(0, leaf / fan_out);
    const index place = leaf % fan_out;
    vector sum{};
    for (index a = 0; a < tree_->axes(); ++a) {
      const vector x = simd::load(q.coordinates + a * leaf_rows + v * simd::lanes);
      const vector gap =
          simd::larger(simd::larger(boxes.low[a][place] - x, x - boxes.high[a][place]), vector{});
      sum += gap * gap;
    }
    q.work += 5 + 6 * static_cast<double>(tree_->axes());
    return simd::positive(simd::load(q.limit + v * simd::lanes) - sum);
  }

  void compare_leaf(leaf_query& q, index leaf) {
    for (int v = 0; v < row_vectors; ++v) {
      unsigned rows = bound_rows(q, leaf, v);
      for (; rows != 0; rows &= rows - 1)
        compare_row(q, v * simd::lanes + std::countr_zero(rows), leaf);
    }
    refine(q);
  }

  void compare_row(leaf_query& q, index i, index leaf) {
    vector squares[row_vectors];
    for (vector& s : squares) s = vector{};
    const float* others = tree_->leaf(leaf);
    for (index a = 0; a < tree_->axes(); ++a) {
      const float x = q.coordinates[a * leaf_rows + i];
#pragma GCC unroll 8
      for (int v = 0; v < row_vectors; ++v) {
        const vector gap = simd::load(others + a * leaf_rows + v * simd::lanes) - x;
        squares[v] += gap * gap;
      }
    }
    q.work += 10 + 2 * static_cast<double>(tree_->axes() * row_vectors);
#pragma GCC unroll 8
    for (int v = 0; v < row_vectors; ++v)
      if (const unsigned lanes = simd::positive(q.limit[i] - squares[v]))
        collect(q, i, squares[v], lanes, tree_->leaf_row_numbers(leaf) + v * simd::lanes);
    if (q.pairs > leaf_rows) refine(q);
  }

  /// Reads ahead what `refine` needs.
  void collect(leaf_query& q, index i, vector squares, unsigned lanes, const index* others) const {
    for (; lanes != 0; lanes &= lanes - 1) {
      const int l = std::countr_zero(lanes);
      const index other = others[l], row = q.numbers[i];
      if (other < 0 || other == row || exclude_.rejects(row, other)) continue;
      for (index k = 0; k < d_; k += 64 / static_cast<index>(sizeof(Scalar)))
        __builtin_prefetch(raw_.row(other) + k);
      q.pair[q.pairs++] = {i, other, squares[l]};
    }
  }

  /// Exact distances of the pairs collected so far, unless limits have tightened.
  void refine(leaf_query& q) {
    bool tighter = false;
    for (index p = 0; p < q.pairs; ++p) {
      const auto& [i, other, near] = q.pair[p];
      if (!(near < q.limit[i])) continue;
      const index row = q.numbers[i];
      q.work += static_cast<double>(d_) + 30;
      if (!best_.offer(row, other, squared_distance(raw_.row(row), raw_.row(other), d_))) continue;
      q.limit[i] = limit_of(row);
      tighter = true;
    }
    q.pairs = 0;
    if (tighter) q.widest = *std::max_element(q.limit, q.limit + leaf_rows);
  }

  /// What the computed squared distance along the axes stays below for every row that may be a
  /// neighbour: the true one is at most as large as that of whole rows.
  float limit_of(index row) const {
    const double distance = std::sqrt(largest_square(best_.worst(row), d_) * squared_scale_);
    const double longest = axes_.stretch * distance * (1 + 1e-9) + error_;
    const double rounding = 1 + 0x1p-22 * static_cast<double>(axes_.count + 8);
    return std::nextafter(static_cast<float>(longest * longest * rounding),
                          std::numeric_limits<float>::infinity());
  }

  index d_;
  const exclusion& exclude_;
  int threads_;
  double squared_scale_;
  best_candidates best_;
  leading_axes axes_;
  raw_rows<Scalar> raw_;
  std::unique_ptr<leaf_tree<Scalar>> tree_;
  double error_ = 0;
};

}  // namespace atlas::detail
