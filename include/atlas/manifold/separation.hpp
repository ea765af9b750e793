// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether labels (layers, heads, ranges of positions) mark different places of a cloud.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/dimension/surrogate.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/manifold/stacked_clouds.hpp"
#include "atlas/neighbors/rounding/row_distances.hpp"
#include "atlas/neighbors/rounding/wide_range.hpp"
#include "atlas/stats/label_groups.hpp"
#include "atlas/stats/permutation.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct separation_options {
  index_t permutations = 999;  ///< of the labels, the null; at least `least_draws`
  index_t rows_per_block = 1;  ///< rows that are shuffled together: runs that belong together
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

struct separation_result {
  double ratio = 0;       ///< within / between: well below `null_ratio` where groups are apart
  double null_ratio = 0;  ///< median with the labels permuted
  double within = 0;      ///< mean distance of a row to its group's centroid
  double between = 0;     ///< mean distance of two centroids
  index_t groups = 0;
  /// between / within. The nulls are of it: permuted centroids may nearly coincide, so that the
  /// ratio has a long tail there and no useful standard deviation.
  double contrast = 0;
  double null_mean = 0;  ///< of the contrast with the labels permuted
  double null_sd = 0;
  /// `(contrast - null_mean) / (null_sd sqrt(1 + 1/n))` of n permutations: positive where groups
  /// are apart.
  double z = 0;
  double p = 0;  ///< one-sided: of a contrast as high
};

namespace detail {

/// Distances of rows to their centroids and between centroids. Row i has the label of row
/// `order[i]`.
template <class Scalar>
class separation_measure {
 public:
  separation_measure(const tensor_view<const Scalar, 2>& points, const label_groups& labels)
      : rows_(points.extent(0), points.extent(1)), labels_(labels) {
    const row_scale<> scale = squarable_scale(points);
    exponent_ = scale.exponent();
    shifted_rows<Scalar, double>(points, scale).centre(0, rows_.rows(), rows_);
  }

  separation_result of(const std::vector<index_t>& order) const {
    const row_matrix<double> centroids = find_centroids(order);
    separation_result out;
    out.groups = labels_.groups;
    for (index_t i = 0; i < rows_.rows(); ++i)
      out.within += distance(centroids.row(group(order, i)), rows_.row(i));
    out.within /= static_cast<double>(rows_.rows());
    for (index_t a = 0; a < out.groups; ++a)
      for (index_t b = a + 1; b < out.groups; ++b)
        out.between += distance(centroids.row(a), centroids.row(b));
    out.between /= 0.5 * static_cast<double>(out.groups * (out.groups - 1));
    out.ratio = out.within / out.between;
    out.contrast = out.between / out.within;
    out.within = std::ldexp(out.within, -exponent_);
    out.between = std::ldexp(out.between, -exponent_);
    return out;
  }

 private:
  index_t group(const std::vector<index_t>& order, index_t row) const {
    return labels_.group[static_cast<std::size_t>(order[static_cast<std::size_t>(row)])];
  }

  template <class A, class B>
  static double distance(const A& a, const B& b) {
    return distance_of_rows(a.data(), b.data(), a.cols());
  }

  row_matrix<double> find_centroids(const std::vector<index_t>& order) const {
    row_matrix<double> centroids = row_matrix<double>::Zero(labels_.groups, rows_.cols());
    std::vector<double> members(static_cast<std::size_t>(labels_.groups), 0);
    for (index_t i = 0; i < rows_.rows(); ++i) {
      const index_t g = group(order, i);
      ++members[static_cast<std::size_t>(g)];
      centroids.row(g) += rows_.row(i);
    }
    for (index_t g = 0; g < labels_.groups; ++g)
      centroids.row(g) /= members[static_cast<std::size_t>(g)];
    return centroids;
  }

  int exponent_ = 0;         ///< of the rows' power of two
  row_matrix<double> rows_;  ///< less their mean, so that an offset of the cloud costs no digits
  const label_groups& labels_;
};

inline std::vector<index_t> rows_in_order(index_t n) {
  std::vector<index_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), index_t{0});
  return order;
}

inline void compare_with_permuted(separation_result& out, std::vector<double> contrasts) {
  const sample_summary s = summarize(contrasts);
  std::sort(contrasts.begin(), contrasts.end());
  out.null_ratio = 1 / sorted_quantile(contrasts, 0.5);
  out.null_mean = s.mean;
  out.null_sd = s.sd;
  out.z = score_against_draws(out.contrast, s.mean, s.sd, s.count).z;
  constexpr double rounding = 1e-12;  // the same groups under other labels sum in another order
  const auto hits = contrasts.end() - std::lower_bound(contrasts.begin(), contrasts.end(),
                                                       out.contrast * (1 - rounding));
  out.p = static_cast<double>(hits + 1) / static_cast<double>(contrasts.size() + 1);
}

/// \throws as `separation`
template <class Scalar>
void check_separation(const tensor_view<const Scalar, 2>& points, const label_groups& labels) {
  check_not_empty(points, "points");
  check_finite(points, "points");
  check_extent(static_cast<index_t>(labels.group.size()), points.extent(0), "labels",
               "one per row,");
  if (labels.groups < 2) throw value_error("labels", "at least 2 different ones", "1");
  if (labels.groups == points.extent(0))
    throw value_error("labels", "groups of more than one row", "a label of its own for every row");
}

template <class Scalar>
separation_result separation(const tensor_view<const Scalar, 2>& points, const label_groups& labels,
                             const separation_options& options) {
  check_separation(points, labels);
  check_draws(options.permutations, "permutations");
  const separation_measure<Scalar> measure(points, labels);
  separation_result out = measure.of(rows_in_order(points.extent(0)));
  if (!(out.within > 0 && out.between > 0))
    throw value_error("points", "rows and centroids that differ", "equal ones");
  const permutation_options shuffles{.permutations = options.permutations,
                                     .rows_per_block = options.rows_per_block,
                                     .seed = options.seed,
                                     .threads = options.threads,
                                     .on_progress = options.on_progress};
  compare_with_permuted(out, permutation_draws(points.extent(0), shuffles, [&](const auto& order) {
                          return measure.of(order).contrast;
                        }));
  return out;
}

}  // namespace detail

/// Mean distance of rows to the centroid of their own group over the mean distance between
/// centroids.
///
/// The ratio has no scale of its own: centroids of n rows each differ by chance, and groups that
/// mean nothing have a ratio of about sqrt(n / 2). The null is that of permuted labels: as many
/// rows of each label, on the same points. It takes rows as independent of each other. Those of one
/// text at nearby positions are not, so that ranges of positions are apart a little by that alone:
/// shuffle whole runs (`rows_per_block`) where labels allow it, and else take `separation_null`.
///
/// \param points `[N, d]`
/// \param labels `[N]`, whole numbers, at least 2 different ones: layers, heads, contexts, or
///               `position_groups`
/// \throws shape_error for an empty cloud or labels of another length; value_error for NaN, a
///         single label, a label of its own for every row, rows or centroids that are all equal,
///         fewer than `least_draws` permutations
///
/// O(permutations (N + groups^2) d) time, O(N d) memory; the same bits for every thread count.
template <real_tensor<2> Points, whole_tensor<1> Labels>
[[nodiscard]] separation_result separation(const Points& points, const Labels& labels,
                                           const separation_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::separation<scalar_of<Points, 2>>(held, detail::number_labels(labels, "labels"),
                                                  options);
}

/// The same for several clouds in the same coordinates, each of which is a group: the layers, or
/// the heads of one layer.
/// \param clouds `[G, N, d]`, G >= 2
template <real_tensor<3> Clouds>
[[nodiscard]] separation_result separation_of_clouds(const Clouds& clouds,
                                                     const separation_options& options = {}) {
  using scalar = scalar_of<Clouds, 3>;
  const auto held = as_view<3>(clouds);
  const tensor_view<const scalar, 3>& view = held;
  check_not_empty(view, "clouds");
  detail::label_groups labels{{}, view.extent(0)};
  for (index_t i = 0; i < view.extent(0) * view.extent(1); ++i)
    labels.group.push_back(i / view.extent(1));
  return detail::separation<scalar>(detail::stacked(view, false), labels, options);
}

namespace detail {

template <class Scalar>
surrogate_null separation_null(const tensor_view<const Scalar, 2>& points,
                               const label_groups& labels, const separation_result& observed,
                               const surrogate_options& surrogates) {
  check_separation(points, labels);
  const auto order = rows_in_order(points.extent(0));
  return nulls_over_surrogates(
      points, std::array{observed.contrast}, surrogates,
      [&](const owned_tensor<Scalar, 2>& cloud, const step_options&) {
        return std::array{separation_measure<Scalar>(cloud, labels).of(order).contrast};
      })[0];
}

}  // namespace detail

/// The contrast on surrogates of the cloud, labels as they are. There the labels are independent of
/// the rows but for what both have to do with contexts and positions, which permutations break:
/// ranges of positions are apart in a text that hangs together, and are so in serial surrogates
/// too.
///
/// \param observed   what `separation` gave on the points
/// \param surrogates with the rows' contexts and positions, where they have any
/// \throws as `separation` and `surrogate_null_of`
///
/// O(draws N d^2) time, O(N d) memory per thread.
template <real_tensor<2> Points, whole_tensor<1> Labels>
[[nodiscard]] surrogate_null separation_null(const Points& points, const Labels& labels,
                                             const separation_result& observed,
                                             const surrogate_options& surrogates = {}) {
  const auto held = as_view<2>(points);
  return detail::separation_null<scalar_of<Points, 2>>(
      held, detail::number_labels(labels, "labels"), observed, surrogates);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_MANIFOLD separation_result separation<float>(const tensor_view<const float, 2>&,
                                                      const label_groups&,
                                                      const separation_options&);
ATLAS_OF_MANIFOLD separation_result separation<double>(const tensor_view<const double, 2>&,
                                                       const label_groups&,
                                                       const separation_options&);
ATLAS_OF_MANIFOLD surrogate_null separation_null<float>(const tensor_view<const float, 2>&,
                                                        const label_groups&,
                                                        const separation_result&,
                                                        const surrogate_options&);
ATLAS_OF_MANIFOLD surrogate_null separation_null<double>(const tensor_view<const double, 2>&,
                                                         const label_groups&,
                                                         const separation_result&,
                                                         const surrogate_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
