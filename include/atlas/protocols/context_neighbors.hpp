// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How many nearest neighbours are of the same text, against chance.

#include <numeric>
#include <string>
#include <vector>

#include "atlas/core/compiled.hpp"
#include "atlas/core/random.hpp"
#include "atlas/neighbors/label_share.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/stats/drawn_null.hpp"
#include "atlas/stats/permutation.hpp"

namespace atlas::inline ATLAS_ABI {

struct context_neighbors_options {
  index_t permutations = 999;  ///< of the labels, at least `least_draws`
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct context_neighbors_result {
  double share = 0;           ///< of rows whose nearest neighbour has their context, all heads
  std::vector<double> heads;  ///< the same of each head
  double chance = 0;          ///< what it is on average where labels mean nothing
  drawn_null null;            ///< of `share`, over permuted labels
};

namespace detail {

/// Nearest neighbour of every row of every head.
template <class Scalar = float>
std::vector<neighbor_table> first_neighbors(const basic_head_sample<Scalar>& sample, int threads,
                                            const progress_callback& on_progress) {
  const index_t heads = sample.points.extent(0);
  std::vector<neighbor_table> out(static_cast<std::size_t>(heads));
  progress_meter meter(on_progress, "heads", heads);
  const neighbor_options options{
      .k = 1, .threads = threads_inside(heads, threads), .on_progress = meter.within_a_step()};
  parallel_for(heads, threads, [&](index_t h) {
    out[static_cast<std::size_t>(h)] = nearest_neighbors(sample.points[h], options);
    meter.advance();
  });
  return out;
}

}  // namespace detail

/// Share of rows whose nearest neighbour is of the same context, mean over heads, with the null of
/// permuted labels: contexts of the same sizes that have nothing to do with the rows. One
/// permutation holds for all heads, whose rows are of the same places.
///
/// \throws as `check_sample`; shape_error without contexts or with a single one;
///         value_error for fewer than `least_draws` permutations
///
/// O(H (N^2 d + permutations N)) time.
template <class Scalar = float>
[[nodiscard]] context_neighbors_result context_neighbors(const basic_head_sample<Scalar>& sample,
                                                         const context_neighbors_options& o = {}) {
  check_sample(sample);
  detail::check_draws(o.permutations, "permutations");
  check_not_empty(sample.context, sample.label + ": context");
  const auto groups = detail::number_labels(sample.context, "context");
  if (groups.groups < 2)
    throw shape_error(sample.label + ": context", "at least 2 different ones", "1");
  const auto neighbors = detail::first_neighbors(sample, o.threads, o.on_progress);
  const index_t n = sample.points.extent(1);
  const auto mean_share = [&](const std::vector<index_t>& rows) {  // row i has the label of rows[i]
    const auto label_of = [&](index_t i) {
      return groups.group[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])];
    };
    double sum = 0;
    for (const neighbor_table& of_head : neighbors)
      sum += detail::share_of_labels(of_head, label_of).share;
    return sum / static_cast<double>(neighbors.size());
  };
  context_neighbors_result out;
  for (const neighbor_table& of_head : neighbors)
    out.heads.push_back(label_share(of_head, sample.context).share);
  std::vector<index_t> in_order(static_cast<std::size_t>(n));
  std::iota(in_order.begin(), in_order.end(), 0);
  out.share = mean_share(in_order);
  out.chance = detail::chance_of_labels(groups);
  const permutation_options shuffles{.permutations = o.permutations,
                                     .seed = o.seed,
                                     .threads = o.threads,
                                     .on_progress = o.on_progress};
  out.null = compare_with_draws(out.share, permutation_draws(n, shuffles, mean_share));
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_PROTOCOLS context_neighbors_result
context_neighbors<float>(const basic_head_sample<float>&, const context_neighbors_options&);
ATLAS_OF_PROTOCOLS context_neighbors_result
context_neighbors<double>(const basic_head_sample<double>&, const context_neighbors_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
