// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One chain of the Gibbs sampler of `hidalgo`.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "atlas/core/disjoint_sets.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimators/hidalgo_graph.hpp"
#include "atlas/dimension/estimators/hidalgo_options.hpp"

namespace atlas::inline ATLAS_ABI::detail {

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

}  // namespace atlas::inline ATLAS_ABI::detail
