#pragma once
/// \file
/// Percentile bootstrap of a mean over pairs of heads.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/stats/bootstrap.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/overlap.hpp"

namespace atlas::detail {

/// Which pairs of heads an average is over. Heads h with the same h / group_size share a key/value
/// head.
enum class pair_group { global, intra, inter };

inline bool in_group(pair_group group, index_t first, index_t second, index_t group_size) {
  if (group == pair_group::global) return true;
  return (first / group_size == second / group_size) == (group == pair_group::intra);
}

/// Heads with overlaps: not NaN with themselves.
template <class = void>
std::vector<index_t> heads_with_overlaps(const Eigen::MatrixXd& matrix) {
  std::vector<index_t> heads;
  for (index_t h = 0; h < matrix.rows(); ++h)
    if (!std::isnan(matrix(h, h))) heads.push_back(h);
  return heads;
}

/// Pairs of the group that have an overlap.
template <class = void>
std::vector<head_pair> pairs_of(pair_group group, const Eigen::MatrixXd& matrix,
                                index_t group_size) {
  std::vector<head_pair> chosen;
  for (const head_pair pair : head_pairs(matrix.rows()))
    if (in_group(group, pair.first, pair.second, group_size) &&
        !std::isnan(matrix(pair.first, pair.second)))
      chosen.push_back(pair);
  return chosen;
}

template <class = void>
double mean_over(const Eigen::MatrixXd& matrix, const std::vector<head_pair>& pairs) {
  double sum = 0;
  for (const auto& [i, j] : pairs) sum += matrix(i, j);
  return pairs.empty() ? std::numeric_limits<double>::quiet_NaN()
                       : sum / static_cast<double>(pairs.size());
}

constexpr interval no_interval = {std::numeric_limits<double>::quiet_NaN(),
                                  std::numeric_limits<double>::quiet_NaN()};

/// Percentile interval of the replicates that are defined; NaN where none is.
inline interval defined_interval(std::vector<double> replicates, double confidence) {
  drop_undefined(replicates);
  return percentile_interval(std::move(replicates), confidence);
}

/// Pairs drawn with replacement: too narrow, since pairs share heads. NaN for fewer than 2 pairs.
template <class = void>
interval bootstrap_over_pairs(const Eigen::MatrixXd& matrix, const std::vector<head_pair>& pairs,
                              const bootstrap_options& options, std::uint64_t stream) {
  if (pairs.size() < 2) return no_interval;
  const auto mean = [&](std::span<const index_t> drawn) {
    double sum = 0;
    for (const index_t p : drawn) {
      const auto [i, j] = pairs[static_cast<std::size_t>(p)];
      sum += matrix(i, j);
    }
    return sum / static_cast<double>(drawn.size());
  };
  const auto count = static_cast<index_t>(pairs.size());
  return defined_interval(bootstrap_replicates(count, options, stream << 32, mean),
                          options.confidence);
}

/// Heads drawn with replacement; a pair that meets itself is left out, and so is a resample without
/// any pair. NaN for fewer than 3 heads, or where only one pair exists.
template <class = void>
interval bootstrap_over_heads(const Eigen::MatrixXd& matrix, pair_group group, index_t group_size,
                              const bootstrap_options& options, std::uint64_t stream) {
  const std::vector<index_t> heads = heads_with_overlaps(matrix);
  if (heads.size() < 3 || pairs_of(group, matrix, group_size).size() < 2) return no_interval;
  const auto mean = [&](std::span<const index_t> drawn) {
    double sum = 0;
    index_t count = 0;
    for (std::size_t a = 0; a < drawn.size(); ++a)
      for (std::size_t b = a + 1; b < drawn.size(); ++b) {
        const index_t i = heads[static_cast<std::size_t>(drawn[a])];
        const index_t j = heads[static_cast<std::size_t>(drawn[b])];
        if (i == j || !in_group(group, i, j, group_size)) continue;
        sum += matrix(i, j);
        ++count;
      }
    return count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
  };
  return defined_interval(
      bootstrap_replicates(static_cast<index_t>(heads.size()), options, stream << 32, mean),
      options.confidence);
}

}  // namespace atlas::detail
