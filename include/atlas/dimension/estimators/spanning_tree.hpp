// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension of persistent homology of degree 0: how the length of minimum spanning trees grows
/// with the number of rows. Schweinhart, "Fractal dimension and the persistent homology of random
/// geometric complexes", Adv. Math. 372, 107291 (2020); Adams, Aminian, Farnell, Kirby, Mirth,
/// Neville, Peterson, Shonkwiler, "A fractal dimension for measures via persistent homology", Abel
/// Symp. 15 (2020).

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/length_growth.hpp"
#include "atlas/neighbors/minimum_spanning_tree.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// `E_alpha(n)`, the sum of `length^alpha` over the edges of the minimum spanning tree of n rows,
/// grows as `n^(1 - alpha/d)` (Steele, Ann. Probab. 16, 1767, 1988), so that `d = alpha / (1 - b)`
/// with b the slope of `ln E_alpha` on ln n (Adams and others 2020, section 4). The lengths are
/// the times at which components of the cloud die in its Vietoris-Rips filtration.
///
/// The numbers of rows go from half of the cloud to all of it, in equal steps of ln n. Of each
/// number but the last several parts are drawn at random, without replacement, with `options.seed`:
/// in pairs that have as few rows in common as can be, whose lengths err in opposite ways. By
/// default there are two numbers of rows, since those between the ends hardly move a slope. All
/// trees are exact, and share one search for neighbours.
///
/// A row's own edges are not what it adds to the length (without it others would be longer), so
/// that the error is of halves of the rows. The noise of draws is part of it.
///
/// Time of that search and O(N k) for each of `(sizes - 1) draws + 1` trees, with a search of the
/// rows that no neighbour in the part leads out of; memory O(N k) a thread, not N^2 as where trees
/// are made from all distances.
struct spanning_tree {
  double alpha = 1;    ///< power of lengths, positive; below the dimension
  index_t sizes = 2;   ///< numbers of rows, from half of them to all; at least 2
  index_t draws = 16;  ///< parts of each number

  static constexpr std::string_view name = "spanning_tree";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return 16; }
  /// Of rows of any density, without an edge and without curvature.
  [[nodiscard]] interval_claim claim() const { return interval_claim::dimension; }
  void check_parameters() const {
    check_positive(alpha, "alpha");
    check_between(sizes, 2, 1 << 16, "sizes");
    check_between(draws, 1, 1 << 20, "draws");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("alpha", self.alpha);
    visit("sizes", self.sizes);
    visit("draws", self.draws);
  }
};

}  // namespace estimators

namespace detail {

/// A part of the rows whose tree is grown.
struct tree_part {
  index_t size = 0;
  double weight = 0;  ///< of the logarithm of its length in the slope
};

/// The parts of an estimate, all rows last.
template <class = lazy>
std::vector<tree_part> tree_parts(const estimators::spanning_tree& e, index_t rows) {
  const std::vector<index_t> sizes = growing_sizes(rows, e.sizes);
  const Eigen::VectorXd weights = slope_weights(sizes);
  std::vector<tree_part> out;
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    const double weight = weights[static_cast<index_t>(s)];
    const index_t draws = sizes[s] == rows ? 1 : e.draws;  // there is one part of all rows
    for (index_t t = 0; t < draws; ++t)
      out.push_back({sizes[s], weight / static_cast<double>(draws)});
  }
  return out;
}

/// The sum of `length^alpha` over the edges of the tree of some rows of the cloud, lengths being
/// divided by the same power of two in all trees of it.
/// \param rows ascending
template <class Scalar>
double length_of_tree(const estimators::spanning_tree& e, const estimator_cloud<Scalar>& cloud,
                      const std::vector<index_t>& rows, int threads) {
  const spanning_tree_options options{.periods = cloud.options.periods, .threads = threads};
  const int exponent = exponent_of_distances(cloud.table);
  double total = 0;
  for (const tree_edge& edge :
       tree_growth<Scalar>(cloud.points, cloud.table, rows, options).edges())
    total += std::pow(std::ldexp(edge.length, -exponent), e.alpha);
  return total;
}

/// Rows of the pool for the part of this number: of an even one the first of a random order, of the
/// odd one that follows the last of the same.
template <class = lazy>
std::vector<index_t> rows_of_part(const std::vector<index_t>& pool, index_t size, index_t part,
                                  std::uint64_t seed) {
  random_stream random(seed, static_cast<std::uint64_t>(part / 2));
  std::vector<index_t> rows = random_permutation(static_cast<index_t>(pool.size()), random);
  if (part % 2 == 1) std::reverse(rows.begin(), rows.end());
  rows.resize(static_cast<std::size_t>(size));
  std::sort(rows.begin(), rows.end());
  for (index_t& row : rows) row = pool[static_cast<std::size_t>(row)];
  return rows;
}

/// A tree joins all rows there are.
inline void refuse_excluded_pairs(const exclusion& exclude, std::string_view why) {
  if (exclude.active())
    throw value_error(
        "exclude", "no exclusion: " + std::string(why) + "; labels for the error go to `context`",
        "one");
}

/// The length of the tree of every part.
template <class Scalar>
std::vector<double> lengths_of_trees(const estimators::spanning_tree& e,
                                     const estimator_cloud<Scalar>& cloud,
                                     const std::vector<index_t>& pool,
                                     const std::vector<tree_part>& parts) {
  std::vector<double> out(parts.size());
  const auto count = static_cast<index_t>(parts.size());
  progress_meter meter(cloud.options.on_progress, "trees", count);
  const int inside = threads_inside(count, cloud.options.threads);
  parallel_for(count, cloud.options.threads, [&](index_t t) {
    const index_t size = parts[static_cast<std::size_t>(t)].size;
    const auto rows = rows_of_part(pool, size, t, cloud.options.seed);
    out[static_cast<std::size_t>(t)] = length_of_tree(e, cloud, rows, inside);
    meter.advance();
  });
  return out;
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::spanning_tree& e,
                           const estimator_cloud<Scalar>& cloud) {
  refuse_excluded_pairs(cloud.options.exclude, "a spanning tree joins all rows");
  raw_estimate out;
  for (index_t i = 0; i < cloud.rows(); ++i)
    if (has_neighbors(cloud.table, i, 1, out)) out.rows.push_back(i);
  if (out.rows.size() < 3) return out;
  const auto parts = tree_parts(e, static_cast<index_t>(out.rows.size()));
  const std::vector<double> lengths = lengths_of_trees(e, cloud, out.rows, parts);
  double slope = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) slope += parts[p].weight * std::log(lengths[p]);
  out.why = why_no_growth(1 - slope);
  if (slope < 1) out.dimension = e.alpha / (1 - slope);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::spanning_tree&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::spanning_tree&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
