// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Sets of pairs of heads: all of them, those that share a key/value head, and those that do not.

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// first < second.
struct head_pair {
  index_t first = 0, second = 0;
};

/// Which pairs of heads an average is over. Heads h with the same h / heads_per_group share a
/// key/value head.
enum class pair_group { global, intra, inter };

inline bool in_group(pair_group group, index_t first, index_t second, index_t heads_per_group) {
  if (group == pair_group::global) return true;
  return (first / heads_per_group == second / heads_per_group) == (group == pair_group::intra);
}

/// Pairs of the group that have an overlap, in the order (0,1), (0,2), ..., (1,2), ...
template <class = lazy>
std::vector<head_pair> pairs_of(pair_group group, const Eigen::MatrixXd& matrix,
                                index_t heads_per_group) {
  std::vector<head_pair> chosen;
  for (index_t i = 0; i < matrix.rows(); ++i)
    for (index_t j = i + 1; j < matrix.rows(); ++j)
      if (in_group(group, i, j, heads_per_group) && !std::isnan(matrix(i, j)))
        chosen.push_back({i, j});
  return chosen;
}

/// NaN without pairs.
template <class = lazy>
double mean_over(const Eigen::MatrixXd& matrix, const std::vector<head_pair>& pairs) {
  double sum = 0;
  for (const auto& [i, j] : pairs) sum += matrix(i, j);
  return pairs.empty() ? std::numeric_limits<double>::quiet_NaN()
                       : sum / static_cast<double>(pairs.size());
}

}  // namespace atlas::inline ATLAS_ABI::detail
