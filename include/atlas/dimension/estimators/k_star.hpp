// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Neighbourhoods as large as the density is uniform: Rodriguez, d'Errico, Facco, Laio, "Computing
/// the free energy without collective variables", J. Chem. Theory Comput. 14, 1206 (2018), section
/// 2.1; and the dimension within them: Di Noia, Macocco, Glielmo, Laio, Rodriguez, "Beyond the
/// noise: intrinsic dimension estimation with optimal neighbourhood identification",
/// arXiv:2405.15132 (2024).

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/decreasing_root.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/binomial.hpp"
#include "atlas/dimension/estimators/density_changes.hpp"
#include "atlas/dimension/two_nn_estimators.hpp"
#include "atlas/neighbors/neighbor_table.hpp"

namespace atlas::inline ATLAS_ABI {

/// What is estimated within the neighbourhoods.
enum class k_star_method {
  gride,     ///< maximum likelihood of `r_2n / r_n`, 2n being each row's own number of neighbours
  binomial,  ///< the share of each row's neighbours that are within r of its outermost
};

/// Names of a parameter's values, as the program reads and prints them.
[[nodiscard]] constexpr std::array<std::pair<std::string_view, k_star_method>, 2> names_of(
    k_star_method) {
  return {{{"gride", k_star_method::gride}, {"binomial", k_star_method::binomial}}};
}

/// When the density around a row is not that around its neighbour any longer.
struct k_star_options {
  double alpha = 1e-6;  ///< probability that a test of one k rejects where the density is the same
  index_t max_k = 100;  ///< at least 5; no neighbourhood has more than max_k - 1 neighbours
  int threads = 0;      ///< 0: all of the machine
};

namespace estimators {

/// The dimension of a cloud whose density varies. It begins with that of `r_2 / r_1` (regression, a
/// tenth discarded); then, `iterations` times over, each row gets as many neighbours as the density
/// appears uniform for, given the dimension (`k_star`), and the dimension is estimated within
/// these.
///
/// `binomial` counts the k* - 1 neighbours nearer than the k*-th that are within
/// `min(0.975, 0.2032^(1/d))` of its distance, the share that tells most of d; `gride` needs an
/// even number, so an odd k* becomes k* + 1.
///
/// Neighbourhoods end at max_k - 1, and in clouds of uniform density most do, which is no finding
/// of where the density changes: the remark says how many. It says, too, where the last iteration
/// still moved the estimate by more than one in a hundred, since iterations may go to and fro for
/// ever.
///
/// The error takes the neighbourhoods as given. Where N is less than 20 times the largest of them
/// most rows have neighbours in common, and the error is that of halves of the rows, which is on
/// the large side: a half has neighbourhoods that are twice as large for its size.
///
/// The peer returns, of all rounds but the last, numbers of neighbours that it has made even in
/// place, and an error that takes rows with common neighbours as independent.
///
/// O(N max_k) time and O(N max_k) memory at most, O(N log max_k) where no density changes steadily,
/// beyond the search for neighbours.
struct k_star {
  k_star_method method = k_star_method::binomial;
  double alpha = 1e-6;     ///< of `k_star_options`
  index_t max_k = 100;     ///< of `k_star_options`; so many neighbours are looked for
  index_t iterations = 5;  ///< at least 1

  static constexpr std::string_view name = "k_star";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return max_k; }
  /// Where a neighbourhood ends depends on the distances that the estimate is made of.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    check_open_unit(alpha, "alpha");
    check_between(max_k, 5, index_t{1} << 40, "max_k");
    check_between(iterations, 1, index_t{1} << 20, "iterations");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("method", self.method);
    visit("alpha", self.alpha);
    visit("max_k", self.max_k);
    visit("iterations", self.iterations);
  }
};

}  // namespace estimators

namespace detail {

/// Regression of the logarithms of r2/r1, a tenth discarded; NaN of too few.
template <class = lazy>
double first_dimension(const neighbor_table& table, const std::vector<index_t>& rows) {
  std::vector<double> ratios;
  for (const index_t i : rows)
    ratios.push_back(log_of_ratio(table.distances(i, 1), table.distances(i, 0)));
  std::sort(ratios.begin(), ratios.end());
  const auto kept = static_cast<std::size_t>(0.9 * static_cast<double>(ratios.size()) + 1e-9);
  if (kept < 2 || !(ratios[kept - 1] > 0)) return std::nan("");
  return regression_estimate(ratios, kept, 0.95).dimension;
}

/// `l / (1 - exp(-d l))`, 1/d at l = 0.
inline double inverse_rate(double l, double d) {
  return l > 0 ? -l / std::expm1(-d * l) : 1 / d;
}

/// Ratios of distances of order 2n and n, n being a row's own.
struct order_ratio {
  double order = 0;      ///< n
  double logarithm = 0;  ///< of r_2n / r_n

  /// Derivative of the logarithm of the likelihood of d (Denti et al. 2022, equation 4).
  double slope(double d) const {
    return 1 / d + (order - 1) * inverse_rate(logarithm, d) - (2 * order - 1) * logarithm;
  }
  /// Minus the second derivative.
  double curvature(double d) const {
    const double half = 0.5 * d * logarithm;
    const double part = half > 0 ? half / std::sinh(half) : 1.0;
    return (1 + (order - 1) * part * part) / (d * d);
  }
};

/// Root of the summed slopes, one row's share less (which makes the estimate of one n unbiased to
/// first order): they fall from infinity. NaN where all distances are equal.
template <class = lazy>
double gride_root(const std::vector<order_ratio>& ratios) {
  const auto sum = [&](double d) {
    double out = -1 / d;
    for (const order_ratio& r : ratios) out += r.slope(d);
    return out;
  };
  return root_by_halving(sum, 1e12);
}

/// Dimension and scores by one method within neighbourhoods of their own sizes.
struct within_neighborhoods {
  const neighbor_table& table;

  template <class = lazy>
  double gride(const std::vector<index_t>& k, raw_estimate& out) const {
    std::vector<order_ratio> ratios;
    for (const index_t i : out.rows) {
      const index_t n = (k[static_cast<std::size_t>(i)] + 1) / 2;
      ratios.push_back({static_cast<double>(n),
                        log_of_ratio(table.distances(i, 2 * n - 1), table.distances(i, n - 1))});
    }
    const double d = gride_root(ratios);
    double curvature = 0;
    for (const order_ratio& r : ratios) curvature += r.curvature(d);
    out.scores.resize(static_cast<index_t>(ratios.size()));
    for (std::size_t i = 0; i < ratios.size(); ++i)
      out.scores[static_cast<index_t>(i)] = ratios[i].slope(d) / (d * curvature);
    return d;
  }

  /// \param before the dimension that the ratio of radii is chosen by
  template <class = lazy>
  double binomial(const std::vector<index_t>& k, double before, raw_estimate& out) const {
    const double r = (std::min)(0.975, std::pow(0.2032, 1 / before));
    const auto n = static_cast<index_t>(out.rows.size());
    Eigen::VectorXd inner(n), outer(n);
    for (index_t i = 0; i < n; ++i) {
      const index_t row = out.rows[static_cast<std::size_t>(i)];
      const index_t own = k[static_cast<std::size_t>(row)];
      outer[i] = static_cast<double>(own - 1);
      inner[i] =
          static_cast<double>(count_near(table, row, own - 1, r * table.distances(row, own - 1)));
    }
    out.scores = (inner / inner.sum() - outer / outer.sum()) / std::log(inner.sum() / outer.sum());
    return dimension_of_share(inner.sum(), outer.sum(), r, binomial_method::mle);
  }
};

/// What a reader has to know of neighbourhoods that end at max_k, and of rounds that do not settle.
template <class = lazy>
std::string k_star_remark(const std::vector<index_t>& k, const raw_estimate& out, index_t max_k,
                          double before) {
  index_t ended = 0;
  for (const index_t i : out.rows) ended += k[static_cast<std::size_t>(i)] == max_k - 1 ? 1 : 0;
  std::string text;
  if (ended > 0)
    text = std::to_string(ended) + " of " + std::to_string(out.rows.size()) +
           " neighbourhoods end at max_k - 1 = " + std::to_string(max_k - 1) +
           ", not where the density changes";
  const double moved = std::abs(out.dimension - before);
  if (moved > 0.01 * out.dimension)
    text += (text.empty() ? "" : "; ") + std::string("the last iteration moved the dimension by ") +
            number_text(0.001 * std::round(1000 * moved));
  return text.empty() ? text : text + ".";
}

template <class = lazy>
raw_estimate raw_dimension(const estimators::k_star& e, const neighbor_rows& cloud) {
  raw_estimate out;
  out.rows = rows_with_neighbors(cloud.table, e.max_k, out);
  if (out.rows.size() < 3) return out;
  const int threads = cloud.options.threads;
  const std::vector<double> limits = density_limits(e.alpha, e.max_k);
  density_changes<> changes(cloud.table, limits);
  const within_neighborhoods within{cloud.table};
  std::vector<index_t> k;
  double before = 0;
  out.dimension = first_dimension(cloud.table, out.rows);
  for (index_t round = 0; round < e.iterations && out.dimension > 0; ++round) {
    before = out.dimension;
    k = neighborhoods(changes, before, out.rows, cloud.rows(), threads);
    out.dimension =
        e.method == k_star_method::gride ? within.gride(k, out) : within.binomial(k, before, out);
  }
  if (!(out.dimension > 0)) return out;
  for (const index_t i : out.rows)
    out.linked = (std::max)(out.linked, k[static_cast<std::size_t>(i)]);
  out.remark = k_star_remark(k, out, e.max_k, before);
  if (cloud.rows() < 20 * out.linked) out.scores.resize(0);
  return out;
}

}  // namespace detail

/// For each row the number of neighbours up to which the density appears to be the same around it
/// and around the next of them: for k = 3, 4, .. the ratio of the likelihoods of one density for
/// row i and its (k + 1)-th neighbour and of one each, both from the distance to the k-th
/// neighbour, is tested at level `alpha`; the first k at which it is rejected is the row's, or
/// `max_k - 1`.
///
/// \param table     of `nearest_neighbors`, of at least max_k neighbours
/// \param dimension of the cloud, above 0
/// \return `[N]`, from 3 to max_k - 1; -1 for rows with a neighbour at distance 0, or to which an
///         exclusion left fewer than max_k
/// \throws shape_error for a table of fewer neighbours, value_error for options out of range
///
/// O(N max_k) time; the same for every thread count.
template <class = lazy>
[[nodiscard]] std::vector<index_t> k_star(const neighbor_table& table, double dimension,
                                          const k_star_options& options = {}) {
  check_positive(dimension, "dimension");
  check_open_unit(options.alpha, "alpha");
  check_between(options.max_k, 5, index_t{1} << 40, "max_k");
  if (table.distances.extent(1) < options.max_k)
    throw shape_error("table", "rows of " + std::to_string(options.max_k) + " neighbours (max_k)",
                      shape_text(table.distances.extents()));
  detail::raw_estimate counted;
  const std::vector<index_t> rows = detail::rows_with_neighbors(table, options.max_k, counted);
  const std::vector<double> limits = detail::density_limits(options.alpha, options.max_k);
  detail::density_changes<> changes(table, limits);
  return detail::neighborhoods(changes, dimension, rows, table.distances.extent(0),
                               options.threads);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::k_star&,
                                                     const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
