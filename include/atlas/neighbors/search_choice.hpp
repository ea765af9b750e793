// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which search a cloud gets: all of them find the same.

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/core/vector_functions.hpp"
#include "atlas/neighbors/cells/cell_search.hpp"
#include "atlas/neighbors/exhaustive/block_search.hpp"
#include "atlas/neighbors/neighbor_options.hpp"
#include "atlas/neighbors/rounding/shortlist.hpp"
#include "atlas/neighbors/search_costs.hpp"
#include "atlas/neighbors/search_driver.hpp"
#include "atlas/neighbors/tree/leading_axes.hpp"
#include "atlas/neighbors/tree/tree_search.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// The search in a tree where the cloud varies along few axes, that in cells where it is curved
/// through many, if a sample of rows says that they may pay and the cycles of a sample of their
/// tasks that they do; the exhaustive one otherwise. Thresholds are in search_costs.hpp.
template <class Scalar>
class search_choice {
 public:
  using tree = tree_search<Scalar>;
  using cells =
      cell_search<Scalar,
                  std::conditional_t<fast_bytes, byte_shortlist<Scalar>, float_shortlist<Scalar>>>;

  /// All three must live until `run` is done.
  search_choice(const tensor_view<const Scalar, 2>& points, const centring& c,
                const neighbor_options& options)
      : points_(points), centring_(c), options_(options) {
    const index_t n = points.extent(0), d = points.extent(1);
    if (n < costs::least_tree_rows || c.reach > 1) return;
    const std::vector<double> sample = sample_rows(points, c);
    leading_axes axes = find_leading_axes(sample, d);
    if (share_within_reach(sample, d, axes) > costs::most_within_reach) return;
    const double exhaustive = costs::exhaustive_row<Scalar>(n, d);
    double least = exhaustive;
    if (axes.count < most_axes) least = try_tree(std::move(axes), exhaustive);
    if (n >= costs::least_cell_rows && n <= cells::most_rows &&
        least > exhaustive * costs::cheap_tree)
      try_cells(least);
  }

  bool in_a_tree() const { return tree_ != nullptr; }
  bool in_cells() const { return cells_ != nullptr; }

  neighbor_table run() {
    if (cells_) return run(*cells_);
    if (tree_) return run(*tree_);
    block_search<Scalar> all(points_, centring_, options_);
    return run(all);
  }

 private:
  template <search_engine Engine>
  neighbor_table run(Engine& engine) const {
    return run_search(engine, options_.threads, options_.on_progress);
  }

  /// \param most cycles a row that the exhaustive search takes
  /// \return the cycles a row that the best search so far takes
  double try_tree(leading_axes axes, double most) {
    tree_ = std::make_unique<tree>(points_, centring_, options_, std::move(axes));
    const double cycles = sampled_cycles(*tree_, most, options_.threads);
    if (cycles < most) return cycles;
    tree_.reset();
    return most;
  }

  /// \param most cycles a row that the best search so far takes
  void try_cells(double most) {
    if (!cells::fits(centring_, points_.extent(1))) return;
    cells_ = std::make_unique<cells>(points_, centring_, options_);
    if (sampled_cycles(*cells_, most, options_.threads) < most)
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
