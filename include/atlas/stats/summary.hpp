#pragma once
/// \file
/// Mean, standard deviation and quantiles of a few numbers.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "atlas/core/interval.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas {

/// Mean and spread of a sample.
struct sample_summary {
  double mean = 0;
  double sd = 0;              ///< with n - 1; NaN for a single value
  double standard_error = 0;  ///< sd / sqrt(n)
  index_t count = 0;
};

/// Two passes, in double. NaN throughout for an empty sample.
inline sample_summary summarize(std::span<const double> values) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const auto n = static_cast<double>(values.size());
  if (values.empty()) return {none, none, none, 0};
  double sum = 0;
  for (const double v : values) sum += v;
  const double mean = sum / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double sd = values.size() > 1 ? std::sqrt(squares / (n - 1)) : none;
  return {mean, sd, sd / std::sqrt(n), static_cast<index_t>(values.size())};
}

/// Quantile of sorted values by linear interpolation between order statistics (type 7 of Hyndman
/// and Fan 1996, the default of NumPy and R). NaN for an empty sample.
inline double sorted_quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = (std::min)(low + 1, sorted.size() - 1);
  return std::lerp(sorted[low], sorted[high], place - static_cast<double>(low));
}

/// The central interval that holds `confidence` of the values.
template <class = void>
interval percentile_interval(std::vector<double> values, double confidence) {
  std::sort(values.begin(), values.end());
  const double tail = 0.5 * (1 - confidence);
  return {sorted_quantile(values, tail), sorted_quantile(values, 1 - tail)};
}

}  // namespace atlas
