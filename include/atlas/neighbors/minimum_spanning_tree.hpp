// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The exact Euclidean minimum spanning tree of a cloud, in memory in proportion to its rows.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/disjoint_sets.hpp"
#include "atlas/core/gather_rows.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/nearest_neighbors_among.hpp"

namespace atlas::inline ATLAS_ABI {

/// How `minimum_spanning_tree` searches.
struct spanning_tree_options {
  index_t k = 16;  ///< neighbours of each row that are looked up first; more than N - 1: all
  std::vector<double> periods = {};    ///< `[d]`, as of neighbor_options
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// Two rows that the tree joins.
struct tree_edge {
  index_t first = -1, second = -1;  ///< first < second
  double length = std::numeric_limits<double>::infinity();

  /// Shorter edges come first, of equally long ones those of lower rows: with that no two trees are
  /// equally short.
  friend bool operator<(const tree_edge& a, const tree_edge& b) {
    return std::tie(a.length, a.first, a.second) < std::tie(b.length, b.first, b.second);
  }
};

namespace detail {

/// Grows the tree of some rows of a cloud from parts, each of which is joined to the row nearest to
/// any of its own (Boruvka 1926): such an edge is in the minimum spanning tree. The largest part
/// waits for the others, so that no more than the fewer rows ever look for the nearest row outside.
template <class Scalar>
class tree_growth {
 public:
  /// \param points, table of all rows, with k neighbours of each; no exclusion
  /// \param rows   those of the tree, ascending
  /// All outlive it.
  tree_growth(const tensor_view<const Scalar, 2>& points, const neighbor_table& table,
              const std::vector<index_t>& rows, const spanning_tree_options& options)
      : points_(points),
        table_(table),
        rows_(rows),
        options_(options),
        number_(static_cast<std::size_t>(points.extent(0)), -1),
        next_(rows.size(), 0),
        outside_(rows.size()),
        sets_(static_cast<index_t>(rows.size())) {
    for (std::size_t i = 0; i < rows.size(); ++i) number_[at(rows[i])] = static_cast<index_t>(i);
  }

  /// Its edges, by rows of the cloud, in no particular but always the same order.
  std::vector<tree_edge> edges() {
    part_ = sets_.numbered();
    while (edges_.size() + 1 < rows_.size()) {
      find_shortest();
      look_outside();
      for (std::size_t p = 1; p < shortest_.size(); ++p) join(shortest_[p]);
      part_ = sets_.numbered();
    }
    return std::move(edges_);
  }

 private:
  static std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

  /// The edge from row i of the tree to one of the cloud.
  tree_edge edge_to(std::size_t i, index_t row, double length) const {
    const auto [low, high] = std::minmax(rows_[i], row);
    return {low, high, length};
  }

  void offer(std::size_t i, const tree_edge& edge) {
    tree_edge& best = shortest_[at(part_[i])];
    if (edge < best) best = edge;
  }

  bool is_outside(std::size_t i, index_t row) const {
    const index_t number = number_[at(row)];
    return number >= 0 && part_[at(number)] != part_[i];
  }

  /// The shortest known edges out of all parts but the largest.
  void find_shortest() {
    const index_t parts = *std::max_element(part_.begin(), part_.end()) + 1;
    shortest_.assign(at(parts), {});
    const index_t k = table_.indices.extent(1);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (part_[i] == 0) continue;
      index_t& next = next_[i];
      while (next < k && !is_outside(i, table_.indices(rows_[i], next))) ++next;
      if (next < k)
        offer(i, edge_to(i, table_.indices(rows_[i], next), table_.distances(rows_[i], next)));
      else if (outside_[i].first >= 0 && is_outside(i, outside_[i].first))
        offer(i, edge_to(i, outside_[i].first, outside_[i].second));
    }
  }

  /// Whether all that is known of row i lies in its own part, and a row outside may be nearer than
  /// the nearest known of the part.
  bool may_be_nearer(std::size_t i) const {
    const index_t k = table_.indices.extent(1);
    if (part_[i] == 0 || next_[i] < k || k + 1 >= points_.extent(0)) return false;
    const bool looked = outside_[i].first >= 0;
    if (looked && is_outside(i, outside_[i].first)) return false;
    const double least = looked ? outside_[i].second : table_.distances(rows_[i], k - 1);
    return least <= shortest_[at(part_[i])].length;
  }

  /// Searches among all rows for the nearest ones outside, for rows that need it.
  void look_outside() {
    std::vector<index_t> asking;
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (may_be_nearer(i)) asking.push_back(static_cast<index_t>(i));
    if (asking.empty()) return;
    const neighbor_table found = nearest_outside(asking);
    for (index_t q = 0; q < found.indices.extent(0); ++q) {
      const std::size_t i = at(asking[at(q)]);
      outside_[i] = {rows_[at(found.indices(q, 0))], found.distances(q, 0)};
      offer(i, edge_to(i, outside_[i].first, outside_[i].second));
    }
  }

  neighbor_table nearest_outside(const std::vector<index_t>& asking) {
    std::vector<index_t> asking_rows, asking_parts;
    for (const index_t i : asking) {
      asking_rows.push_back(rows_[at(i)]);
      asking_parts.push_back(part_[at(i)]);
    }
    const bool all = static_cast<index_t>(rows_.size()) == points_.extent(0);
    if (!all && gathered_.empty()) gathered_ = gather_rows(points_, rows_);
    const owned_tensor<Scalar, 2> queries = gather_rows(points_, asking_rows);
    return nearest_neighbors_among<Scalar>(
        tensor_view<const Scalar, 2>(queries),
        all ? points_ : tensor_view<const Scalar, 2>(gathered_),
        {.k = 1,
         .exclude = {same_context(asking_parts), same_context(part_)},
         .periods = options_.periods,
         .threads = options_.threads,
         .on_progress = options_.on_progress});
  }

  void join(const tree_edge& edge) {
    const index_t a = number_[at(edge.first)], b = number_[at(edge.second)];
    if (sets_.together(a, b)) return;
    sets_.join(a, b);
    edges_.push_back(edge);
  }

  const tensor_view<const Scalar, 2>& points_;
  const neighbor_table& table_;
  const std::vector<index_t>& rows_;
  const spanning_tree_options& options_;
  std::vector<index_t> number_;  // of a row of the cloud in the tree, or -1
  std::vector<index_t> next_;    // place in the table of the first neighbour outside
  /// Row of the cloud, and distance, of the nearest row outside when it was last searched for.
  struct row_outside {
    index_t first = -1;
    double second = 0;
  };
  std::vector<row_outside> outside_;
  std::vector<index_t> part_;
  std::vector<tree_edge> shortest_;  // out of each part
  disjoint_sets sets_;
  owned_tensor<Scalar, 2> gathered_;
  std::vector<tree_edge> edges_;
};

template <class Scalar>
std::vector<tree_edge> minimum_spanning_tree(const tensor_view<const Scalar, 2>& points,
                                             const spanning_tree_options& options) {
  check_not_empty(points, "points");
  if (points.extent(0) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  check_between(options.k, 1, index_t{1} << 40, "k");
  const neighbor_table table =
      nearest_neighbors<Scalar>(points, {.k = (std::min)(options.k, points.extent(0) - 1),
                                         .periods = options.periods,
                                         .threads = options.threads,
                                         .on_progress = options.on_progress});
  std::vector<index_t> rows(static_cast<std::size_t>(points.extent(0)));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<index_t>(i);
  std::vector<tree_edge> edges = tree_growth<Scalar>(points, table, rows, options).edges();
  std::sort(edges.begin(), edges.end());
  return edges;
}

}  // namespace detail

/// The minimum spanning tree of the rows of a cloud: of all ways to join them the one with the
/// least sum of Euclidean lengths, and thereby of any increasing function of lengths. Exact: of the
/// complete graph, not of that of nearest neighbours.
///
/// \param points `[N, d]`, N >= 2
/// \return `[N - 1]` edges by increasing length, equal ones by row numbers; lengths as of
///         `nearest_neighbors`, so that rows that coincide are joined at length 0. The same bits
///         for every thread count, storage order and k
/// \throws shape_error for fewer than 2 rows or periods of another length; value_error for NaN,
///         infinities, k below 1, or as `nearest_neighbors` for periods; cancelled
///
/// Time of the search for k neighbours, and where parts of the cloud are not joined by these, of
/// the smaller parts' search among all rows, at most log2(N) times: O(N^2 d log N) at the worst and
/// about one search as a rule. O(N k) memory beyond the points. Boruvka (1926), with the largest
/// part left waiting.
/// \code
/// double length = 0;
/// for (const auto& edge : atlas::minimum_spanning_tree(points)) length += edge.length;
/// \endcode
template <real_tensor<2> Points>
[[nodiscard]] std::vector<tree_edge> minimum_spanning_tree(
    const Points& points, const spanning_tree_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::minimum_spanning_tree<scalar_of<Points, 2>>(held, options);
}

}  // namespace atlas::inline ATLAS_ABI
