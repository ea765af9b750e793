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
#include "atlas/core/disjoint_sets.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimate_dimension.hpp"
#include "atlas/dimension/estimators/chain_diagnostics.hpp"
#include "atlas/dimension/two_nn_options.hpp"
#include "atlas/neighbors/nearest_neighbors.hpp"
#include "atlas/stats/summary.hpp"

namespace atlas::inline ATLAS_ABI {

struct hidalgo_options {
  index_t components = 2;      ///< K, parts of different dimension
  index_t neighbors = 3;       ///< q, of each row, that tend to be of its own part; 2 or more
  double zeta = 0.8;           ///< how much they do; 0.5: not at all
  gamma_prior prior = {1, 1};  ///< of each dimension
  double concentration = 1;    ///< of the Dirichlet prior of the weights
  index_t chains = 4;          ///< each from a start of its own; 2 or more
  index_t burn_in = 500;       ///< sweeps of each chain that are not kept
  index_t sweeps = 1000;       ///< of each chain that are kept
  double confidence = 0.95;    ///< of the intervals
  exclusion exclude = {};      ///< rows that may not be neighbours
  duplicate_policy duplicates = duplicate_policy::merge;
  stored_precision precision = stored_precision::of_scalar;  ///< of the points, to merge by
  double tolerance = 2;  ///< of rows that are merged, in units in the last place
  std::uint64_t seed = 0;
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
};

/// The posterior of one number.
struct posterior_summary {
  double mean = 0, sd = 0;
  atlas::interval interval;    ///< central, of `confidence`
  double r_hat = 0;            ///< near 1 where chains agree (below 1.01 by the usual rule)
  double effective_draws = 0;  ///< independent draws that all chains are worth
};

struct hidalgo_result {
  std::vector<posterior_summary> dimensions;  ///< `[K]`, ascending in every draw
  std::vector<posterior_summary> weights;     ///< `[K]`, of the parts in that order
  /// `[N, K]`, the probability of each row to be of each part; NaN for rows that have no ratio.
  owned_tensor<double, 2> membership;
  /// `[N]`, the part of highest probability; -1 for rows that have no ratio.
  std::vector<index_t> part;
  error_source error_from = error_source::posterior;  ///< which takes rows as independent
  double worst_r_hat = 0;                             ///< of all dimensions and weights
  bool converged = false;                             ///< whether it is below 1.05
  index_t points_used = 0;                            ///< rows with a ratio
  index_t duplicates = 0;  ///< rows whose nearest neighbour is at distance 0
  index_t merged = 0;      ///< rows without a part because they coincide with one that has one
  index_t isolated = 0;    ///< rows to which the exclusion left fewer than q neighbours
};

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

/// Rows with a ratio, by numbers of their own, and who is among whose q neighbours.
struct neighbour_graph {
  std::vector<index_t> rows;      ///< `[n]`, of the cloud
  std::vector<double> log_ratio;  ///< `[n]`
  index_t q = 0;
  std::vector<index_t> out;        ///< `[n, q]`, neighbours; -1 for a row without a ratio
  std::vector<index_t> begin, in;  ///< rows that have row i among theirs: in[begin[i] ...]

  index_t count() const { return static_cast<index_t>(rows.size()); }
};

/// Turns the lists of neighbours around.
inline void invert_graph(neighbour_graph& g) {
  g.begin.assign(g.rows.size() + 1, 0);
  for (const index_t j : g.out)
    if (j >= 0) ++g.begin[static_cast<std::size_t>(j) + 1];
  std::partial_sum(g.begin.begin(), g.begin.end(), g.begin.begin());
  g.in.resize(static_cast<std::size_t>(g.begin.back()));
  std::vector<index_t> next(g.begin.begin(), g.begin.end() - 1);
  for (std::size_t e = 0; e < g.out.size(); ++e)
    if (g.out[e] >= 0)
      g.in[static_cast<std::size_t>(next[static_cast<std::size_t>(g.out[e])]++)] =
          static_cast<index_t>(e) / g.q;
}

/// Counts rows that have none in `out`.
template <class = lazy>
neighbour_graph graph_of(const neighbor_table& table, index_t q, hidalgo_result& out) {
  const index_t n = table.distances.extent(0);
  neighbour_graph g;
  g.q = q;
  std::vector<index_t> number(static_cast<std::size_t>(n), -1);
  raw_estimate counts;
  for (index_t i = 0; i < n; ++i) {
    if (!has_neighbors(table, i, q, counts)) continue;
    number[static_cast<std::size_t>(i)] = g.count();
    g.rows.push_back(i);
    g.log_ratio.push_back(std::log(table.distances(i, 1) / table.distances(i, 0)));
  }
  for (const index_t i : g.rows)
    for (index_t j = 0; j < q; ++j)
      g.out.push_back(number[static_cast<std::size_t>(table.indices(i, j))]);
  invert_graph(g);
  out.points_used = g.count();
  out.duplicates = counts.duplicates;
  out.isolated = counts.isolated;
  return g;
}

/// `m ln Z(m)`, what the normalisation of their neighbours' probabilities costs the m rows of a
/// part, with Z(m) the mean of `zeta^j (1 - zeta)^(q - j)` over the numbers j of the other rows of
/// the part among q neighbours drawn at random (Allegra and others 2020, equation 6). `[n + 1]`, of
/// m = 0 .. n.
template <class = lazy>
std::vector<double> normalisations(index_t n, index_t q, double zeta) {
  std::vector<double> out(static_cast<std::size_t>(n) + 1, 0.0);
  for (index_t m = 1; m <= n; ++m) {
    // The j-th of q draws without replacement among n - 1 others, m - 1 of them of the part.
    std::vector<double> held(static_cast<std::size_t>(q) + 1, 0.0);
    held[0] = 1;
    for (index_t drawn = 0; drawn < q; ++drawn)
      for (index_t j = drawn + 1; j-- > 0;) {
        double& p = held[static_cast<std::size_t>(j)];
        const auto left = static_cast<double>(n - 1 - drawn);
        const double in = std::clamp(static_cast<double>(m - 1 - j) / left, 0.0, 1.0);
        held[static_cast<std::size_t>(j) + 1] += p * in * zeta;
        p *= (1 - in) * (1 - zeta);
      }
    out[static_cast<std::size_t>(m)] =
        static_cast<double>(m) * std::log(std::accumulate(held.begin(), held.end(), 0.0));
  }
  return out;
}

/// Draws that one chain kept, each with its parts in the order of their dimension.
struct hidalgo_chain {
  std::vector<std::vector<double>> dimensions, weights;  ///< `[K][sweeps]`
  std::vector<index_t> times;  ///< `[n, K]`, how often each row was of each part
};

/// Gibbs sampling: dimensions, weights, and the parts of rows one by one and of whole clusters of
/// rows, without which patches that are of the wrong part would stay so for long.
class hidalgo_sampler {
 public:
  /// All outlive it.
  hidalgo_sampler(const neighbour_graph& graph, const std::vector<double>& costs,
                  const hidalgo_options& options, std::uint64_t chain)
      : g_(graph),
        costs_(costs),
        o_(options),
        random_(options.seed, chain),
        k_(static_cast<std::size_t>(options.components)),
        part_(graph.rows.size(), 0),
        size_(k_, 0),
        dimension_(k_, 1.0),
        weight_(k_, 1.0),
        pull_(std::log(options.zeta / (1 - options.zeta))) {
    start();
  }

  hidalgo_chain run(progress_meter& meter) {
    hidalgo_chain out;
    out.dimensions.resize(k_);
    out.weights.resize(k_);
    out.times.assign(part_.size() * k_, 0);
    for (index_t sweep = 0; sweep < o_.burn_in + o_.sweeps; ++sweep) {
      draw_dimensions();
      draw_weights();
      draw_parts();
      draw_clusters();
      if (sweep >= o_.burn_in) keep(out);
      meter.advance();
    }
    return out;
  }

 private:
  static std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

  /// Rows in the order of the mean of ln mu of themselves and their neighbours, cut at random
  /// places: chains start from parts of different sizes.
  void start() {
    std::vector<double> mean(part_.size());
    for (std::size_t i = 0; i < part_.size(); ++i) {
      double sum = g_.log_ratio[i], rows = 1;
      for (std::size_t e = i * at(g_.q); e < (i + 1) * at(g_.q); ++e)
        if (g_.out[e] >= 0) {
          sum += g_.log_ratio[at(g_.out[e])];
          rows += 1;
        }
      mean[i] = sum / rows;
    }
    std::vector<index_t> order(part_.size());
    std::iota(order.begin(), order.end(), index_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](index_t a, index_t b) { return mean[at(a)] < mean[at(b)]; });
    std::vector<double> cuts;
    for (std::size_t c = 1; c < k_; ++c) cuts.push_back(random_.uniform());
    std::sort(cuts.begin(), cuts.end());
    for (std::size_t r = 0; r < order.size(); ++r) {
      const double place = (static_cast<double>(r) + 0.5) / static_cast<double>(order.size());
      const auto below = std::lower_bound(cuts.begin(), cuts.end(), place) - cuts.begin();
      move(order[r], static_cast<std::size_t>(below), 1);
    }
  }

  /// Puts a row into a part (sign 1) or takes it out (-1).
  void move(index_t row, std::size_t part, index_t sign) {
    part_[at(row)] = part;
    size_[part] += sign;
  }

  void draw_dimensions() {
    std::vector<double> sum(k_, 0.0);
    for (std::size_t i = 0; i < part_.size(); ++i) sum[part_[i]] += g_.log_ratio[i];
    for (std::size_t c = 0; c < k_; ++c)
      dimension_[c] =
          random_.gamma(o_.prior.shape + static_cast<double>(size_[c])) / (o_.prior.rate + sum[c]);
  }

  void draw_weights() {
    double total = 0;
    for (std::size_t c = 0; c < k_; ++c) {
      weight_[c] = (std::max)(random_.gamma(o_.concentration + static_cast<double>(size_[c])),
                              (std::numeric_limits<double>::min)());
      total += weight_[c];
    }
    for (double& w : weight_) w /= total;
  }

  /// Row by row.
  void draw_parts() {
    std::vector<double> log_prior(k_), log_p(k_);
    for (std::size_t c = 0; c < k_; ++c)
      log_prior[c] = std::log(weight_[c]) + std::log(dimension_[c]);
    for (std::size_t i = 0; i < part_.size(); ++i) {
      const auto row = static_cast<index_t>(i);
      move(row, part_[i], -1);
      for (std::size_t c = 0; c < k_; ++c)
        log_p[c] = log_prior[c] - dimension_[c] * g_.log_ratio[i] + cost_of(c, 1);
      for (std::size_t e = i * at(g_.q); e < (i + 1) * at(g_.q); ++e)
        if (g_.out[e] >= 0) log_p[part_[at(g_.out[e])]] += pull_;
      for (index_t e = g_.begin[i]; e < g_.begin[i + 1]; ++e)
        log_p[part_[at(g_.in[at(e)])]] += pull_;
      move(row, draw_from(log_p), 1);
    }
  }

  /// What rows that come to a part cost through its normalisation.
  double cost_of(std::size_t part, index_t rows) const {
    return costs_[at(size_[part])] - costs_[at(size_[part] + rows)];
  }

  /// Bonds between neighbours of one part, each with probability `1 - (1 - zeta) / zeta`: given
  /// these, rows that they connect move together, and nothing else holds them (Swendsen and Wang,
  /// Phys. Rev. Lett. 58, 86, 1987).
  std::vector<index_t> draw_bonds() {
    disjoint_sets sets(static_cast<index_t>(part_.size()));
    const double bond = 1 - std::exp(-pull_);
    for (std::size_t e = 0; e < g_.out.size(); ++e) {
      const std::size_t i = e / at(g_.q);
      if (g_.out[e] < 0 || part_[i] != part_[at(g_.out[e])] || !(random_.uniform() < bond))
        continue;
      sets.join(static_cast<index_t>(i), g_.out[e]);
    }
    return sets.numbered();
  }

  /// Cluster by cluster.
  void draw_clusters() {
    struct cluster {
      index_t rows = 0;
      double sum = 0;
      std::size_t part = 0;
    };
    const std::vector<index_t> number = draw_bonds();
    std::vector<cluster> clusters(at(*std::max_element(number.begin(), number.end()) + 1));
    for (std::size_t i = 0; i < part_.size(); ++i) {
      cluster& c = clusters[at(number[i])];
      ++c.rows;
      c.sum += g_.log_ratio[i];
      c.part = part_[i];
    }
    std::vector<double> log_p(k_);
    for (cluster& c : clusters) {
      size_[c.part] -= c.rows;
      for (std::size_t p = 0; p < k_; ++p)
        log_p[p] = static_cast<double>(c.rows) * (std::log(weight_[p]) + std::log(dimension_[p])) -
                   dimension_[p] * c.sum + cost_of(p, c.rows);
      c.part = draw_from(log_p);
      size_[c.part] += c.rows;
    }
    for (std::size_t i = 0; i < part_.size(); ++i) part_[i] = clusters[at(number[i])].part;
  }

  /// A place, with the probabilities that these are the logarithms of, up to a constant.
  std::size_t draw_from(std::vector<double>& log_p) {
    const double largest = *std::max_element(log_p.begin(), log_p.end());
    double total = 0;
    for (double& p : log_p) total += p = std::exp(p - largest);
    double left = random_.uniform() * total;
    for (std::size_t c = 0; c + 1 < log_p.size(); ++c)
      if ((left -= log_p[c]) < 0) return c;
    return log_p.size() - 1;
  }

  /// Keeps a draw. Parts have no names: the c-th is that of the c-th lowest dimension.
  void keep(hidalgo_chain& out) const {
    std::vector<std::size_t> order(k_), place(k_);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return dimension_[a] < dimension_[b]; });
    for (std::size_t c = 0; c < k_; ++c) {
      place[order[c]] = c;
      out.dimensions[c].push_back(dimension_[order[c]]);
      out.weights[c].push_back(weight_[order[c]]);
    }
    for (std::size_t i = 0; i < part_.size(); ++i) ++out.times[i * k_ + place[part_[i]]];
  }

  const neighbour_graph& g_;
  const std::vector<double>& costs_;
  const hidalgo_options& o_;
  random_stream random_;
  std::size_t k_;
  std::vector<std::size_t> part_;  // of each row
  std::vector<index_t> size_;      // of each part
  std::vector<double> dimension_, weight_;
  double pull_;
};

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
