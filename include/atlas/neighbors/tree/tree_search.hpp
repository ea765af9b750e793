// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The search in a tree of boxes: for clouds that vary along few directions, where a few
/// coordinates rule out nearly all pairs and boxes of rows nearly all leaves.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "atlas/core/vector_functions.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/neighbor_options.hpp"
#include "atlas/neighbors/rounding/raw_rows.hpp"
#include "atlas/neighbors/search_costs.hpp"
#include "atlas/neighbors/search_driver.hpp"
#include "atlas/neighbors/tree/leaf_kernels.hpp"
#include "atlas/neighbors/tree/leaf_tree.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// First limits come from the nearest rows of the leaf's node where k is at most this.
inline constexpr index_t most_seeds = 8;

template <class Scalar>
class tree_search {
 public:
  /// \param points, options must live as long as the search
  tree_search(const tensor_view<const Scalar, 2>& points, const centring& c,
              const neighbor_options& options, leading_axes axes)
      : d_(points.extent(1)),
        exclude_(options.exclude),
        squared_scale_(c.squared_scale),
        k_(options.k),
        best_(points.extent(0), k_, distinct_labels(exclude_)),
        axes_(std::move(axes)) {
    raw_.load(points, 0, points.extent(0));
    tree_ = std::make_unique<leaf_tree<Scalar>>(
        points.extent(0), [&](index_t i) { return raw_.row(i); }, c, axes_, options.threads);
    error_ = projection_error(d_, axes_.count);
  }

  tree_search(const tree_search&) = delete;
  tree_search& operator=(const tree_search&) = delete;

  // Of the driver (search_driver.hpp). A task is a leaf.
  using workspace = leaf_query;
  static constexpr index_t tasks_per_step = 4;
  static constexpr index_t rows_per_task = leaf_rows;
  index_t tasks() const { return tree_->leaves(); }
  std::vector<index_t> sampled_tasks() const { return spread_tasks(tasks(), costs::sampled_tasks); }
  neighbor_table table() { return best_.table(); }

  double search(index_t leaf, workspace& q, double budget) {
    q.leaf = leaf;
    q.count = 0;
    q.cycles = 0;
    q.budget = budget;
    q.coordinates = tree_->leaf(leaf);
    q.numbers = tree_->leaf_row_numbers(leaf);
    const box_row& boxes = tree_->boxes(0, leaf / fan_out);
    for (index_t a = 0; a < tree_->axes(); ++a) {
      q.low[a] = boxes.low[a][leaf % fan_out];
      q.high[a] = boxes.high[a][leaf % fan_out];
    }
    for (index_t i = 0; i < leaf_rows; ++i) {
      if (q.numbers[i] >= 0) best_.clear(q.numbers[i]);
      q.limit[i] = q.numbers[i] >= 0 ? std::numeric_limits<float>::infinity() : -1.0F;
    }
    if (k_ <= most_seeds) seed(q);
    q.widest = *std::max_element(q.limit, q.limit + leaf_rows);
    compare_leaf(q, leaf, 0);
    visit(q, 0, leaf / fan_out);
    visit(q, tree_->levels() - 1, 0);
    return q.cycles;
  }

 private:
  using kernels = leaf_kernels;
  using simd = kernels::simd;
  using vector = kernels::vector;
  static constexpr int row_vectors = kernels::row_vectors;
  static constexpr int rows_at_once = kernels::rows_at_once;
  static constexpr int box_vectors = static_cast<int>(fan_out) / simd::lanes;

  /// For each row of the query the k nearest rows of its node along the axes.
  struct seeds {
    float squared[leaf_rows][most_seeds];
    index_t other[leaf_rows][most_seeds];
  };

  /// First limits: the largest exact distance of the k rows of the leaf's node that are nearest
  /// along the axes, of different contexts where neighbours are of distinct ones. The k-th
  /// neighbour is at most as far as the farthest of any k rows that may be neighbours.
  void seed(leaf_query& q) const {
    seeds found;
    for (index_t i = 0; i < leaf_rows; ++i) {
      std::fill_n(found.squared[i], most_seeds, std::numeric_limits<float>::infinity());
      std::fill_n(found.other[i], most_seeds, index_t{-1});
    }
    const index_t first = q.leaf / fan_out * fan_out;
    for (index_t leaf = first; leaf < (std::min)(first + fan_out, tree_->leaves()); ++leaf)
      for (index_t i = 0; i < leaf_rows && q.numbers[i] >= 0; ++i) seed_row(q, i, leaf, found);
    for (index_t i = 0; i < leaf_rows && q.numbers[i] >= 0; ++i) {
      if (found.other[i][k_ - 1] < 0) continue;
      double most = 0;
      for (index_t s = 0; s < k_; ++s)
        most = (std::max)(
            most, squared_distance(raw_.row(q.numbers[i]), raw_.row(found.other[i][s]), d_));
      q.limit[i] = limit_of(most);
    }
    q.cycles += static_cast<double>(leaf_rows) *
                (static_cast<double>(k_) * costs::tree_distance(d_) +
                 costs::leaf_squares(fan_out * tree_->axes() * row_vectors));
  }

  void seed_row(const leaf_query& q, index_t i, index_t leaf, seeds& found) const {
    vector squares[1][row_vectors] = {};
    kernels::add_squares<1>(q.coordinates, &i, tree_->leaf(leaf), 0, tree_->axes(), squares);
    const index_t row = q.numbers[i];
    const index_t* others = tree_->leaf_row_numbers(leaf);
    for (int v = 0; v < row_vectors; ++v) {
      unsigned lanes = simd::positive(found.squared[i][k_ - 1] - squares[0][v]);
      for (; lanes != 0; lanes &= lanes - 1) {
        const int l = std::countr_zero(lanes);
        const index_t other = others[v * simd::lanes + l];
        if (other < 0 || other == row || exclude_.rejects(row, other)) continue;
        keep_best(found.squared[i], found.other[i], k_, distinct_labels(exclude_), squares[0][v][l],
                  other);
      }
    }
  }

  /// Compares the query with the children of a node, by increasing distance of their boxes, up to
  /// the largest limit of its rows.
  void visit(leaf_query& q, index_t level, index_t node) {
    alignas(vector_bytes) float bounds[fan_out];
    bound_boxes(q, tree_->boxes(level, node), bounds);
    index_t order[fan_out];
    index_t count = 0;
    const index_t last = (std::min)(fan_out, tree_->children(level) - node * fan_out);
    for (index_t child = 0; child < last; ++child) {
      if (!(bounds[child] < q.widest)) continue;
      index_t place = count++;
      for (; place > 0 && bounds[child] < bounds[order[place - 1]]; --place)
        order[place] = order[place - 1];
      order[place] = child;
    }
    for (index_t i = 0; i < count && bounds[order[i]] < q.widest && q.cycles < q.budget; ++i) {
      const index_t child = node * fan_out + order[i];
      if (level > 0)
        visit_inner(q, level - 1, child);
      else if (child != q.leaf)
        compare_leaf(q, child, bounds[order[i]]);
    }
  }

  /// All but the lowest node of the query's leaf, which was compared before all others.
  void visit_inner(leaf_query& q, index_t level, index_t node) {
    if (level > 0 || node != q.leaf / fan_out) visit(q, level, node);
  }

  /// Squared distances of the query's box from the 16 boxes of a node.
  void bound_boxes(leaf_query& q, const box_row& boxes, float* bounds) const {
    for (int v = 0; v < box_vectors; ++v) {
      vector sum{};
      for (index_t a = 0; a < tree_->axes(); ++a) {
        const vector below = simd::load(boxes.low[a] + v * simd::lanes) - q.high[a];
        const vector above = q.low[a] - simd::load(boxes.high[a] + v * simd::lanes);
        const vector gap = simd::larger(simd::larger(below, above), vector{});
        sum += gap * gap;
      }
      simd::store(bounds + v * simd::lanes, sum);
    }
    q.cycles += costs::box_bounds(tree_->axes() * box_vectors);
  }

  /// A bit for each row of the query whose limit reaches the box of a leaf.
  /// \param bound squared distance of the query's box from that of the leaf
  std::uint64_t rows_reaching(leaf_query& q, index_t leaf, float bound) const {
    constexpr int few = 4;
    vector sums[row_vectors];
    for (vector& s : sums) s = simd::all(bound);
    std::uint64_t rows = kernels::rows_above(q, sums);
    if (std::popcount(rows) <= few) return rows;
    for (vector& s : sums) s = vector{};
    const index_t count = tree_->axes(), half = (count + 1) / 2;
    kernels::add_gaps(q, tree_->boxes(0, leaf / fan_out), leaf % fan_out, 0, half, sums);
    q.cycles += costs::leaf_call + costs::box_gaps(half * row_vectors);
    rows = kernels::rows_above(q, sums);
    if (std::popcount(rows) <= few) return rows;
    kernels::add_gaps(q, tree_->boxes(0, leaf / fan_out), leaf % fan_out, half, count, sums);
    q.cycles += costs::box_gaps((count - half) * row_vectors);
    return kernels::rows_above(q, sums);
  }

  void compare_leaf(leaf_query& q, index_t leaf, float bound) {
    index_t rows[leaf_rows + rows_at_once];
    int count = 0;
    for (std::uint64_t bits = rows_reaching(q, leaf, bound); bits != 0; bits &= bits - 1)
      rows[count++] = std::countr_zero(bits);
    int next = 0;
    for (; next + rows_at_once <= count; next += rows_at_once)
      compare_rows<rows_at_once>(q, rows + next, leaf);
    for (; next < count; ++next) compare_rows<1>(q, rows + next, leaf);
    refine(q);
  }

  /// Compares `Count` rows of the query with a leaf, along half of the axes first, which rule out
  /// most leaves, and along the others where a row of the leaf is left.
  template <int Count>
  void compare_rows(leaf_query& q, const index_t* rows, index_t leaf) {
    vector squares[Count][row_vectors] = {};
    const index_t count = tree_->axes(), half = (count + 1) / 2;
    kernels::add_squares<Count>(q.coordinates, rows, tree_->leaf(leaf), 0, half, squares);
    q.cycles += Count * (costs::leaf_call + costs::leaf_squares(half * row_vectors));
    bool any = false;
    for (int r = 0; r < Count; ++r) any |= kernels::any_below(q.limit[rows[r]], squares[r]);
    if (!any) return;
    kernels::add_squares<Count>(q.coordinates, rows, tree_->leaf(leaf), half, count, squares);
    q.cycles += Count * costs::leaf_squares((count - half) * row_vectors);
    for (int r = 0; r < Count; ++r)
      for (int v = 0; v < row_vectors; ++v)
        if (const unsigned lanes = simd::positive(q.limit[rows[r]] - squares[r][v]))
          collect(q, rows[r], squares[r][v], lanes,
                  tree_->leaf_row_numbers(leaf) + v * simd::lanes);
    if (q.count > leaf_rows) refine(q);
  }

  /// Adds candidates of one row of the query, and reads ahead the rows that `refine` needs.
  /// \param lanes a bit for each of `others`
  void collect(leaf_query& q, index_t i, vector squares, unsigned lanes,
               const index_t* others) const {
    for (; lanes != 0; lanes &= lanes - 1) {
      const int l = std::countr_zero(lanes);
      const index_t other = others[l], row = q.numbers[i];
      if (other < 0 || other == row || exclude_.rejects(row, other)) continue;
      for (index_t k = 0; k < d_; k += 64 / static_cast<index_t>(sizeof(Scalar)))
        prefetch_line(raw_.row(other) + k);
      q.candidates[q.count++] = {i, other, squares[l]};
    }
  }

  /// Gives the candidates so far their exact distances, but for those that a limit which has
  /// tightened since rules out.
  void refine(leaf_query& q) {
    bool tighter = false;
    for (index_t p = 0; p < q.count; ++p) {
      const auto& [i, other, squared] = q.candidates[p];
      if (!(squared < q.limit[i])) continue;
      const index_t row = q.numbers[i];
      q.cycles += costs::tree_distance(d_);
      if (!best_.offer(row, other, squared_distance(raw_.row(row), raw_.row(other), d_))) continue;
      q.limit[i] = (std::min)(q.limit[i], limit_of(best_.worst(row)));
      tighter = true;
    }
    q.count = 0;
    if (tighter) q.widest = *std::max_element(q.limit, q.limit + leaf_rows);
  }

  /// A bound above the computed squared distance along the axes of every pair whose computed
  /// squared distance is at most `square`. A projection shortens distances, but for `stretch` and
  /// rounding.
  float limit_of(double square) const {
    const double distance = std::sqrt(largest_square(square, d_) * squared_scale_);
    const double longest = axes_.stretch * distance * (1 + 1e-9) + error_;
    const double rounding = 1 + 0x1p-22 * static_cast<double>(axes_.count + 8);
    return std::nextafter(static_cast<float>(longest * longest * rounding),
                          std::numeric_limits<float>::infinity());
  }

  index_t d_;
  const exclusion& exclude_;
  double squared_scale_;
  index_t k_;
  best_candidates best_;
  leading_axes axes_;
  raw_rows<Scalar> raw_;
  std::unique_ptr<leaf_tree<Scalar>> tree_;
  double error_ = 0;
};

}  // namespace atlas::inline ATLAS_ABI::detail
