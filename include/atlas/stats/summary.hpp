// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Mean, standard deviation and quantiles of a few numbers.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "atlas/core/binary_scale.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/tensor_view.hpp"

namespace atlas::inline ATLAS_ABI {

/// Mean and spread of a sample.
struct sample_summary {
  double mean = 0;
  double sd = 0;              ///< with n - 1; NaN for a single value
  double standard_error = 0;  ///< sd / sqrt(n)
  index_t count = 0;
};

namespace detail {

/// Of the values by a power of two, summed as differences from the first: a common offset costs no
/// digits.
inline sample_summary scaled_summary(std::span<const double> values, double scale) {
  const auto n = static_cast<double>(values.size());
  const double first = values.front() * scale;
  double sum = 0, squares = 0;
  for (const double v : values) sum += v * scale - first;
  const double shift = sum / n;
  for (const double v : values) {
    const double gap = (v * scale - first) - shift;
    squares += gap * gap;
  }
  const double sd =
      values.size() > 1 ? std::sqrt(squares / (n - 1)) : std::numeric_limits<double>::quiet_NaN();
  return {(first + shift) / scale, sd / scale, sd / std::sqrt(n) / scale,
          static_cast<index_t>(values.size())};
}

}  // namespace detail

/// Two passes, in double, over the whole range of it. NaN throughout for an empty sample.
[[nodiscard]] inline sample_summary summarize(std::span<const double> values) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return {none, none, none, 0};
  const sample_summary plain = detail::scaled_summary(values, 1);
  if (values.size() < 2 || (plain.sd >= 0x1p-480 && plain.sd <= 0x1p480)) return plain;
  double largest = 0;
  for (const double v : values) largest = (std::max)(largest, std::abs(v));
  if (largest == 0) return plain;
  return detail::scaled_summary(values, detail::scale_to_one(largest));
}

/// Quantile of sorted values by linear interpolation between order statistics (type 7 of Hyndman
/// and Fan 1996, the default of NumPy and R). NaN for an empty sample.
[[nodiscard]] inline double sorted_quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = (std::min)(low + 1, sorted.size() - 1);
  return std::lerp(sorted[low], sorted[high], place - static_cast<double>(low));
}

/// The central interval that holds `confidence` of the values.
template <class = lazy>
[[nodiscard]] interval percentile_interval(std::vector<double> values, double confidence) {
  std::sort(values.begin(), values.end());
  const double tail = 0.5 * (1 - confidence);
  return {sorted_quantile(values, tail), sorted_quantile(values, 1 - tail)};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS interval percentile_interval<void>(std::vector<double>, double);
}  // namespace atlas::inline ATLAS_ABI
#endif
