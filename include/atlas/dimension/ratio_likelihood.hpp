// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The likelihood of ratios of distances to neighbours of two orders, which GRIDE (Denti, Doimo,
/// Laio, Mira, Sci. Rep. 12, 20005, 2022, equation 4) and, of orders 1 and k + 1, MiND_ML (Rozza,
/// Lombardi, Ceruti, Casiraghi, Campadelli, Mach. Learn. 89, 37, 2012, equation 5) both maximise.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/decreasing_root.hpp"
#include "atlas/dimension/row_values.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Logarithms `l = ln(r_n2 / r_n1)` of rows, whose density is
/// `d (e^(d l) - 1)^(n2 - n1 - 1) e^(-(n2 - 1) d l) / B(n2 - n1, n1)` where rows are uniform. A
/// logarithm of 0 (a tie) counts as the limit of small ones.
struct ratio_logs {
  std::vector<double> values;
  double first = 1, second = 2;  ///< n1 and n2
  int threads = 0;

  double between() const { return second - first - 1; }
  /// What a row's logarithm adds to the derivative of the log likelihood, and that to its own.
  value_and_slope score(double l, double d) const {
    const double x = d * l;
    // x / (1 - e^-x) and (x / (2 sinh(x / 2)))^2, which both are 1 at 0.
    const double rest = -std::expm1(-x);
    const double mean = x > 0 ? x / rest : 1;
    const double square = x > 0 ? mean * mean * (1 - rest) : 1;
    return {(1 + between() * mean - (second - 1) * x) / d, -(1 + between() * square) / (d * d)};
  }
};

/// Of all rows, with `count` in place of their number; sums of blocks, added in order.
template <class = lazy>
value_and_slope total_score(const ratio_logs& logs, double d, double count) {
  const auto n = static_cast<index_t>(logs.values.size());
  std::vector<value_and_slope> sums(static_cast<std::size_t>(block_count(n)));
  for_row_blocks(n, logs.threads, [&](index_t begin, index_t end, index_t block) {
    value_and_slope sum;
    for (index_t i = begin; i < end; ++i) {
      const value_and_slope one = logs.score(logs.values[static_cast<std::size_t>(i)], d);
      sum.value += one.value;
      sum.slope += one.slope;
    }
    sums[static_cast<std::size_t>(block)] = sum;
  });
  value_and_slope out;
  for (const value_and_slope& sum : sums) {
    out.value += sum.value;
    out.slope += sum.slope;
  }
  const double missing = static_cast<double>(n) - count;
  return {out.value - missing / d, out.slope + missing / (d * d)};
}

/// The dimension of the largest likelihood, which is concave in it. The start is what the mean of
/// the logarithms, `(1/n1 + .. + 1/(n2 - 1)) / d`, says.
/// \param count what stands for the number of rows: one less makes the estimate of orders n and
///              n + 1 free of bias
/// \return NaN where there are fewer than 2 logarithms or all are 0
template <class = lazy>
double likeliest_dimension(const ratio_logs& logs, double count) {
  double sum = 0, harmonic = 0;
  for (const double l : logs.values) sum += l;
  if (!(sum > 0) || logs.values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  for (double n = logs.first; n < logs.second; ++n) harmonic += 1 / n;
  const double start = harmonic * static_cast<double>(logs.values.size()) / sum;
  if (logs.between() == 0) return count / (logs.first * sum);
  return root_of_decreasing([&](double d) { return total_score(logs, d, count); }, start);
}

/// What each row adds to the logarithm of the estimate: its score over the information.
template <class = lazy>
Eigen::VectorXd likelihood_scores(const ratio_logs& logs, double d) {
  const double n = static_cast<double>(logs.values.size());
  const double information = -total_score(logs, d, n).slope;
  Eigen::VectorXd out(static_cast<index_t>(logs.values.size()));
  for (std::size_t i = 0; i < logs.values.size(); ++i)
    out[static_cast<index_t>(i)] = logs.score(logs.values[i], d).value / (information * d);
  return out;
}

/// Rows whose logarithm is 0.
inline index_t tied_rows(const std::vector<double>& logs) {
  return static_cast<index_t>(std::count(logs.begin(), logs.end(), 0.0));
}

}  // namespace atlas::inline ATLAS_ABI::detail
