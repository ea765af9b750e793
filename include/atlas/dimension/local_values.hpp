// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One estimate from those of every row.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"

namespace atlas::inline ATLAS_ABI {

/// How the dimensions of all rows' neighbourhoods make one.
enum class local_mean {
  harmonic,  ///< of reciprocals: maximum likelihood where each is one (MacKay, Ghahramani 2005)
  arithmetic,
  median,
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, local_mean>, 3> names_of(
    local_mean) {
  return {{{"harmonic", local_mean::harmonic},
           {"mean", local_mean::arithmetic},
           {"median", local_mean::median}}};
}

namespace detail {

/// Of sorted values, with interpolation between order statistics (the commonest of the
/// definitions: place `p (n - 1)` from 0).
inline double quantile_of_sorted(const std::vector<double>& sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double share = place - static_cast<double>(below);
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

/// What each value adds to the median: its side, over the density there, which is that of the
/// values within a band of `n^(-1/5)` of the probability around it.
template <class = lazy>
Eigen::VectorXd median_scores(const std::vector<double>& values, const std::vector<double>& sorted,
                              double median) {
  const auto n = static_cast<double>(values.size());
  const double band = (std::min)(0.25, 0.5 * std::pow(n, -0.2));
  const double width =
      quantile_of_sorted(sorted, 0.5 + band) - quantile_of_sorted(sorted, 0.5 - band);
  const double step = width / (2 * band) / n;  // one over n times the density
  Eigen::VectorXd out(static_cast<index_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    out[static_cast<index_t>(i)] = (values[i] > median   ? 0.5
                                    : values[i] < median ? -0.5
                                                         : 0.0) *
                                   step / median;
  return out;
}

/// Says that some values are infinite, where the mean is and others are not.
template <class = lazy>
void explain_infinite_mean(const std::vector<double>& values, raw_estimate& out) {
  const auto infinite =
      std::count_if(values.begin(), values.end(), [](double value) { return std::isinf(value); });
  if (!std::isinf(out.dimension) || infinite == static_cast<std::ptrdiff_t>(values.size())) return;
  out.why = "The neighbours of " + std::to_string(infinite) + " of " +
            std::to_string(values.size()) +
            " rows are equally far, which makes this mean infinite; the harmonic mean is not.";
}

/// Fills in dimension and scores from the local values of `out.rows`. Values of +inf (rows whose
/// neighbours are all equally far) count as a reciprocal of 0, and make a mean infinite.
template <class = lazy>
void combine_local(local_mean mean, raw_estimate& out) {
  std::vector<double> values;
  for (const index_t row : out.rows) values.push_back(out.local[static_cast<std::size_t>(row)]);
  if (values.empty()) return;
  const auto n = static_cast<double>(values.size());
  out.scores.resize(static_cast<index_t>(values.size()));
  if (mean == local_mean::median) {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    out.dimension = quantile_of_sorted(sorted, 0.5);
    explain_infinite_mean(values, out);
    out.scores = median_scores(values, sorted, out.dimension);
    return;
  }
  const bool harmonic = mean == local_mean::harmonic;
  if (harmonic)
    for (double& d : values) d = 1 / d;
  double sum = 0;  // one by one: Eigen's sum of memory that is not its own depends on where it lies
  for (const double d : values) sum += d;
  out.dimension = harmonic ? n / sum : sum / n;
  if (!harmonic) explain_infinite_mean(values, out);
  for (std::size_t i = 0; i < values.size(); ++i)
    out.scores[static_cast<index_t>(i)] = (harmonic ? -values[i] : values[i]) / sum;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
