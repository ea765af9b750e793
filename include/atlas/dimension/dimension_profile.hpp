// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension at several scales. A dimension is one at a scale: a plateau is one, a slope says
/// that there is none (Facco et al. 2017, "Estimating the scale"; Denti et al. 2022).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/profile_scales.hpp"
#include "atlas/dimension/two_nn.hpp"

namespace atlas::inline ATLAS_ABI {

struct profile_options {
  index_t halvings = 3;         ///< of the rows, at most: scales of N, N/2, ... rows
  index_t least_rows = 100;     ///< of a part
  index_t least_contexts = 25;  ///< of a part, where contexts are the units
  index_t orders = 4;           ///< of neighbours, at most: 1, 2, 4, ... (2n of them up to N / 64)
  std::uint64_t seed = 0;       ///< of the parts
};

struct dimension_profile_result {
  std::vector<profile_step> sizes;   ///< from all rows down; order 1
  std::vector<profile_step> orders;  ///< of all rows, from order 1 up
  profile_trend over_sizes, over_orders;
  double p = 0;          ///< of no movement in either: Bonferroni's of the two
  bool moves = false;    ///< p < 1 - confidence
  index_t merged = 0;    ///< rows that are left out because they coincide with one that is not
  index_t contexts = 0;  ///< that are the units; 0: rows are
  bool few_contexts = false;
};

namespace detail {

/// Divides rows into `parts` that differ by no more than a unit, whole units each, at random.
template <class = lazy>
std::vector<std::vector<index_t>> divide(const row_units& units, index_t rows, index_t parts,
                                         random_stream& random) {
  const std::vector<index_t> order = random_permutation(units.count, random);
  std::vector<std::vector<index_t>> out(static_cast<std::size_t>(parts));
  std::vector<std::size_t> part(order.size());
  for (std::size_t u = 0; u < order.size(); ++u)
    part[static_cast<std::size_t>(order[u])] = u % static_cast<std::size_t>(parts);
  for (index_t i = 0; i < rows; ++i) out[part[static_cast<std::size_t>(units.of(i))]].push_back(i);
  return out;
}

/// Tables of the parts of a cloud as one of its rows.
template <class = lazy>
neighbor_table joined(const std::vector<neighbor_table>& tables,
                      const std::vector<std::vector<index_t>>& parts, index_t rows) {
  const index_t k = tables.front().distances.extent(1);
  neighbor_table out{owned_tensor<double, 2>({rows, k}), owned_tensor<index_t, 2>({rows, k})};
  for (std::size_t p = 0; p < parts.size(); ++p)
    for (std::size_t i = 0; i < parts[p].size(); ++i)
      for (index_t c = 0; c < k; ++c) {
        const index_t found = tables[p].indices(static_cast<index_t>(i), c);
        out.distances.mutable_view()(parts[p][i], c) =
            tables[p].distances(static_cast<index_t>(i), c);
        out.indices.mutable_view()(parts[p][i], c) =
            found < 0 ? found : parts[p][static_cast<std::size_t>(found)];
      }
  return out;
}

/// One cloud of distinct rows, with its options and units.
template <class Scalar>
class profiled_cloud {
 public:
  profiled_cloud(const tensor_view<const Scalar, 2>& points, const two_nn_options& options,
                 const profile_options& profile, row_units units)
      : points_(points), options_(options), profile_(profile), units_(std::move(units)) {}

  std::vector<profile_scale> sizes() const {
    const index_t n = points_.extent(0);
    std::vector<profile_scale> out;
    for (index_t h = 0, parts = 1; h <= profile_.halvings; ++h, parts *= 2) {
      if (h > 0 && (n / parts < profile_.least_rows ||
                    (units_.contexts && units_.count / parts < profile_.least_contexts)))
        break;
      random_stream random(profile_.seed, static_cast<std::uint64_t>(h));
      out.push_back(of_parts(divide(units_, n, parts, random)));
    }
    return out;
  }

  std::vector<profile_scale> orders() const {
    const index_t n = points_.extent(0);
    const index_t others =
        options_.exclude.distinct ? units_of(options_.exclude.context, n).count : n;
    index_t count = 1;
    while (count < profile_.orders && (index_t{2} << count) <= (std::min)(n / 64, others / 16))
      ++count;
    const neighbor_table table = neighbours(points_, options_.exclude, index_t{1} << count,
                                            options_.threads, options_.on_progress);
    std::vector<profile_scale> out;
    for (index_t o = 0; o < count; ++o) {
      profile_scale scale = empty_scale(n, 1, index_t{1} << o);
      fill_scale(table, options_.discard_fraction, scale);
      out.push_back(std::move(scale));
    }
    return out;
  }

 private:
  static neighbor_table neighbours(const tensor_view<const Scalar, 2>& points,
                                   const exclusion& exclude, index_t k, int threads,
                                   const progress_callback& on_progress) {
    return nearest_neighbors(
        points, {.k = k, .exclude = exclude, .threads = threads, .on_progress = on_progress});
  }

  profile_scale empty_scale(index_t points, index_t parts, index_t order) const {
    const index_t n = points_.extent(0);
    return {{points, parts, order, 0, 0, 0, {}},
            Eigen::VectorXd::Zero(n),
            std::vector<std::vector<index_t>>(static_cast<std::size_t>(n))};
  }

  profile_scale of_parts(const std::vector<std::vector<index_t>>& parts) const {
    const auto count = static_cast<index_t>(parts.size());
    std::vector<neighbor_table> tables(parts.size());
    progress_meter meter(options_.on_progress, "subsamples", count);
    const int inside = threads_inside(count, options_.threads);
    parallel_for(count, options_.threads, [&](index_t p) {
      const auto& rows = parts[static_cast<std::size_t>(p)];
      const owned_tensor<Scalar, 2> part = gather_rows(points_, rows);
      tables[static_cast<std::size_t>(p)] = neighbours(
          part, gather_exclusion(options_.exclude, rows), 2, inside, meter.within_a_step());
      meter.advance();
    });
    profile_scale scale = empty_scale(points_.extent(0) / count, count, 1);
    fill_scale(joined(tables, parts, points_.extent(0)), options_.discard_fraction, scale);
    return scale;
  }

  const tensor_view<const Scalar, 2>& points_;
  const two_nn_options& options_;
  const profile_options& profile_;
  row_units units_;
};

inline void check_profile(const two_nn_options& options, const profile_options& profile) {
  if (options.estimator != two_nn_estimator::censored)
    throw value_error("estimator", "the censored one, which higher orders have as well", "another");
  check_between(profile.halvings, 0, 40, "halvings");
  check_between(profile.orders, 1, 20, "orders");
  check_between(profile.least_rows, 10, index_t{1} << 40, "least_rows");
  check_between(profile.least_contexts, 2, index_t{1} << 40, "least_contexts");
}

/// Of the two trends, of which either may be unknown.
inline double p_of_either(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
  return (std::min)(1.0, 2 * (std::min)(a, b));
}

template <class Scalar>
dimension_profile_result profile_of_distinct(const tensor_view<const Scalar, 2>& points,
                                             const two_nn_options& options,
                                             const profile_options& profile) {
  const row_units units = units_of(
      options.context.empty() ? options.exclude.context : options.context, points.extent(0));
  const profiled_cloud<Scalar> cloud(points, options, profile, units);
  dimension_profile_result out;
  std::vector<profile_scale> sizes = cloud.sizes(), orders = cloud.orders();
  add_errors(sizes, units, options.confidence);
  add_errors(orders, units, options.confidence);
  out.over_sizes = trend_over(sizes, units, -1);
  out.over_orders = trend_over(orders, units, 1);
  out.sizes = steps_of(sizes);
  out.orders = steps_of(orders);
  out.p = p_of_either(out.over_sizes.p, out.over_orders.p);
  out.moves = out.p < 1 - options.confidence;
  out.contexts = units.contexts ? units.count : 0;
  out.few_contexts = units.contexts && units.count < few_contexts;
  return out;
}

template <class Scalar>
dimension_profile_result dimension_profile(const tensor_view<const Scalar, 2>& points,
                                           const two_nn_options& options,
                                           const profile_options& profile) {
  check_profile(options, profile);
  check_cloud(points, options);
  if (options.duplicates != duplicate_policy::merge)
    return profile_of_distinct(points, options, profile);
  const std::vector<index_t> rows = distinct_rows(points, options.precision, options.tolerance);
  if (rows.size() < 3)
    throw value_error("points", "at least 3 rows that do not coincide",
                      std::to_string(rows.size()));
  two_nn_options of_rows = options;
  of_rows.exclude = gather_exclusion(options.exclude, rows);
  of_rows.context = gather_labels(options.context, rows);
  const owned_tensor<Scalar, 2> distinct = gather_rows(points, rows);
  dimension_profile_result out = profile_of_distinct<Scalar>(distinct, of_rows, profile);
  out.merged = points.extent(0) - static_cast<index_t>(rows.size());
  return out;
}

}  // namespace detail

/// The dimension of a cloud at several scales, and whether it moves by more than its errors.
///
/// Scales are of two kinds. Rows are divided at random, whole contexts where rows have them, into
/// 1, 2, 4, ... parts: the ratios of all parts together give an estimate of as many rows as a part
/// has. And of all rows, `r_2n / r_n` at n = 1, 2, 4, ... is one of farther neighbours, which is
/// sharper and costs one search. Estimates at different scales are of the same rows: each row has a
/// score at every scale, and slope and bend of the logarithms are tested by sums of these scores,
/// of which the variance is that of `two_nn`, neighbours at any of the scales being neighbours. Of
/// clouds of one dimension (flat tori and circles, N 1,200) 4 to 5 % are said to move at 5 %.
///
/// A profile of a curved, bounded or Gaussian cloud moves where its scales are no longer short
/// against these. Whole contexts that are excluded are a larger share of fewer rows, which by
/// itself moves estimates of texts along which rows change slowly.
///
/// \param points  `[N, d]`, N >= 3
/// \param options of `two_nn`, with the censored estimator; `confidence` is also that of `moves`
/// \throws as `two_nn`; value_error for another estimator or counts out of range; cancelled
///
/// O(N^2 d) time, about three times that of `two_nn`; O(N 2^orders) memory; the same bits for every
/// thread count.
/// \code
/// const auto exclude = atlas::distinct_contexts(labels);
/// const auto profile = atlas::dimension_profile(points, {.exclude = exclude});
/// for (const auto& step : profile.sizes)
///   std::cout << step.points << " " << step.dimension << " +- " << step.standard_error << "\n";
/// if (profile.moves) std::cout << "no one dimension (p = " << profile.p << ")\n";
/// \endcode
template <real_tensor<2> Points>
[[nodiscard]] dimension_profile_result dimension_profile(const Points& points,
                                                         const two_nn_options& options = {},
                                                         const profile_options& profile = {}) {
  const auto held = as_view<2>(points);
  return detail::dimension_profile<scalar_of<Points, 2>>(held, options, profile);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION dimension_profile_result dimension_profile<float>(
    const tensor_view<const float, 2>&, const two_nn_options&, const profile_options&);
ATLAS_OF_DIMENSION dimension_profile_result dimension_profile<double>(
    const tensor_view<const double, 2>&, const two_nn_options&, const profile_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
