// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a cloud bends: do the midpoints of its chords lie on it?

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/linalg/scaled_rows.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct chord_options {
  index_t k = 10;                      ///< a chord joins a row to its k-th nearest neighbour
  index_t chords = 1000;               ///< from so many random rows; from all where there are fewer
  exclusion exclude = {};              ///< rows that may not be neighbours
  std::uint64_t seed = 0;              ///< of the rows
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// Distances from midpoints to the nearest row, in units of `spacing`.
struct chord_result {
  double mean = 0;
  double median = 0;
  double share_above_one =
      0;                 ///< of midpoints farther from the cloud than its rows from each other
  double spacing = 0;    ///< median distance of a row to its nearest neighbour, duplicates left out
  double length = 0;     ///< median length of the chords, in units of `spacing`
  index_t chords = 0;    ///< measured
  index_t isolated = 0;  ///< rows drawn, with fewer than k neighbours left by the exclusion, or
                         ///< nothing left to measure their midpoint against
  chord_options options = {};  ///< that made it, but for callbacks
};

/// What surrogates give.
struct chord_nulls {
  surrogate_null mean;
  surrogate_null median;
  surrogate_null share_above_one;
};

namespace detail {

/// Median distance to the nearest neighbour that is not a duplicate of the row.
inline double median_spacing(const neighbor_table& table) {
  std::vector<double> first;
  for (index_t i = 0; i < table.distances.extent(0); ++i)
    if (const double r = table.distances(i, 0); r > 0 && std::isfinite(r)) first.push_back(r);
  if (first.empty())
    throw value_error("points", "rows at different places with neighbours", "none");
  std::sort(first.begin(), first.end());
  return sorted_quantile(first, 0.5);
}

/// Distance from the midpoint of rows a and b to the nearest row that may be a neighbour of both;
/// infinite where there is none. Midpoints are no rows, so each is compared with all rows.
template <class Scalar>
double midpoint_distance(const row_matrix<Scalar>& rows, index_t a, index_t b,
                         const exclusion& exclude) {
  const Eigen::RowVectorXd midpoint =
      0.5 * rows.row(a).template cast<double>() + 0.5 * rows.row(b).template cast<double>();
  const auto nearest_by = [&](auto&& measure) {
    double nearest = std::numeric_limits<double>::infinity();
    for (index_t i = 0; i < rows.rows(); ++i) {
      if (i == a || i == b || exclude.rejects(a, i) || exclude.rejects(b, i)) continue;
      nearest = (std::min)(nearest, measure(midpoint.data(), rows.row(i).data(), rows.cols()));
    }
    return nearest;
  };
  const double square = nearest_by(squared_distance<double, Scalar>);
  return is_too_small(square) ? nearest_by(close_row_distance<double, Scalar>) : std::sqrt(square);
}

inline void summarize_chords(std::vector<double> distances, std::vector<double> lengths,
                             chord_result& out) {
  if (distances.empty())
    throw value_error("points", "chords with other rows to compare them with",
                      "none among " + std::to_string(out.isolated) + " (see exclude)");
  std::sort(distances.begin(), distances.end());
  std::sort(lengths.begin(), lengths.end());
  out.chords = static_cast<index_t>(distances.size());
  out.mean = summarize(distances).mean;
  out.median = sorted_quantile(distances, 0.5);
  out.length = sorted_quantile(lengths, 0.5);
  const auto above = distances.end() - std::upper_bound(distances.begin(), distances.end(), 1.0);
  out.share_above_one = static_cast<double>(above) / static_cast<double>(distances.size());
}

template <class Scalar>
chord_result chord_test(const tensor_view<const Scalar, 2>& points, const chord_options& o) {
  check_between(o.chords, 1, index_t{1} << 40, "chords");
  const neighbor_table table = nearest_neighbors(
      points, {.k = o.k, .exclude = o.exclude, .threads = o.threads, .on_progress = o.on_progress});
  chord_result out;
  out.options = o;
  out.options.on_progress = {};
  out.spacing = median_spacing(table);
  const scaled_rows<Scalar> cloud = scale_rows(points);
  const row_matrix<Scalar>& rows = cloud.rows;
  random_stream random(o.seed);
  const auto starts = sample_rows(rows.rows(), (std::min)(o.chords, rows.rows()), random);
  constexpr double none = std::numeric_limits<double>::infinity();
  std::vector<double> found(starts.size(), none);
  progress_meter meter(o.on_progress, "chords", static_cast<index_t>(starts.size()));
  parallel_for(static_cast<index_t>(starts.size()), o.threads, [&](index_t c) {
    const index_t start = starts[static_cast<std::size_t>(c)];
    const index_t end = table.indices(start, o.k - 1);
    if (end >= 0)
      found[static_cast<std::size_t>(c)] = midpoint_distance(rows, start, end, o.exclude);
    meter.advance();
  });
  std::vector<double> distances, lengths;
  for (std::size_t c = 0; c < starts.size(); ++c)
    if (std::isfinite(found[c])) {
      distances.push_back(found[c] / cloud.scaled(out.spacing));
      lengths.push_back(table.distances(starts[c], o.k - 1) / out.spacing);
    } else {
      ++out.isolated;
    }
  summarize_chords(std::move(distances), std::move(lengths), out);
  return out;
}

}  // namespace detail

/// Distance from the midpoints of chords to the cloud, against the spacing of its rows.
///
/// A chord joins a random row to its k-th nearest neighbour. The distance of its midpoint is to the
/// nearest row other than its two ends: those are always within half a chord, so that with them
/// long chords and short ones would look alike. Under an exclusion a row counts only if it may be
/// a neighbour of both ends.
///
/// On a flat, evenly filled cloud a midpoint is a place like any other, and rows are as far from it
/// as from each other: median 1, half of the midpoints above 1, whatever the dimension (Slivnyak's
/// theorem; somewhat more for small k, since a row with only k - 1 rows nearer than the end has
/// few rows near the midpoint). On a curved cloud midpoints leave it by length^2 / (8 radius),
/// which shows once that is more than the spacing: k chooses the scale that is tested, and where
/// chords reach from one component to the next their midpoints are in the gap. In a cloud that is
/// denser inside, such as a Gaussian of many dimensions, midpoints lie deeper than their ends and
/// have less than 1. So compare with `chord_null`.
///
/// \param points `[N, d]`, N >= 3
/// \throws shape_error for fewer than 2 rows; value_error for NaN, k outside [1, N - 1], rows that
///         are all equal, or where no chord can be measured; cancelled
///
/// O(N^2 d + chords N d) time, O(N (k + d)) memory; the same bits for every thread count and
/// storage order.
template <real_tensor<2> Points>
[[nodiscard]] chord_result chord_test(const Points& points, const chord_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::chord_test<scalar_of<Points, 2>>(held, options);
}

namespace detail {

template <class Scalar>
chord_nulls chord_null(const tensor_view<const Scalar, 2>& points, const chord_result& observed,
                       const surrogate_options& surrogates) {
  const auto statistics = [](const chord_result& r) {
    return std::array{r.mean, r.median, r.share_above_one};
  };
  auto nulls = nulls_over_surrogates(
      points, statistics(observed), with_estimator(surrogates, observed.options),
      [&](const owned_tensor<Scalar, 2>& cloud, const step_options& step) {
        return statistics(chord_test<Scalar>(cloud, step.of(observed.options)));
      });
  return {std::move(nulls[0]), std::move(nulls[1]), std::move(nulls[2])};
}

}  // namespace detail

/// The same on surrogates of the cloud, under the same exclusion.
///
/// \param observed   what `chord_test` gave on the points; its options are used
/// \param surrogates where it has no labels, rows have the contexts and positions of the exclusion
/// \throws as `chord_test` and `surrogate_null_of`
///
/// O(draws (N + chords) N d) time, O(N (k + d)) memory per thread.
template <real_tensor<2> Points>
[[nodiscard]] chord_nulls chord_null(const Points& points, const chord_result& observed,
                                     const surrogate_options& surrogates = {}) {
  const auto held = as_view<2>(points);
  return detail::chord_null<scalar_of<Points, 2>>(held, observed, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_MANIFOLD chord_result chord_test<float>(const tensor_view<const float, 2>&,
                                                 const chord_options&);
ATLAS_OF_MANIFOLD chord_result chord_test<double>(const tensor_view<const double, 2>&,
                                                  const chord_options&);
ATLAS_OF_MANIFOLD chord_nulls chord_null<float>(const tensor_view<const float, 2>&,
                                                const chord_result&, const surrogate_options&);
ATLAS_OF_MANIFOLD chord_nulls chord_null<double>(const tensor_view<const double, 2>&,
                                                 const chord_result&, const surrogate_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
