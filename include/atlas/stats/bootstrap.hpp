// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The bootstrap: the spread of a statistic over resamples of its data. Percentile and BCa
/// intervals (Efron, "Better bootstrap confidence intervals", JASA 82, 171, 1987; DiCiccio and
/// Efron, "Bootstrap confidence intervals", Statist. Sci. 11, 189, 1996).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/binary_scale.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/distributions.hpp"
#include "atlas/stats/label_groups.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct bootstrap_options {
  index_t resamples = 2000;  ///< BCa takes quantiles farther out than percentile intervals do
  double confidence = 0.95;  ///< of both intervals
  bool bca = true;           ///< false: none, and no jackknife, which costs a statistic a unit
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct bootstrap_result {
  double estimate = 0;             ///< the statistic of the data as they are
  atlas::interval percentile;      ///< quantiles of the replicates
  atlas::interval bca;             ///< bias-corrected and accelerated; NaN where it does not exist
  double standard_error = 0;       ///< standard deviation of the replicates
  double bias = 0;                 ///< their mean less the estimate
  double bias_correction = 0;      ///< z0: normal quantile of the share of replicates below the
                                   ///< estimate, those equal to it counted half
  double acceleration = 0;         ///< a: skewness of the jackknife values, over 6 sqrt(units)
  index_t units = 0;               ///< rows or groups that are drawn
  index_t undefined = 0;           ///< resamples left out because their statistic is not finite
  std::vector<double> replicates;  ///< the other resamples' statistics
};

namespace detail {

/// `statistic(drawn)` of resamples of `units` numbers with replacement; NaN and infinities
/// included. Resample i takes stream `first_stream + i`.
template <class Statistic>
std::vector<double> bootstrap_replicates(index_t units, const bootstrap_options& o,
                                         std::uint64_t first_stream, Statistic&& statistic) {
  constexpr index_t chunk = 64;
  std::vector<double> replicates(static_cast<std::size_t>(o.resamples));
  progress_meter meter(o.on_progress, "resamples", o.resamples);
  parallel_for((o.resamples + chunk - 1) / chunk, o.threads, [&](index_t c) {
    std::vector<index_t> drawn(static_cast<std::size_t>(units));
    for (index_t i = c * chunk; i < (std::min)(o.resamples, (c + 1) * chunk); ++i) {
      random_stream random(o.seed, first_stream + static_cast<std::uint64_t>(i));
      for (index_t& unit : drawn) unit = random.uniform_index(units);
      replicates[static_cast<std::size_t>(i)] = statistic(std::span<const index_t>(drawn));
      meter.advance();
    }
  });
  return replicates;
}

/// Takes out what is not finite; how many that was.
inline index_t drop_undefined(std::vector<double>& values) {
  return static_cast<index_t>(std::erase_if(values, [](double v) { return !std::isfinite(v); }));
}

/// `statistic(kept)` with each unit left out in turn.
template <class Statistic>
std::vector<double> jackknife(index_t units, const bootstrap_options& o, Statistic&& statistic) {
  std::vector<double> values(static_cast<std::size_t>(units));
  progress_meter meter(o.on_progress, "jackknife", units);
  parallel_for(units, o.threads, [&](index_t left_out) {
    std::vector<index_t> kept;
    for (index_t u = 0; u < units; ++u)
      if (u != left_out) kept.push_back(u);
    values[static_cast<std::size_t>(left_out)] = statistic(std::span<const index_t>(kept));
    meter.advance();
  });
  return values;
}

/// `sum d^3 / (6 (sum d^2)^(3/2))`, d = mean - value (DiCiccio and Efron 1996, equation 6.6); 0
/// where all values agree.
inline double jackknife_acceleration(const std::vector<double>& values) {
  const double mean = summarize(values).mean;
  double squares = 0, cubes = 0, largest = 0;
  for (const double v : values) largest = (std::max)(largest, std::abs(mean - v));
  const double scale = scale_to_one(largest);
  for (const double v : values) {
    const double d = (mean - v) * scale;
    squares += d * d;
    cubes += d * d * d;
  }
  return squares == 0 ? 0 : cubes / (6 * squares * std::sqrt(squares));
}

/// Normal quantile of the share of values below the estimate; infinite where all are on one side.
inline double bias_correction(const std::vector<double>& values, double estimate) {
  const double rounding = 1e-14 * std::abs(estimate);  // the same rows sum in another order
  double below = 0;
  for (const double v : values)
    below += v < estimate - rounding ? 1 : (v <= estimate + rounding ? 0.5 : 0);
  const double share = below / static_cast<double>(values.size());
  if (share <= 0 || share >= 1) return std::copysign(INFINITY, share - 0.5);
  return normal_quantile(share);
}

/// The quantile of the sorted replicates that BCa puts in the place of the normal quantile z; NaN
/// where the correction has no end.
inline double bca_end(std::span<const double> sorted, double z, double z0, double acceleration) {
  const double shrink = 1 - acceleration * (z0 + z);
  const double level = normal_cdf(z0 + (z0 + z) / shrink);
  if (!(shrink > 0) || !std::isfinite(z0)) return std::numeric_limits<double>::quiet_NaN();
  return sorted_quantile(sorted, level);
}

/// Intervals of replicates that are finite; NaN for fewer than 2.
inline void add_intervals(bootstrap_result& out, const std::vector<double>& jackknifed,
                          const bootstrap_options& o) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  out.percentile = out.bca = {none, none};
  out.bias_correction = out.acceleration = out.standard_error = out.bias = none;
  if (out.replicates.size() < 2) return;
  const sample_summary s = summarize(out.replicates);
  out.standard_error = s.sd;
  out.bias = s.mean - out.estimate;
  out.percentile = percentile_interval(out.replicates, o.confidence);
  if (!o.bca) return;
  out.bias_correction = bias_correction(out.replicates, out.estimate);
  out.acceleration = jackknife_acceleration(jackknifed);
  std::vector<double> sorted = out.replicates;
  std::sort(sorted.begin(), sorted.end());
  const double z = normal_quantile(0.5 + 0.5 * o.confidence);
  out.bca = {bca_end(sorted, -z, out.bias_correction, out.acceleration),
             bca_end(sorted, z, out.bias_correction, out.acceleration)};
}

inline void check_bootstrap(index_t units, const bootstrap_options& o, std::string_view argument,
                            std::string_view kind) {
  if (units < 2)
    throw shape_error(argument, "at least 2 " + std::string(kind), std::to_string(units));
  check_between(o.resamples, 2, index_t{1} << 30, "resamples");
  check_open_unit(o.confidence, "confidence");
}

/// The bootstrap over `units` numbers, from which `statistic` makes what it needs.
template <class Statistic>
bootstrap_result bootstrap(index_t units, Statistic&& statistic, const bootstrap_options& o) {
  std::vector<index_t> all(static_cast<std::size_t>(units));
  std::iota(all.begin(), all.end(), index_t{0});
  bootstrap_result out;
  out.units = units;
  out.estimate = statistic(std::span<const index_t>(all));
  if (!std::isfinite(out.estimate))
    throw value_error("statistic", "a finite value for the data", number_text(out.estimate));
  out.replicates = bootstrap_replicates(units, o, 0, statistic);
  out.undefined = drop_undefined(out.replicates);
  add_intervals(out, o.bca ? jackknife(units, o, statistic) : std::vector<double>(), o);
  return out;
}

}  // namespace detail

/// The bootstrap of any statistic over independent rows.
///
/// \param rows      N >= 2, how many rows the data have
/// \param statistic from row numbers, `std::span<const index_t>`, of a resample (N of them, some
///                  more than once) to a number; called on several threads at once
/// \throws shape_error for fewer than 2 rows; value_error for options out of range or a statistic
///         that is not finite for the data as they are. Resamples for which it is not are left out
///         and counted; where a row cannot be left out either there is no BCa interval.
///
/// O((resamples + N) S) time for a statistic of cost S; the same bits for every thread count.
/// \code
/// const auto r = atlas::bootstrap(n, [&](std::span<const atlas::index_t> rows) {
///   double sum = 0;
///   for (const atlas::index_t i : rows) sum += x[i] / y[i];
///   return sum / static_cast<double>(rows.size());
/// });
/// std::cout << r.estimate << " [" << r.bca.lower << ", " << r.bca.upper << "]\n";
/// \endcode
template <class Statistic>
[[nodiscard]] bootstrap_result bootstrap(index_t rows, Statistic&& statistic,
                                         const bootstrap_options& options = {}) {
  detail::check_bootstrap(rows, options, "rows", "rows");
  return detail::bootstrap(rows, statistic, options);
}

/// The same where rows of one label are not independent of each other, as those of one text: whole
/// groups are drawn, with all their rows, and left out in the jackknife. Resamples have as many
/// groups as the data, not as many rows.
///
/// \param labels `[N]`, whole numbers, at least 2 different ones
template <whole_tensor<1> Labels, class Statistic>
[[nodiscard]] bootstrap_result bootstrap_groups(const Labels& labels, Statistic&& statistic,
                                                const bootstrap_options& options = {}) {
  const auto groups = detail::rows_of_groups(detail::number_labels(labels, "labels"));
  const auto units = static_cast<index_t>(groups.size());
  detail::check_bootstrap(units, options, "labels", "different labels");
  const auto of_groups = [&](std::span<const index_t> drawn) {
    std::vector<index_t> rows;
    for (const index_t g : drawn) {
      const std::vector<index_t>& members = groups[static_cast<std::size_t>(g)];
      rows.insert(rows.end(), members.begin(), members.end());
    }
    return statistic(std::span<const index_t>(rows));
  };
  return detail::bootstrap(units, of_groups, options);
}

/// The same for a statistic of one sample of numbers.
/// \param values    `[N]`, N >= 2
/// \param statistic from the values of a resample, `std::span<const double>`, to a number
/// \throws as `bootstrap`; value_error for NaN and infinities
template <number_tensor<1> Values, class Statistic>
[[nodiscard]] bootstrap_result bootstrap_sample(const Values& values, Statistic&& statistic,
                                                const bootstrap_options& options = {}) {
  const auto view = as_view<1>(values);
  check_not_empty(view, "values");
  check_finite(view, "values");
  detail::check_bootstrap(view.extent(0), options, "values", "values");
  const auto of_rows = [&](std::span<const index_t> rows) {
    std::vector<double> drawn;
    drawn.reserve(rows.size());
    for (const index_t i : rows) drawn.push_back(static_cast<double>(view[i]));
    return statistic(std::span<const double>(drawn));
  };
  return detail::bootstrap(view.extent(0), of_rows, options);
}

}  // namespace atlas::inline ATLAS_ABI
