// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Several dimensions in one cloud: Allegra, Facco, Denti, Laio, Mira, "Data segmentation based on
/// the local intrinsic dimension", Sci. Rep. 10, 16449 (2020).
///
/// In a neighbourhood of dimension d the ratio of the distances to the second and the first
/// neighbour is Pareto distributed, of density `d mu^-(d+1)` (Facco and others 2017). A cloud of K
/// parts of different dimension is a mixture of K such densities. By the ratios alone they could
/// hardly be told apart: what does is that neighbours tend to be of one part. A row's q neighbours
/// are, each, of its own part with a probability proportional to zeta, and of another to 1 - zeta.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/chain_diagnostics.hpp"
#include "atlas/dimension/estimators/hidalgo_graph.hpp"
#include "atlas/dimension/estimators/hidalgo_options.hpp"
#include "atlas/dimension/estimators/hidalgo_sampler.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

inline void check_hidalgo(const hidalgo_options& o) {
  check_between(o.components, 1, 1 << 10, "components");
  check_between(o.neighbors, 2, 1 << 10, "neighbors");
  if (!(o.zeta >= 0.5 && o.zeta < 1))
    throw value_error("zeta", "a number from 0.5 (no tendency) to below 1", number_text(o.zeta));
  check_positive(o.prior.shape, "prior.shape");
  check_positive(o.prior.rate, "prior.rate");
  check_positive(o.concentration, "concentration");
  check_between(o.chains, 2, 1 << 10, "chains");
  check_between(o.burn_in, 0, index_t{1} << 30, "burn_in");
  check_between(o.sweeps, 8, index_t{1} << 30, "sweeps");
  check_open_unit(o.confidence, "confidence");
  check_tolerance(o.tolerance);
}

/// Of the draws of one number by all chains.
template <class Draws>
posterior_summary summary_of_chains(const std::vector<hidalgo_chain>& chains, double confidence,
                                    Draws&& draws) {
  std::vector<std::vector<double>> of_chains;
  std::vector<double> all;
  for (const hidalgo_chain& chain : chains) {
    of_chains.push_back(draws(chain));
    all.insert(all.end(), of_chains.back().begin(), of_chains.back().end());
  }
  const sample_summary s = summarize(all);
  const chain_agreement agreement = agreement_of_chains(of_chains);
  return {s.mean, s.sd, percentile_interval(all, confidence), agreement.r_hat,
          agreement.effective_draws};
}

template <class = lazy>
void summarize_numbers(const std::vector<hidalgo_chain>& chains, const hidalgo_options& o,
                       hidalgo_result& out) {
  for (std::size_t c = 0; c < static_cast<std::size_t>(o.components); ++c) {
    out.dimensions.push_back(summary_of_chains(
        chains, o.confidence, [&](const hidalgo_chain& chain) { return chain.dimensions[c]; }));
    out.weights.push_back(summary_of_chains(
        chains, o.confidence, [&](const hidalgo_chain& chain) { return chain.weights[c]; }));
    out.worst_r_hat = (std::max)({out.worst_r_hat, out.dimensions[c].r_hat, out.weights[c].r_hat});
  }
  out.converged = out.worst_r_hat < 1.05;
}

template <class = lazy>
void summarize_parts(const std::vector<hidalgo_chain>& chains, const neighbour_graph& g,
                     index_t rows, const hidalgo_options& o, hidalgo_result& out) {
  const index_t k = o.components;
  out.membership = owned_tensor<double, 2>({rows, k});
  const auto p = out.membership.mutable_view();
  for (index_t i = 0; i < rows; ++i)
    for (index_t c = 0; c < k; ++c) p(i, c) = std::numeric_limits<double>::quiet_NaN();
  out.part.assign(static_cast<std::size_t>(rows), -1);
  const auto draws = static_cast<double>(o.chains * o.sweeps);
  for (index_t i = 0; i < g.count(); ++i) {
    const index_t row = g.rows[static_cast<std::size_t>(i)];
    index_t& best = out.part[static_cast<std::size_t>(row)];
    for (index_t c = 0; c < k; ++c) {
      index_t times = 0;
      for (const hidalgo_chain& chain : chains)
        times += chain.times[static_cast<std::size_t>(i * k + c)];
      p(row, c) = static_cast<double>(times) / draws;
      if (best < 0 || p(row, c) > p(row, best)) best = c;
    }
  }
}

/// Refuses what has no ratios to tell dimensions by.
inline void judge_ratios(const neighbour_graph& g, const hidalgo_options& o,
                         const hidalgo_result& counts) {
  if (counts.duplicates > 0 && o.duplicates == duplicate_policy::error)
    throw value_error("points", "no duplicates",
                      std::to_string(counts.duplicates) + " rows with a neighbour at distance 0");
  const double sum = std::accumulate(g.log_ratio.begin(), g.log_ratio.end(), 0.0);
  if (g.count() > o.neighbors && sum > 0) return;
  throw value_error(
      "points",
      "more than " + std::to_string(o.neighbors) + " rows with neighbours at different distances",
      std::to_string(g.count()) + " rows, " + std::to_string(counts.duplicates) +
          " duplicate and " + std::to_string(counts.isolated) + " isolated ones" +
          (sum > 0 ? "" : ", and both neighbours equally far"));
}

template <class = lazy>
hidalgo_result hidalgo_of_table(const neighbor_table& table, const hidalgo_options& o) {
  check_hidalgo(o);
  if (table.distances.extent(0) < 3 || table.distances.extent(1) < o.neighbors)
    throw shape_error("table",
                      "at least 3 rows of " + std::to_string(o.neighbors) + " neighbours each",
                      shape_text(table.distances.extents()));
  hidalgo_result out;
  const neighbour_graph g = graph_of(table, o.neighbors, out);
  judge_ratios(g, o, out);
  const std::vector<double> costs = normalisations(g.count(), o.neighbors, o.zeta);
  std::vector<hidalgo_chain> chains(static_cast<std::size_t>(o.chains));
  progress_meter meter(o.on_progress, "sweeps", o.chains * (o.burn_in + o.sweeps));
  parallel_for(o.chains, o.threads, [&](index_t c) {
    hidalgo_sampler sampler(g, costs, o, static_cast<std::uint64_t>(c));
    chains[static_cast<std::size_t>(c)] = sampler.run(meter);
  });
  summarize_numbers(chains, o, out);
  summarize_parts(chains, g, table.distances.extent(0), o, out);
  return out;
}

/// Results of the rows that were kept as those of all rows; the others have none.
template <class = lazy>
void spread_parts(const std::vector<index_t>& kept, index_t rows, hidalgo_result& out) {
  const index_t k = out.membership.extent(1);
  owned_tensor<double, 2> all({rows, k});
  std::vector<index_t> part(static_cast<std::size_t>(rows), -1);
  const auto p = all.mutable_view();
  for (index_t i = 0; i < rows; ++i)
    for (index_t c = 0; c < k; ++c) p(i, c) = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    part[static_cast<std::size_t>(kept[i])] = out.part[i];
    for (index_t c = 0; c < k; ++c) p(kept[i], c) = out.membership(static_cast<index_t>(i), c);
  }
  out.membership = std::move(all);
  out.part = std::move(part);
  out.merged = rows - static_cast<index_t>(kept.size());
}

template <class Scalar>
hidalgo_result hidalgo_of_distinct(const tensor_view<const Scalar, 2>& points,
                                   const exclusion& exclude, const hidalgo_options& o) {
  if (o.neighbors > points.extent(0) - 1)
    throw value_error("points",
                      "more distinct rows than neighbours (" + std::to_string(o.neighbors) + ")",
                      std::to_string(points.extent(0)) + " rows");
  return hidalgo_of_table(nearest_neighbors<Scalar>(points, {.k = o.neighbors,
                                                             .exclude = exclude,
                                                             .threads = o.threads,
                                                             .on_progress = o.on_progress}),
                          o);
}

template <class Scalar>
hidalgo_result hidalgo(const tensor_view<const Scalar, 2>& points, const hidalgo_options& o) {
  check_hidalgo(o);
  check_points(points, {.tolerance = o.tolerance, .exclude = o.exclude});
  if (o.duplicates == duplicate_policy::merge) {
    const std::vector<index_t> kept = distinct_rows(points, o.precision, o.tolerance);
    if (static_cast<index_t>(kept.size()) < points.extent(0)) {
      const owned_tensor<Scalar, 2> distinct = gather_rows(points, kept);
      hidalgo_result out = hidalgo_of_distinct<Scalar>(tensor_view<const Scalar, 2>(distinct),
                                                       gather_exclusion(o.exclude, kept), o);
      spread_parts(kept, points.extent(0), out);
      return out;
    }
  }
  return hidalgo_of_distinct<Scalar>(points, o.exclude, o);
}

}  // namespace detail

/// The dimensions of K parts of a cloud, their weights, and the part that each row is of, with
/// their posterior by Gibbs sampling.
///
/// The posterior takes ratios of different rows as independent, which those of rows that share
/// neighbours, or come from one text, are not: intervals cover as they say for independent ratios,
/// and are too narrow otherwise. In draws in which two parts have nearly the same dimension, order
/// says little of which is which; K more than the cloud has makes such draws, or parts without rows
/// whose dimension is the prior's. See `r_hat` and the weights before reading a part as one.
///
/// \param points `[N, d]`, N >= 3
/// \throws shape_error for fewer than 3 rows or labels of another length; value_error for NaN,
///         options out of range, fewer distinct rows than neighbours, or neighbours that are all
///         equally far; cancelled
///
/// O(N q K) a sweep, `chains (burn_in + sweeps)` of them; O(N (q + K)) memory and, for each chain,
/// O(N K + K sweeps). The same bits for every thread count on one platform.
/// \code
/// const auto r = atlas::hidalgo(points, {.components = 2, .seed = 1});
/// for (const auto& d : r.dimensions) std::cout << d.mean << " +- " << d.sd << "\n";
/// \endcode
template <real_tensor<2> Points>
[[nodiscard]] hidalgo_result hidalgo(const Points& points, const hidalgo_options& options = {}) {
  const auto held = as_view<2>(points);
  return detail::hidalgo<scalar_of<Points, 2>>(held, options);
}

/// The same from neighbours that the caller has. It is too late to merge rows that coincide: those
/// at distance 0 are dropped.
/// \param table   of `nearest_neighbors` with at least `options.neighbors`
/// \param options its exclusion does not matter here
/// \throws shape_error for a table of fewer neighbours or 3 rows; value_error as `hidalgo`
template <class = lazy>
[[nodiscard]] hidalgo_result hidalgo_from_neighbors(const neighbor_table& table,
                                                    const hidalgo_options& options = {}) {
  return detail::hidalgo_of_table(table, options);
}

}  // namespace atlas::inline ATLAS_ABI
