#pragma once
/// \file
/// Percentile bootstrap of a mean over pairs of heads.

#include <Eigen/Core>
#include <cstdint>
#include <limits>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/summary.hpp"
#include "atlas/subspace/overlap.hpp"

namespace atlas::detail {

/// Which pairs of heads an average is over. Heads h with the same h / group_size share a key/value
/// head.
enum class pair_group { global, intra, inter };

inline bool in_group(pair_group group, index first, index second, index group_size) {
  if (group == pair_group::global) return true;
  return (first / group_size == second / group_size) == (group == pair_group::intra);
}

template <class = void>
std::vector<head_pair> pairs_of(pair_group group, index heads, index group_size) {
  std::vector<head_pair> chosen;
  for (const head_pair pair : head_pairs(heads))
    if (in_group(group, pair.first, pair.second, group_size)) chosen.push_back(pair);
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

/// Pairs drawn with replacement: too narrow, since pairs share heads. NaN for fewer than 2 pairs.
template <class = void>
interval bootstrap_over_pairs(const Eigen::MatrixXd& matrix, const std::vector<head_pair>& pairs,
                              index resamples, double confidence, random_stream random) {
  if (pairs.size() < 2) return no_interval;
  const auto count = static_cast<index>(pairs.size());
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (double& mean : means) {
    for (index p = 0; p < count; ++p) {
      const auto [i, j] = pairs[static_cast<std::size_t>(random.uniform_index(count))];
      mean += matrix(i, j);
    }
    mean /= static_cast<double>(count);
  }
  return percentile_interval(std::move(means), confidence);
}

/// Heads drawn with replacement; a pair that meets itself is left out, and a resample without any
/// pair drawn again. NaN for fewer than 3 heads, or where only one pair exists.
template <class = void>
interval bootstrap_over_heads(const Eigen::MatrixXd& matrix, pair_group group, index group_size,
                              index resamples, double confidence, random_stream random) {
  const index heads = matrix.rows();
  if (heads < 3 || pairs_of(group, heads, group_size).size() < 2) return no_interval;
  std::vector<double> means;
  std::vector<index> drawn(static_cast<std::size_t>(heads));
  while (static_cast<index>(means.size()) < resamples) {
    for (index& h : drawn) h = random.uniform_index(heads);
    double sum = 0;
    index count = 0;
    for (std::size_t a = 0; a < drawn.size(); ++a)
      for (std::size_t b = a + 1; b < drawn.size(); ++b) {
        if (drawn[a] == drawn[b] || !in_group(group, drawn[a], drawn[b], group_size)) continue;
        sum += matrix(drawn[a], drawn[b]);
        ++count;
      }
    if (count > 0) means.push_back(sum / static_cast<double>(count));
  }
  return percentile_interval(std::move(means), confidence);
}

}  // namespace atlas::detail
