// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How the length of a graph grows with the number of rows: the numbers of rows that are looked at,
/// and the slope of a line through logarithms.

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "atlas/core/errors.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// `count` numbers of rows from half of `rows` to all, in equal steps of their logarithm.
/// \throws value_error where they are not all different
template <class = lazy>
std::vector<index_t> growing_sizes(index_t rows, index_t count) {
  std::vector<index_t> out;
  for (index_t s = 0; s < count; ++s) {
    const double halvings = static_cast<double>(count - 1 - s) / static_cast<double>(count - 1);
    out.push_back(std::llround(static_cast<double>(rows) * std::exp2(-halvings)));
    if (s > 0 && out[static_cast<std::size_t>(s)] == out[static_cast<std::size_t>(s - 1)])
      throw value_error("points",
                        "enough rows for " + std::to_string(count) +
                            " different numbers from half of them to all",
                        std::to_string(rows));
  }
  return out;
}

/// Why there is no dimension.
/// \param fall of the logarithm of the mean length of edges, against that of the number of rows
inline std::string why_no_growth(double fall) {
  if (fall > 0) return {};
  return fall <= 0
             ? "Edges do not become shorter as rows become more, as where rows are equally far or "
               "some are far from all others."
             : "Powers of lengths are too large or too small for a double.";
}

/// The least-squares slope of y on ln n is the sum of these weights times y.
template <class = lazy>
Eigen::VectorXd slope_weights(const std::vector<index_t>& sizes) {
  Eigen::VectorXd x(static_cast<index_t>(sizes.size()));
  for (index_t s = 0; s < x.size(); ++s)
    x[s] = std::log(static_cast<double>(sizes[static_cast<std::size_t>(s)]));
  x.array() -= x.mean();
  return x / x.squaredNorm();
}

}  // namespace atlas::inline ATLAS_ABI::detail
