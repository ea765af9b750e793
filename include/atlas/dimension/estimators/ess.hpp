// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Expected simplex skewness: Johnsson, Soneson, Fontes, "Low bias local intrinsic dimension
/// estimation from expected simplex skewness", IEEE Trans. Pattern Anal. 37, 196 (2015).

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>
#include <utility>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/neighbor_offsets.hpp"
#include "atlas/linalg/reshape.hpp"
#include "atlas/stats/special_functions.hpp"

namespace atlas::inline ATLAS_ABI {

/// What is measured of the angle of two neighbours.
enum class simplex_measure {
  sine,    ///< the area that both span: version a of the paper
  cosine,  ///< the projection of one on the other: version b
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, simplex_measure>, 2> names_of(
    simplex_measure) {
  return {{{"a", simplex_measure::sine}, {"b", simplex_measure::cosine}}};
}

namespace estimators {

/// In a space of n dimensions two random directions are the closer to right angles the larger n
/// is. The k neighbours of a row, less their mean, give all `k (k - 1) / 2` pairs; the sum of
/// `|a| |b| |sin|` (or of the cosine) over that of `|a| |b|` is compared with what it is for
/// uniform directions, n being 1, 2, 3 and so on, with straight lines between. The dimension of the
/// cloud is a mean of the rows' values. Simplices are triangles (d = 1 of the paper).
///
/// Every pair is taken, however many there are, where other implementations draw 5000 of them at
/// random: nothing is random here. Sines of nearly parallel directions are of what is left of one
/// after its projection on the other, so that of data on a straight line version a is 1 to
/// rounding.
///
/// Rows that share neighbours are dependent; where k neighbours link most pairs of rows (k = 30 of
/// 500 rows) the interval is wider than it need be.
///
/// O(N k^2 d) time; O(k d + k^2) memory a thread beyond the neighbours. Periodic coordinates: as of
/// `tle`.
struct ess {
  index_t k = 100;  ///< neighbours, at least 3
  simplex_measure version = simplex_measure::sine;
  local_mean combine = local_mean::arithmetic;

  static constexpr std::string_view name = "ess";
  static constexpr bool needs_points = true;

  [[nodiscard]] index_t neighbors() const { return k; }
  /// Of k neighbours the mean takes a share of 1/k from the directions.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const { check_between(k, 3, index_t{1} << 30, "k"); }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("version", self.version);
    visit("combine", self.combine);
  }
};

}  // namespace estimators

namespace detail {

/// The mean of the sine, `G(n/2)^2 / (G((n+1)/2) G((n-1)/2))` with the Gamma function G, or of the
/// magnitude of the cosine, `G(n/2) / (sqrt(pi) G((n+1)/2))`, of two uniform directions in n
/// dimensions, n >= 1.
template <class = lazy>
double simplex_reference(simplex_measure measure, index_t n) {
  const double half = 0.5 * static_cast<double>(n);
  if (measure == simplex_measure::cosine)
    return 1 / (std::sqrt(std::numbers::pi) * gamma_half_step(half));
  return n == 1 ? 0 : gamma_half_step(half - 0.5) / gamma_half_step(half);
}

/// The dimension whose reference is that skewness; NaN beyond a million.
template <class = lazy>
double dimension_of_skewness(simplex_measure measure, double skewness) {
  const auto beyond = [&](index_t n) {
    const double reference = simplex_reference(measure, n);
    return measure == simplex_measure::sine ? reference > skewness : reference < skewness;
  };
  index_t low = 1, high = 2;  // low is never beyond
  while (!beyond(high)) {
    if (high > index_t{1} << 20) return std::numeric_limits<double>::quiet_NaN();
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const index_t middle = low + (high - low) / 2;
    (beyond(middle) ? high : low) = middle;
  }
  const double at = simplex_reference(measure, low), next = simplex_reference(measure, high);
  return static_cast<double>(low) + (skewness - at) / (next - at);
}

/// The area that a and b span, where their angle is too small for it to be had from products.
/// \param aa, ab products of a with itself and with b
template <class A, class B>
double narrow_area(const A& a, const B& b, double aa, double ab) {
  return aa > 0 ? std::sqrt(aa) * (b - (ab / aa) * a).norm() : 0;
}

/// The sum of the areas that point i spans with those before it.
/// \param products of all points with each other
template <class = lazy>
double spanned_areas(const row_matrix<double>& points, const row_matrix<double>& products,
                     const Eigen::ArrayXd& squares, index_t i) {
  constexpr double narrow = 1e-5;  // of the sine's square: the area has eleven digits above it
  const auto mixed = products.row(i).head(i).array().transpose();
  const auto whole = squares.head(i) * squares[i];
  const auto areas = whole - mixed.square();
  if ((areas > narrow * whole).all()) return areas.sqrt().sum();
  double sum = 0;
  for (index_t j = 0; j < i; ++j)
    sum += areas[j] > narrow * whole[j]
               ? std::sqrt(areas[j])
               : narrow_area(points.row(i), points.row(j), squares[i], products(i, j));
  return sum;
}

/// Of points as rows, which are moved so that their mean is 0; NaN where all are one.
template <class = lazy>
double simplex_skewness(simplex_measure measure, row_matrix<double>& points,
                        row_matrix<double>& products) {
  const Eigen::RowVectorXd mean = points.colwise().mean();
  points.rowwise() -= mean;
  const index_t k = points.rows();
  reshape(products, k, k);
  products.noalias() = points * points.transpose();
  const Eigen::ArrayXd squares = products.diagonal().array(), lengths = squares.sqrt();
  double measured = 0, weight = 0;
  for (index_t i = 1; i < k; ++i) {
    weight += lengths[i] * lengths.head(i).sum();
    measured += measure == simplex_measure::cosine ? products.row(i).head(i).cwiseAbs().sum()
                                                   : spanned_areas(points, products, squares, i);
  }
  return weight > 0 ? measured / weight : std::numeric_limits<double>::quiet_NaN();
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::ess& e, const estimator_cloud<Scalar>& cloud) {
  raw_estimate out;
  fill_local(
      cloud, e.k,
      [&](neighbor_offsets& around) {
        const double skewness = simplex_skewness(e.version, around.offsets, around.products);
        return std::isnan(skewness) ? skewness : dimension_of_skewness(e.version, skewness);
      },
      out);
  combine_local(e.combine, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::ess&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::ess&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
