// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Rank correlations within strata, as of the heads within each layer of a model: what differs
/// between strata has no part in them, nor in their null.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/core/whole_numbers.hpp"
#include "atlas/stats/correlation.hpp"
#include "atlas/stats/label_groups.hpp"
#include "atlas/stats/permutation.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct stratified_options {
  index_t permutations = 9999;  ///< of values within their strata
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// A rank correlation within strata, beside what shuffles within strata give.
struct stratified_correlation {
  double coefficient = 0;  ///< mean of the strata's own, each weighted by its number of values
  double p = 0;            ///< two-sided, of shuffles within strata
  /// Mean of the squared coefficient over the shuffles: the share of variance that a sample of this
  /// size has in common with anything.
  double null_square = 0;
  double null_bound = 0;  ///< 95 % of the shuffles have a coefficient no larger without its sign
  index_t n = 0;          ///< values that count
  index_t strata = 0;     ///< that count: those in which all samples vary
};

namespace detail {

/// Standardized ranks of several samples, stratum after stratum.
struct stratified_ranks {
  std::vector<Eigen::VectorXd> samples;  ///< each `[n]`, of mean 0 in each stratum and norm 1
  std::vector<index_t> first;            ///< places where strata begin, and n
};

/// The strata in which every sample varies; in each, ranks have mean 0 and variance 1.
/// \throws value_error where there is none
template <class = lazy>
stratified_ranks ranks_within(const std::vector<Eigen::VectorXd>& samples,
                              const std::vector<std::vector<index_t>>& strata) {
  stratified_ranks out{{}, {0}};
  std::vector<std::vector<double>> pooled(samples.size());
  for (const std::vector<index_t>& rows : strata) {
    std::vector<Eigen::VectorXd> ranks;
    for (const Eigen::VectorXd& sample : samples) {
      Eigen::VectorXd part(static_cast<index_t>(rows.size()));
      for (index_t i = 0; i < part.size(); ++i) part(i) = sample(rows[static_cast<std::size_t>(i)]);
      Eigen::VectorXd ranked = average_ranks(part);
      ranked.array() -= ranked.mean();
      if (ranked.cwiseAbs().maxCoeff() > 0) ranks.push_back(std::move(ranked));
    }
    if (ranks.size() < samples.size()) continue;  // a sample is constant here
    for (std::size_t s = 0; s < samples.size(); ++s) {
      ranks[s] *= std::sqrt(static_cast<double>(rows.size())) / ranks[s].norm();
      pooled[s].insert(pooled[s].end(), ranks[s].begin(), ranks[s].end());
    }
    out.first.push_back(static_cast<index_t>(pooled[0].size()));
  }
  if (pooled[0].empty())
    throw value_error("strata", "one in which all samples vary",
                      "none of " + std::to_string(strata.size()));
  for (const std::vector<double>& x : pooled)
    out.samples.push_back(
        Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<index_t>(x.size())) /
        std::sqrt(static_cast<double>(x.size())));
  return out;
}

/// Orders within all strata, n! of each multiplied, or `limit + 1` where they are more than that.
inline index_t orders_within(const std::vector<index_t>& first, index_t limit) {
  index_t product = 1;
  for (std::size_t s = 0; s + 1 < first.size(); ++s) {
    const index_t orders = factorial_up_to(first[s + 1] - first[s], limit);
    if (product > limit / orders) return limit + 1;
    product *= orders;
  }
  return product;
}

/// The next order within strata, as `std::next_permutation`; false after the last.
inline bool next_order(const std::vector<index_t>& first, std::vector<index_t>& rows) {
  for (std::size_t s = 0; s + 1 < first.size(); ++s)
    if (std::next_permutation(rows.begin() + first[s], rows.begin() + first[s + 1])) return true;
  return false;
}

/// `statistic(rows)` of all orders within strata where they are no more than were asked for, else
/// of random ones. \param exact becomes whether it is of all
template <class Statistic>
std::vector<double> draws_within(const std::vector<index_t>& first, const stratified_options& o,
                                 bool& exact, Statistic&& statistic) {
  const index_t n = first.back(), orders = orders_within(first, o.permutations);
  exact = orders <= o.permutations;
  std::vector<double> draws(static_cast<std::size_t>(exact ? orders : o.permutations));
  std::vector<index_t> in_order(static_cast<std::size_t>(n));
  std::iota(in_order.begin(), in_order.end(), index_t{0});
  if (exact) {
    std::size_t at = 0;
    do draws[at++] = statistic(in_order);
    while (next_order(first, in_order));
    return draws;
  }
  progress_meter meter(o.on_progress, "permutations", o.permutations);
  parallel_for(o.permutations, o.threads, [&](index_t i) {
    random_stream random(o.seed, static_cast<std::uint64_t>(i));
    std::vector<index_t> rows = in_order;
    for (std::size_t s = 0; s + 1 < first.size(); ++s)
      for (index_t j = first[s + 1] - 1; j > first[s]; --j)
        std::swap(
            rows[static_cast<std::size_t>(j)],
            rows[static_cast<std::size_t>(first[s] + random.uniform_index(j - first[s] + 1))]);
    draws[static_cast<std::size_t>(i)] = statistic(rows);
    meter.advance();
  });
  return draws;
}

/// \param draws coefficients of shuffles
template <class = lazy>
stratified_correlation beside_shuffles(double coefficient, std::vector<double> draws, bool exact,
                                       const std::vector<index_t>& first) {
  const double bar = std::abs(coefficient) - same_correlation;
  double hits = 0, squares = 0;
  for (double& r : draws) {
    r = std::abs(r);
    hits += r >= bar ? 1 : 0;
    squares += r * r;
  }
  const auto count = static_cast<double>(draws.size());
  std::sort(draws.begin(), draws.end());
  return {coefficient,     exact ? hits / count : (hits + 1) / (count + 1),
          squares / count, sorted_quantile(draws, 0.95),
          first.back(),    static_cast<index_t>(first.size()) - 1};
}

inline double coefficient_of(const Eigen::VectorXd& u, const Eigen::VectorXd& v) {
  return std::clamp(u.dot(v), -1.0, 1.0);
}

/// The coefficient alone: of ranks, or of what a control leaves of them.
/// \param samples x and y, or x, y and the control
template <class = lazy>
double coefficient_within(const std::vector<Eigen::VectorXd>& samples,
                          const std::vector<std::vector<index_t>>& strata) {
  const stratified_ranks ranks = ranks_within(samples, strata);
  if (samples.size() < 3) return coefficient_of(ranks.samples[0], ranks.samples[1]);
  return coefficient_of(residual(ranks.samples[0], ranks.samples[2], "x"),
                        residual(ranks.samples[1], ranks.samples[2], "y"));
}

/// \param samples x and y, or x, y and the control
template <class = lazy>
stratified_correlation correlate_within(const std::vector<Eigen::VectorXd>& samples,
                                        const std::vector<std::vector<index_t>>& strata,
                                        const stratified_options& o) {
  check_between(o.permutations, 1, index_t{1} << 40, "permutations");
  const stratified_ranks ranks = ranks_within(samples, strata);
  const bool partial = samples.size() > 2;
  const Eigen::VectorXd z =
      partial ? ranks.samples[2] : Eigen::VectorXd::Zero(ranks.samples[0].size()).eval();
  const Eigen::VectorXd u = partial ? residual(ranks.samples[0], z, "x") : ranks.samples[0];
  const Eigen::VectorXd v = partial ? residual(ranks.samples[1], z, "y") : ranks.samples[1];
  bool exact = false;
  std::vector<double> draws =
      draws_within(ranks.first, o, exact, [&](const std::vector<index_t>& rows) {
        double sum = 0, along = 0;
        for (index_t i = 0; i < u.size(); ++i) {
          const double shuffled = v(rows[static_cast<std::size_t>(i)]);
          sum += u(i) * shuffled;
          along += z(i) * shuffled;
        }
        const double left = std::sqrt((std::max)(0.0, 1 - along * along));
        return left > 1e-10 ? sum / left : 0.0;
      });
  return beside_shuffles(coefficient_of(u, v), std::move(draws), exact, ranks.first);
}

template <class Scalar>
Eigen::VectorXd sample_within(const tensor_view<const Scalar, 1>& x, index_t n,
                              const std::string& argument) {
  check_not_empty(x, argument);
  check_extent(x.extent(0), n, argument, "length");
  check_finite(x, argument);
  Eigen::VectorXd out(n);
  for (index_t i = 0; i < n; ++i) out(i) = static_cast<double>(x[i]);
  return out;
}

}  // namespace detail

/// Spearman's correlation within strata: ranks are taken in each stratum, where they get mean 0 and
/// variance 1, and are correlated over all of them. That is the mean of the strata's own
/// correlations, each weighted by its number of values. Strata in which a sample is constant say
/// nothing and are left out. The null shuffles values within their strata.
///
/// \param x      `[n]`
/// \param y      `[n]`
/// \param strata `[n]`, labels, whole numbers
/// \return p of all orders within strata where they are no more than `options.permutations`, else
///         (hits + 1) / (permutations + 1) of random ones
/// \throws shape_error for other lengths; value_error for NaN, no stratum in which both vary, or
///         options out of range; cancelled
///
/// O(permutations n) time, O(permutations + n) memory; the same bits for every thread count.
/// \code
/// const auto r = atlas::stratified_spearman(dimension, worth, layer_of_head);
/// std::cout << r.coefficient << ", p " << r.p << "\n";
/// \endcode
template <number_tensor<1> X, number_tensor<1> Y, whole_tensor<1> Strata>
[[nodiscard]] stratified_correlation stratified_spearman(const X& x, const Y& y,
                                                         const Strata& strata,
                                                         const stratified_options& options = {}) {
  const auto a = as_view<1>(x);
  const auto b = as_view<1>(y);
  const auto groups = detail::rows_of_groups(detail::number_labels(strata, "strata"));
  check_extent(as_view<1>(strata).extent(0), a.extent(0), "strata", "one label a value,");
  return detail::correlate_within({detail::sample_within<scalar_of<X, 1>>(a, a.extent(0), "x"),
                                   detail::sample_within<scalar_of<Y, 1>>(b, a.extent(0), "y")},
                                  groups, options);
}

/// The same of what a linear fit on the ranks of a control leaves of the ranks of x and y, one
/// slope for all strata. The null shuffles what is left of y within strata and takes the control
/// out again (Freedman and Lane, J. Bus. Econ. Stat. 1, 292, 1983).
/// \param control `[n]`
/// \throws as `stratified_spearman`; also value_error where the control determines x or y
template <number_tensor<1> X, number_tensor<1> Y, number_tensor<1> Control, whole_tensor<1> Strata>
[[nodiscard]] stratified_correlation partial_stratified_spearman(
    const X& x, const Y& y, const Control& control, const Strata& strata,
    const stratified_options& options = {}) {
  const auto a = as_view<1>(x);
  const auto b = as_view<1>(y);
  const auto c = as_view<1>(control);
  const auto groups = detail::rows_of_groups(detail::number_labels(strata, "strata"));
  check_extent(as_view<1>(strata).extent(0), a.extent(0), "strata", "one label a value,");
  return detail::correlate_within(
      {detail::sample_within<scalar_of<X, 1>>(a, a.extent(0), "x"),
       detail::sample_within<scalar_of<Y, 1>>(b, a.extent(0), "y"),
       detail::sample_within<scalar_of<Control, 1>>(c, a.extent(0), "control")},
      groups, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_STATS double coefficient_within<void>(const std::vector<Eigen::VectorXd>&,
                                               const std::vector<std::vector<index_t>>&);
ATLAS_OF_STATS stratified_correlation
correlate_within<void>(const std::vector<Eigen::VectorXd>&,
                       const std::vector<std::vector<index_t>>&, const stratified_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
