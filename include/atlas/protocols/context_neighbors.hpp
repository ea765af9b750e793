#pragma once
/// \file
/// How many nearest neighbours are of the same text, against chance.

#include <string>
#include <utility>
#include <vector>

#include "atlas/core/random.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/protocols/sample_measures.hpp"
#include "atlas/stats/permutation.hpp"

namespace atlas {

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
  surrogate_null null;        ///< of `share`, over permuted labels
};

namespace detail {

/// Nearest neighbour of every row of every head.
template <class = void>
std::vector<std::vector<index_t>> first_neighbors(const head_sample& sample, int threads,
                                                  const progress_callback& on_progress) {
  const index_t heads = sample.points.extent(0);
  std::vector<std::vector<index_t>> out(static_cast<std::size_t>(heads));
  progress_meter meter(on_progress, "heads", heads);
  const neighbor_options options{
      .k = 1, .threads = threads_inside(heads, threads), .on_progress = meter.within_a_step()};
  parallel_for(heads, threads, [&](index_t h) {
    const neighbor_table found = nearest_neighbors(sample.points[h], options);
    for (index_t i = 0; i < sample.points.extent(1); ++i)
      out[static_cast<std::size_t>(h)].push_back(found.indices(i, 0));
    meter.advance();
  });
  return out;
}

/// Share of rows whose neighbour has their label, row i having that of row `rows[i]`.
inline double same_label_share(const std::vector<index_t>& neighbors,
                               const tensor_view<const index_t, 1>& labels,
                               const std::vector<index_t>& rows) {
  double same = 0;
  for (std::size_t i = 0; i < neighbors.size(); ++i)
    same += labels[rows[i]] == labels[rows[static_cast<std::size_t>(neighbors[i])]] ? 1 : 0;
  return same / static_cast<double>(neighbors.size());
}

/// Of random pairs of different rows.
inline double same_label_chance(const std::vector<std::vector<index_t>>& rows_of_label, index_t n) {
  double pairs = 0;
  for (const auto& rows : rows_of_label)
    pairs += static_cast<double>(rows.size()) * static_cast<double>(rows.size() - 1);
  return pairs / (static_cast<double>(n) * static_cast<double>(n - 1));
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
template <class = void>
context_neighbors_result context_neighbors(const head_sample& sample,
                                           const context_neighbors_options& o = {}) {
  check_sample(sample);
  detail::check_draws(o.permutations, "permutations");
  detail::check_not_empty(sample.context, sample.label + ": context");
  const auto groups = detail::rows_of_groups(detail::number_labels(sample.context, "context"));
  if (groups.size() < 2)
    throw shape_error(sample.label + ": context", "at least 2 different ones", "1");
  const auto neighbors = detail::first_neighbors(sample, o.threads, o.on_progress);
  const index_t n = sample.points.extent(1);
  const auto heads = static_cast<double>(neighbors.size());
  const auto mean_share = [&](const std::vector<index_t>& rows) {
    double sum = 0;
    for (const auto& of_head : neighbors)
      sum += detail::same_label_share(of_head, sample.context, rows);
    return sum / heads;
  };
  std::vector<index_t> in_order;
  for (index_t i = 0; i < n; ++i) in_order.push_back(i);
  context_neighbors_result out;
  for (const auto& of_head : neighbors)
    out.heads.push_back(detail::same_label_share(of_head, sample.context, in_order));
  out.share = mean_share(in_order);
  out.chance = detail::same_label_chance(groups, n);
  const permutation_options shuffles{.permutations = o.permutations,
                                     .seed = o.seed,
                                     .threads = o.threads,
                                     .on_progress = o.on_progress};
  out.null = detail::null_of_draws(detail::over_shuffles(n, shuffles, mean_share), out.share);
  return out;
}

}  // namespace atlas
