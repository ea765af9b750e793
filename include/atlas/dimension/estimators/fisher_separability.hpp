// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension from how many rows a hyperplane cannot separate from the others: Albergante, Bac,
/// Zinovyev, "Estimating the effective dimension of large biological datasets using Fisher
/// separability analysis", IJCNN 2019; Gorban, Golubkov, Grechuk, Mirkes, Tyukin, "Correction of AI
/// systems by linear discriminants", Inf. Sci. 466, 303 (2018).

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/linalg/covariance.hpp"
#include "atlas/linalg/eigenbasis.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/linalg/row_matrix.hpp"
#include "atlas/neighbors/periods.hpp"
#include "atlas/stats/special_functions.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// Rows are centred, turned to their principal components, of which those are kept whose variance
/// is above the largest over `conditional_number`, scaled to variance 1 and then to length 1. A row
/// x is not separated from y at alpha where `<x, y> >= alpha <x, x>`. The share p of pairs that are
/// not is held against that of rows that are uniform on a sphere in n dimensions, solved for n
/// (Albergante and others 2019, equation 6):
/// `n(alpha) = W(-w / (2 pi p^2 alpha^2 (1 - alpha^2))) / -w`, `w = ln(1 - alpha^2)`, W being
/// Lambert's. Alphas are 0.60, 0.62 to 0.98, and the dimension is n at the one nearest to nine
/// tenths of the largest with p > 0 (the lower of two equally near).
///
/// n counts the coordinates of the space that the sphere lies in: a cloud that fills a space of d
/// dimensions reads about d, a sphere of dimension d about d + 1. It looks at directions across
/// the whole cloud, not at neighbourhoods: a curved surface reads as the space that it fills, and
/// never more than about the number of components kept, which the remark tells. Near that number,
/// raise `conditional_number` to see whether the cloud or the cut made it.
///
/// O(N^2 m) time for m components kept, each pair of rows compared once and for all alphas; O(N m)
/// memory. Products are in single precision, and pairs within its rounding of an alpha are compared
/// in double: counts are exact to that of double.
struct fisher_separability {
  double conditional_number = 10;  ///< largest over smallest variance kept; above 1

  static constexpr std::string_view name = "fisher_separability";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return 0; }
  /// What the same share of pairs would be of on a sphere; of other clouds no dimension.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    if (!(conditional_number > 1 && std::isfinite(conditional_number)))
      throw value_error("conditional_number", "a number above 1",
                        detail::number_text(conditional_number));
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("conditional_number", self.conditional_number);
  }
};

}  // namespace estimators

/// How many alphas rows are compared at.
inline constexpr std::size_t fisher_alpha_count = 20;

/// What `fisher_profile` returns.
struct fisher_profile_result {
  std::array<double, fisher_alpha_count> alpha{};  ///< 0.60 to 0.98
  /// Share of ordered pairs of rows that are not separated at each alpha.
  std::array<double, fisher_alpha_count> inseparable{};
  /// Dimension of a sphere's space with the same share; NaN where the share is 0.
  std::array<double, fisher_alpha_count> dimension{};
  index_t chosen = -1;     ///< place of the alpha whose dimension is the estimate; -1: none is
  index_t rows = 0;        ///< that entered: all but those at the centre of the cloud
  index_t components = 0;  ///< principal components kept
};

namespace detail {

/// The k-th alpha; the nearest double to its two digits.
constexpr double fisher_alpha(std::size_t k) {
  return static_cast<double>(60 + 2 * k) / 100;
}

/// Rows of length 1, in single and double precision.
struct directions {
  row_matrix<double> exact;   ///< `[n, m]`
  row_matrix<float> rounded;  ///< `[n, m]`
  std::vector<index_t> rows;  ///< `[n]`, of the cloud, ascending
};

/// The axes of the principal components that are kept, each over its standard deviation: `[d, m]`.
template <class = lazy>
Eigen::MatrixXd whitening_axes(const Eigen::MatrixXd& covariance, double conditional_number) {
  const eigenbasis basis = symmetric_eigenbasis(covariance);
  index_t kept = 0;
  const double least = basis.values.size() > 0 ? basis.values[0] / conditional_number : 0;
  while (kept < basis.values.size() && basis.values[kept] > (std::max)(least, 0.0)) ++kept;
  return basis.vectors.leftCols(kept) *
         basis.values.head(kept).cwiseSqrt().cwiseInverse().asDiagonal();
}

/// Rows centred, whitened, and brought to length 1; those at the centre are left out.
template <class Scalar>
directions directions_of(const tensor_view<const Scalar, 2>& points, double conditional_number) {
  constexpr index_t block = 256;
  const cloud_moments m = moments<Scalar, double>(points);
  const row_scale<double> scale =
      m.exponent == 0 ? row_scale<double>{} : scale_of_rows<Scalar, double>(points);
  const shifted_rows<Scalar, double> shifted(points, scale);
  const Eigen::MatrixXd axes = whitening_axes(m.covariance, conditional_number);
  directions out;
  out.exact.resize(points.extent(0), axes.cols());
  row_matrix<double> centred(block, points.extent(1)), turned(block, axes.cols());
  index_t filled = 0;
  for (index_t from = 0; axes.cols() > 0 && from < points.extent(0); from += block) {
    const index_t count = (std::min)(block, points.extent(0) - from);
    shifted.centre(from, count, centred);
    turned.noalias() = centred * axes;
    for (index_t i = 0; i < count; ++i) {
      const double length = turned.row(i).norm();
      if (!(length > 0)) continue;
      out.exact.row(filled++) = turned.row(i) / length;
      out.rows.push_back(from + i);
    }
  }
  out.exact.conservativeResize(filled, axes.cols());
  out.rounded = out.exact.cast<float>();
  return out;
}

/// Pairs of rows by the largest alpha that does not separate them.
using threshold_counts = std::array<index_t, fisher_alpha_count>;

/// Counts pairs from tiles of cosines.
class cosine_counter {
 public:
  /// `d` outlives it.
  explicit cosine_counter(const directions& d)
      : d_(d),
        unsure_(static_cast<double>(d.exact.cols() + 8) *
                static_cast<double>(std::numeric_limits<float>::epsilon())),
        least_(static_cast<float>(fisher_alpha(0) - 2 * unsure_)) {}

  /// Of rows `[from, from + count)` with all from there on.
  void count(index_t from, index_t count, threshold_counts& out) const {
    row_matrix<float> tile;
    for (index_t other = from; other < d_.rounded.rows(); other += width) {
      const index_t columns = (std::min)(width, d_.rounded.rows() - other);
      reshape(tile, count, columns);
      tile.noalias() =
          d_.rounded.middleRows(from, count) * d_.rounded.middleRows(other, columns).transpose();
      for (index_t i = 0; i < count; ++i)
        scan(from + i, other, tile.data() + i * columns, columns, out);
    }
  }

  static constexpr index_t width = 256;

 private:
  /// Cosines of row i with those from `other` on; a pair counts where the other row is the later.
  void scan(index_t i, index_t other, const float* cosines, index_t count,
            threshold_counts& out) const {
    constexpr index_t lanes = 16;
    for (index_t j = 0; j < count; j += lanes) {
      const index_t end = (std::min)(count, j + lanes);
      float largest = -1;
      for (index_t l = j; l < end; ++l) largest = (std::max)(largest, cosines[l]);
      if (largest < least_) continue;
      for (index_t l = j; l < end; ++l)
        if (cosines[l] >= least_ && other + l > i) add(i, other + l, cosines[l], out);
    }
  }

  void add(index_t i, index_t j, double cosine, threshold_counts& out) const {
    const double nearest = std::round(50 * cosine) / 50;  // alphas are 0.02 apart
    if (std::abs(cosine - nearest) <= unsure_) cosine = d_.exact.row(i).dot(d_.exact.row(j));
    auto place = static_cast<index_t>((cosine - fisher_alpha(0)) * 50);
    place = std::clamp<index_t>(place, 0, static_cast<index_t>(fisher_alpha_count) - 1);
    while (place >= 0 && cosine < fisher_alpha(static_cast<std::size_t>(place))) --place;
    while (place + 1 < static_cast<index_t>(fisher_alpha_count) &&
           cosine >= fisher_alpha(static_cast<std::size_t>(place + 1)))
      ++place;
    if (place >= 0) ++out[static_cast<std::size_t>(place)];
  }

  const directions& d_;
  double unsure_;
  float least_;
};

template <class = lazy>
threshold_counts count_cosines(const directions& d, int threads) {
  const cosine_counter counter(d);
  const index_t n = d.exact.rows(), blocks = (n + counter.width - 1) / counter.width;
  std::vector<threshold_counts> of_block(static_cast<std::size_t>(blocks));
  parallel_for(blocks, threads, [&](index_t b) {
    const index_t from = b * counter.width;
    counter.count(from, (std::min)(counter.width, n - from), of_block[static_cast<std::size_t>(b)]);
  });
  threshold_counts out{};
  for (const threshold_counts& counts : of_block)
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += counts[k];
  return out;
}

/// Dimension of the space of a sphere with this share of pairs; NaN for a share of 0.
template <class = lazy>
double dimension_of_share(double share, double alpha) {
  if (!(share > 0)) return std::numeric_limits<double>::quiet_NaN();
  const double rest = 1 - alpha * alpha, w = std::log(rest);
  return lambert_w(-w / (2 * std::numbers::pi * share * share * alpha * alpha * rest)) / -w;
}

/// The alpha nearest to nine tenths of the largest with a share above 0; -1 where there is none.
inline index_t chosen_alpha(const std::array<double, fisher_alpha_count>& shares) {
  auto last = static_cast<index_t>(fisher_alpha_count) - 1;
  while (last >= 0 && !(shares[static_cast<std::size_t>(last)] > 0)) --last;
  if (last < 0) return -1;
  // In hundredths alphas are 60 + 2 k, and nine tenths of the largest is wanted.
  const index_t tenths_wanted = 9 * (60 + 2 * last);
  const index_t place = (tenths_wanted - 600 + 9) / 20;  // halves round down
  return std::clamp<index_t>(place, 0, last);
}

template <class = lazy>
fisher_profile_result profile_of_directions(const directions& d, int threads) {
  fisher_profile_result out;
  const auto n = static_cast<double>(d.exact.rows());
  out.rows = d.exact.rows();
  out.components = d.exact.cols();
  const threshold_counts counts = count_cosines(d, threads);
  double pairs = 0;
  for (std::size_t k = fisher_alpha_count; k-- > 0;) {
    pairs += static_cast<double>(counts[k]);
    out.alpha[k] = fisher_alpha(k);
    out.inseparable[k] = n > 1 ? 2 * pairs / (n * (n - 1)) : 0;
    out.dimension[k] = dimension_of_share(out.inseparable[k], out.alpha[k]);
  }
  out.chosen = chosen_alpha(out.inseparable);
  return out;
}

/// What a reader has to know of an estimate.
inline std::string fisher_remark(const fisher_profile_result& profile, index_t rows,
                                 index_t columns) {
  std::string out =
      "A dimension is found only up to about the number of principal components "
      "kept, " +
      std::to_string(profile.components) + " of " + std::to_string(columns) + ".";
  if (profile.rows < rows)
    out += " Left out as at the centre: " + std::to_string(rows - profile.rows) + " rows.";
  return out;
}

/// Directions across the cloud are of no torus, and of no pairs of neighbours.
template <class Scalar>
void refuse_for_directions(const estimator_cloud<Scalar>& cloud) {
  if (cloud.options.exclude.active())
    throw value_error("exclude",
                      "no exclusion: all pairs of rows are compared, near or far; labels for the "
                      "error go to `context`",
                      "one");
  if (!box_lengths(cloud.options.periods, cloud.points.extent(1)).empty())
    throw value_error("periods", "none: principal components need straight lines", "some");
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::fisher_separability& e,
                           const estimator_cloud<Scalar>& cloud) {
  refuse_for_directions(cloud);
  directions d = directions_of(cloud.points, e.conditional_number);
  const fisher_profile_result profile = profile_of_directions(d, cloud.options.threads);
  raw_estimate out;
  out.remark = fisher_remark(profile, cloud.rows(), cloud.points.extent(1));
  out.rows = std::move(d.rows);
  if (profile.chosen >= 0)
    out.dimension = profile.dimension[static_cast<std::size_t>(profile.chosen)];
  else
    out.why = "No pair of rows is inseparable at alpha 0.6: too few rows for their dimension.";
  if (profile.chosen < 0 && cloud.options.degenerate == degenerate_policy::error)
    throw value_error("points", "rows of which some are not separated at alpha 0.6",
                      std::to_string(profile.rows) + " rows that all are, in " +
                          std::to_string(profile.components) +
                          " components: too few for their dimension");
  return out;
}

template <class Scalar>
fisher_profile_result fisher_profile(const tensor_view<const Scalar, 2>& points,
                                     const estimators::fisher_separability& e,
                                     const thread_options& options) {
  e.check_parameters();
  check_not_empty(points, "points");
  if (points.extent(0) < 2) throw shape_error("points", "at least 2 rows", "1 row");
  check_finite(points, "points");
  return profile_of_directions(directions_of(points, e.conditional_number), options.threads);
}

}  // namespace detail

/// The shares of inseparable pairs of rows at all alphas, and the dimensions that they stand for:
/// what the estimate is chosen from. Rows that coincide are not merged here.
///
/// \param points `[N, d]`, N >= 2
/// \throws shape_error for fewer than 2 rows; value_error for NaN or a conditional number that is
///         not above 1
///
/// O(N^2 m) time for m components kept, O(N m) memory; the same bits for every thread count.
template <real_tensor<2> Points>
[[nodiscard]] fisher_profile_result fisher_profile(
    const Points& points, const estimators::fisher_separability& estimator = {},
    const thread_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::fisher_profile<scalar_of<Points, 2>>(held, estimator, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::fisher_separability&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::fisher_separability&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
