// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How strongly rows of one passage of text hang together, and over how many positions: what a
/// design of many passages with few rows each is there to avoid.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/dimension/surrogates/autocorrelation.hpp"
#include "atlas/dimension/surrogates/options.hpp"
#include "atlas/dimension/surrogates/principal.hpp"

namespace atlas::inline ATLAS_ABI {

struct passage_correlation_result {
  index_t contexts = 0;     ///< different ones
  index_t fewest_rows = 0;  ///< of a context
  index_t most_rows = 0;
  std::vector<double> lags;    ///< mean distance of the pairs of each bin, in positions, ascending
  std::vector<double> values;  ///< autocorrelation of the rows at these
  /// Distance at which the autocorrelation has fallen to 1/e, linear between 1 at distance 0 and
  /// the bins: at most this, where the first bin is below 1/e already. Infinite where it does not
  /// fall so far within contexts; NaN without positions, or where no two rows share a context.
  double length = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// Where a curve from 1 at distance 0 through some points first falls to `level`.
inline double first_crossing(const std::vector<double>& lags, const std::vector<double>& values,
                             double level) {
  double lag = 0, value = 1;
  for (std::size_t b = 0; b < lags.size(); ++b) {
    if (values[b] <= level) return std::lerp(lag, lags[b], (value - level) / (value - values[b]));
    lag = lags[b];
    value = values[b];
  }
  return std::numeric_limits<double>::infinity();
}

template <class Scalar>
passage_correlation_result passage_correlation(const tensor_view<const Scalar, 2>& points,
                                               const row_labels& labels) {
  check_not_empty(points, "points");
  check_finite(points, "points");
  if (points.extent(0) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  const context_places places = places_of(labels, points.extent(0));
  const principal_shape<Scalar> shape(points);
  if (shape.rank() == 0) throw value_error("points", "rows that differ", "all rows equal");
  passage_correlation_result out;
  out.contexts = static_cast<index_t>(places.rows.size());
  const auto [fewest, most] =
      std::minmax_element(places.rows.begin(), places.rows.end(),
                          [](const auto& a, const auto& b) { return a.size() < b.size(); });
  out.fewest_rows = static_cast<index_t>(fewest->size());
  out.most_rows = static_cast<index_t>(most->size());
  const auto found = pooled_autocorrelation(shape.coordinates(points), places);
  const Eigen::ArrayXd variance = shape.spread().array().square();
  for (std::size_t b = 0; b < found.lags.size(); ++b)
    out.values.push_back((found.values.row(static_cast<index_t>(b)).transpose() * variance).sum() /
                         variance.sum());
  if (!places.ordered) return out;
  out.lags = found.lags;
  if (places.any_shared()) out.length = first_crossing(out.lags, out.values, std::exp(-1.0));
  return out;
}

}  // namespace detail

/// The autocorrelation of rows along their contexts: of each principal component pooled over
/// contexts, about the mean of all rows, and averaged over components with their variances as
/// weights. Means that differ between contexts are part of it.
///
/// \param points `[N, d]`, N >= 2
/// \param labels of the rows; without contexts all are of one, without positions there is one value
///               for all pairs of a context
/// \throws shape_error for fewer than 2 rows or labels of another length; value_error for NaN, for
///         points that are all equal, or positions that repeat within a context
///
/// O(N d (d + rows of a context)) time.
template <real_tensor<2> Points>
[[nodiscard]] passage_correlation_result passage_correlation(const Points& points,
                                                             const row_labels& labels) {
  const auto held = as_view<2>(points);
  return detail::passage_correlation<scalar_of<Points, 2>>(held, labels);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_DIMENSION passage_correlation_result
passage_correlation<float>(const tensor_view<const float, 2>&, const row_labels&);
ATLAS_OF_DIMENSION passage_correlation_result
passage_correlation<double>(const tensor_view<const double, 2>&, const row_labels&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
