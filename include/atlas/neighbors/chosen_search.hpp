// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which search a cloud gets: all of them find the same.

#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/progress.hpp"
#include "atlas/neighbors/best_candidates.hpp"
#include "atlas/neighbors/cells/cell_search.hpp"
#include "atlas/neighbors/exclusion.hpp"
#include "atlas/neighbors/exhaustive/block_search.hpp"
#include "atlas/neighbors/neighbor_options.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"
#include "atlas/neighbors/tree/leading_axes.hpp"
#include "atlas/neighbors/tree/tree_search.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Cycles that a row takes in the exhaustive search, about, as measured: each pair is met once, in
/// bytes, whatever the scalar, where they are fast.
template <class Scalar>
double exhaustive_cycles(index_t n, index_t d) {
  using shortlist = std::conditional_t<fast_bytes, byte_shortlist<Scalar>, float_shortlist<Scalar>>;
  return 0.5 * static_cast<double>(n) * shortlist::pair_cycles(d);
}

/// The search in a tree where the cloud varies along few axes, that in cells where it is curved
/// through many, if a sample says that they may pay and the count of a few of their leaves or
/// blocks that they do; the exhaustive one otherwise.
template <class Scalar>
class chosen_search {
 public:
  using tree = tree_search<Scalar>;
  using cells =
      cell_search<Scalar,
                  std::conditional_t<fast_bytes, byte_shortlist<Scalar>, float_shortlist<Scalar>>>;

  chosen_search(const tensor_view<const Scalar, 2>& points, const centring& c,
                const neighbor_options& options)
      : points_(points), centring_(c), options_(options) {
    constexpr double most_within_reach = 0.25;
    const index_t n = points.extent(0), d = points.extent(1);
    if (n < tree_rows || c.reach > 1) return;
    const std::vector<double> sample = sample_rows(points, c);
    leading_axes axes = find_leading_axes(sample, d);
    if (share_within_reach(sample, d, axes) > most_within_reach) return;
    const double most = exhaustive_cycles<Scalar>(n, d);
    double least = most;
    if (axes.count < most_axes) least = try_tree(std::move(axes), most);
    if (n >= cell_rows && n <= most_cell_rows && least > most / 8) try_cells(least);
  }

  bool in_a_tree() const { return tree_ != nullptr; }
  bool in_cells() const { return cells_ != nullptr; }

  neighbor_table run() {
    if (cells_) return cells_->run(options_.on_progress);
    if (tree_) return tree_->run(options_.on_progress);
    return block_search<Scalar>(points_, centring_, options_.k, options_.exclude, options_.threads)
        .run(options_.on_progress);
  }

 private:
  // From so many rows on it may pay to build them.
  static constexpr index_t tree_rows = 4096;
  static constexpr index_t cell_rows = 16384;
  static constexpr index_t most_cell_rows = index_t{1}
                                            << 28;  // numbers of cells are floats in places

  double try_tree(leading_axes axes, double most) {
    tree_ = std::make_unique<tree>(points_, centring_, std::move(axes), options_.k,
                                   options_.exclude, options_.threads);
    const double cycles = tree_->measure(most);
    if (cycles < most) return cycles;
    tree_.reset();
    return most;
  }

  void try_cells(double most) {
    if (!cells::fits(centring_, points_.extent(1))) return;
    cells_ =
        std::make_unique<cells>(points_, centring_, options_.k, options_.exclude, options_.threads);
    if (cells_->measure(most) < most)
      tree_.reset();
    else
      cells_.reset();
  }

  tensor_view<const Scalar, 2> points_;
  const centring& centring_;
  const neighbor_options& options_;
  std::unique_ptr<tree> tree_;
  std::unique_ptr<cells> cells_;
};

}  // namespace atlas::inline ATLAS_ABI::detail
