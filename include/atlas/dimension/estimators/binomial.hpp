// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The binomial estimator of continuous clouds: Macocco, Glielmo, Grilli, Laio, "Intrinsic
/// dimension estimation for discrete metrics", Phys. Rev. Lett. 130, 067401 (2023), equation 3 with
/// `V(r) = r^d`; with neighbourhoods of k neighbours Di Noia, Macocco, Glielmo, Laio, Rodriguez,
/// "Beyond the noise: intrinsic dimension estimation with optimal neighbourhood identification",
/// arXiv:2405.15132 (2024).

#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/correlation_integral.hpp"
#include "atlas/dimension/pair_counts.hpp"
#include "atlas/stats/special_functions.hpp"

namespace atlas::inline ATLAS_ABI {

/// How a probability of the binomial estimators becomes a dimension.
enum class binomial_method {
  mle,    ///< maximum likelihood
  bayes,  ///< mean of the dimension, the prior of the probability being uniform
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, binomial_method>, 2> names_of(
    binomial_method) {
  return {{{"mle", binomial_method::mle}, {"bayes", binomial_method::bayes}}};
}

namespace estimators {

/// Where rows are uniform, of K rows within R of a row each is within r R with probability r^d.
/// Over all rows n of K are, and the dimension is `ln(n / K) / ln r`.
///
/// With k > 0 each row has its own R, the distance to its k-th neighbour, within which K = k - 1
/// others lie. With k = 0 all have the same R: `radius`, or where that is 0 the median distance to
/// the 20th neighbour.
///
/// The peers take all K as independent. With one R each pair of rows is counted for both of them,
/// which alone makes their error too small by a root of 2, however the rows lie.
///
/// O(N k) time of k neighbours; O(N^2 d) of one R; O(N) memory.
struct binomial {
  double r = 0.5;     ///< inner radius as a share of the outer one, in (0, 1)
  index_t k = 0;      ///< neighbour at the outer radius, at least 2; 0: all rows have one radius
  double radius = 0;  ///< that one, for k = 0; 0: the median distance to the 20th neighbour
  binomial_method method = binomial_method::mle;

  static constexpr std::string_view name = "binomial";
  static constexpr bool needs_points = true;
  static constexpr index_t radius_neighbor = 20;  ///< whose median distance is the radius

  [[nodiscard]] index_t neighbors() const { return k > 0 ? k : radius > 0 ? 1 : radius_neighbor; }
  /// A radius that is given does not shrink as rows become many, and the slope stays that at it.
  [[nodiscard]] interval_claim claim() const {
    return k == 0 && radius > 0 ? interval_claim::own_mean : interval_claim::dimension;
  }
  void check_parameters() const {
    check_open_unit(r, "r");
    if (k != 0) check_between(k, 2, index_t{1} << 40, "k");
    if (!(radius >= 0 && std::isfinite(radius)))
      throw value_error("radius", "a finite number, 0 or more", detail::number_text(radius));
    if (k > 0 && radius > 0)
      throw value_error("radius", "0 where k neighbours give the radius",
                        detail::number_text(radius));
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("r", self.r);
    visit("k", self.k);
    visit("radius", self.radius);
    visit("method", self.method);
  }
};

}  // namespace estimators

namespace detail {

/// From all rows' numbers together. Of no inner rows, or no others, there is none: NaN.
template <class = lazy>
double dimension_of_share(double inner, double outer, double r, binomial_method method) {
  if (!(inner > 0 && inner < outer)) return std::nan("");
  if (method == binomial_method::mle) return std::log(inner / outer) / std::log(r);
  // The probability is Beta(1 + n, 1 + K - n); this is the mean of its logarithm over ln r.
  return (digamma(1 + inner) - digamma(2 + outer)) / std::log(r);
}

/// Neighbours of a row, of the first k, that are within a distance.
inline index_t count_near(const neighbor_table& table, index_t row, index_t k, double distance) {
  index_t count = 0;
  while (count < k && table.distances(row, count) <= distance) ++count;
  return count;
}

template <class = lazy>
void binomial_of_neighbors(const estimators::binomial& e, const neighbor_table& table,
                           raw_estimate& out) {
  Eigen::VectorXd inner(static_cast<index_t>(out.rows.size()));
  for (std::size_t i = 0; i < out.rows.size(); ++i)
    inner[static_cast<index_t>(i)] = static_cast<double>(
        count_near(table, out.rows[i], e.k - 1, e.r * table.distances(out.rows[i], e.k - 1)));
  const double sum = inner.sum();
  const double outer = static_cast<double>(e.k - 1) * static_cast<double>(out.rows.size());
  out.dimension = dimension_of_share(sum, outer, e.r, e.method);
  if (std::isnan(out.dimension)) return;
  out.linked = e.k;
  out.scores = inner / (sum * std::log(sum / outer));
}

template <class Scalar>
void binomial_of_radius(const estimators::binomial& e, const estimator_cloud<Scalar>& cloud,
                        raw_estimate& out) {
  const double radius =
      e.radius > 0 ? e.radius : median_distance(cloud.table, out.rows, e.neighbors());
  const pair_counts counts =
      count_within(cloud.points, {e.r * radius, radius}, out.rows, cloud.options);
  out.dimension = dimension_of_share(counts.sum(0), counts.sum(1), e.r, e.method);
  if (std::isnan(out.dimension)) return;
  out.scores = pair_scores(counts, {1, -1}) / std::log(counts.sum(0) / counts.sum(1));
}

template <class Scalar>
raw_estimate raw_dimension(const estimators::binomial& e, const estimator_cloud<Scalar>& cloud) {
  raw_estimate out;
  for (index_t i = 0; i < cloud.rows(); ++i)
    if (has_neighbors(cloud.table, i, e.neighbors(), out)) out.rows.push_back(i);
  if (out.rows.size() < 2) return out;
  if (e.k > 0)
    binomial_of_neighbors(e, cloud.table, out);
  else
    binomial_of_radius(e, cloud, out);
  if (std::isnan(out.dimension))
    out.why =
        "Of the rows within the outer radius none, or all, are within the inner one: take another "
        "r, or more rows.";
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<float>(const estimators::binomial&,
                                                      const estimator_cloud<float>&);
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<double>(const estimators::binomial&,
                                                       const estimator_cloud<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
