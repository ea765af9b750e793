// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The dimension from how the length of the graph of nearest neighbours grows with the number of
/// rows: Costa, Hero, "Geodesic entropic graphs for dimension and entropy estimation in manifold
/// learning", IEEE Trans. Signal Process. 52, 2210 (2004); Carter, Raich, Hero, "On local intrinsic
/// dimension estimation and its applications", IEEE Trans. Signal Process. 58, 650 (2010).

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/random.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/estimators/length_growth.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// The graph joins every row to its k nearest ones. Its length L, the sum of `r_j^gamma` over all
/// rows and their neighbours j = 1 .. k, grows with the number of rows n as `n^(1 - gamma/d)`
/// (Beardwood, Halton, Hammersley 1959; Costa and Hero 2004, theorem 1), so that
/// `d = gamma / (1 - slope)` with the slope of ln L on ln n (Carter, Raich, Hero 2010, equation 9).
///
/// The numbers of rows go from half of the cloud to all of it, in equal steps of ln n. L of a part
/// is its mean over all parts of so many rows, which is known without drawing any: the j-th
/// neighbour of a row in the cloud is among its k nearest of a random part with a probability that
/// depends on j and n alone. That has no noise of draws, and each row adds to it by itself.
/// `draws > 0` draws parts at random instead, as was published.
///
/// Parts are drawn without replacement. With replacement rows would be there twice, at distance 0
/// of themselves; and parts of three to six rows, as scikit-dimension 0.5.0 takes by default, say
/// nothing of the cloud (its answers for one Gaussian cloud of dimension 5 are 5, 4, and 2, by the
/// seed), which is why this is not held against its numbers.
struct knn_graph {
  index_t k = 4;      ///< neighbours that a row is joined to
  double gamma = 1;   ///< power of lengths, positive
  index_t sizes = 8;  ///< numbers of rows, from half of them to all; at least 2
  /// Parts that are drawn of each number of rows, with `options.seed`; 0: the mean over all parts.
  index_t draws = 0;

  static constexpr std::string_view name = "knn_graph";
  static constexpr bool needs_points = false;

  /// As many as hold the k nearest of a random half of the rows, but for one in 10^9.
  [[nodiscard]] index_t neighbors() const;
  /// Of rows of any density, without an edge and without curvature.
  [[nodiscard]] interval_claim claim() const { return interval_claim::dimension; }
  void check_parameters() const {
    check_between(k, 1, 1 << 16, "k");
    check_positive(gamma, "gamma");
    check_between(sizes, 2, 1 << 16, "sizes");
    check_between(draws, 0, 1 << 20, "draws");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("gamma", self.gamma);
    visit("sizes", self.sizes);
    visit("draws", self.draws);
  }
};

}  // namespace estimators

namespace detail {

/// Whether a random half of the rows has k or more, but for a probability of 1e-9.
template <class = lazy>
bool halves_have(index_t k, index_t rows) {
  double log_term = -static_cast<double>(rows) * std::log(2.0), tail = 0;
  for (index_t m = 0; m < k; ++m) {
    tail += std::exp(log_term);
    log_term += std::log(static_cast<double>(rows - m) / static_cast<double>(m + 1));
  }
  return tail < 1e-9;
}

/// The least number of rows whose halves have k, by bisection: O(k log k) time.
template <class = lazy>
index_t rows_with_halves_of(index_t k) {
  index_t low = k, high = 2 * k;  // halves of so many have not, and have
  while (!halves_have(k, high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1) {
    const index_t middle = low + (high - low) / 2;
    (halves_have(k, middle) ? high : low) = middle;
  }
  return high;
}

/// The probability that the j-th neighbour, j = 1 .. most, of a row of a part is in the part and
/// one of its k nearest there, when `others` of the `all` other rows are in the part.
template <class = lazy>
std::vector<double> neighbor_shares(index_t k, index_t most, index_t others, index_t all) {
  std::vector<double> out;
  std::vector<double> held(static_cast<std::size_t>(k), 0.0);  // P(m of the nearer ones are in)
  held[0] = 1;
  for (index_t j = 0; j < most; ++j) {
    double joined = 0, from_below = 0;
    for (index_t m = 0; m < k; ++m) {
      double& p = held[static_cast<std::size_t>(m)];
      const double in =
          (std::max)(0.0, static_cast<double>(others - m)) / static_cast<double>(all - j);
      const double moves = p * in;
      joined += moves;
      p += from_below - moves;
      from_below = moves;
    }
    out.push_back(joined);
  }
  return out;
}

/// `r^gamma` of a row's neighbours, r being divided by a power of two.
template <class = lazy>
Eigen::VectorXd powers_of_row(const neighbor_table& table, index_t row, index_t count, double gamma,
                              int exponent) {
  Eigen::VectorXd out(count);
  for (index_t j = 0; j < count; ++j)
    out[j] = std::pow(std::ldexp(table.distances(row, j), -exponent), gamma);
  return out;
}

/// What each row that enters adds to the mean length of parts of each number of rows:
/// `[rows.size(), sizes]`.
template <class = lazy>
Eigen::MatrixXd mean_lengths(const estimators::knn_graph& e, const neighbor_table& table,
                             const std::vector<index_t>& rows, const std::vector<index_t>& sizes) {
  const index_t n = table.distances.extent(0), most = e.neighbors();
  Eigen::MatrixXd shares(most, static_cast<index_t>(sizes.size()));
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    const std::vector<double> of_size = neighbor_shares(e.k, most, sizes[s] - 1, n - 1);
    shares.col(static_cast<index_t>(s)) = Eigen::Map<const Eigen::VectorXd>(of_size.data(), most);
  }
  Eigen::MatrixXd out(static_cast<index_t>(rows.size()), shares.cols());
  const int exponent = exponent_of_distances(table);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Eigen::VectorXd powers = powers_of_row(table, rows[i], most, e.gamma, exponent);
    for (index_t s = 0; s < shares.cols(); ++s)
      out(static_cast<index_t>(i), s) = powers.dot(shares.col(s));
  }
  return out;
}

/// The mean over the rows of one part of `sum_j r_j^gamma`, over those of `entered` that have k
/// neighbours there; NaN where none has.
template <class = lazy>
double mean_length_of_part(const estimators::knn_graph& e, const neighbor_table& table,
                           const std::vector<bool>& entered, const std::vector<index_t>& part) {
  std::vector<bool> in(entered.size());
  for (const index_t i : part) in[static_cast<std::size_t>(i)] = true;
  const index_t most = e.neighbors();
  const int exponent = exponent_of_distances(table);
  double sum = 0, rows = 0;
  for (const index_t i : part) {
    if (!entered[static_cast<std::size_t>(i)]) continue;
    double length = 0;
    index_t met = 0;
    for (index_t j = 0; j < most && met < e.k; ++j)
      if (in[static_cast<std::size_t>(table.indices(i, j))]) {
        length += std::pow(std::ldexp(table.distances(i, j), -exponent), e.gamma);
        ++met;
      }
    if (met < e.k) continue;
    sum += length;
    rows += 1;
  }
  return sum / rows;
}

/// The logarithm of the mean length of the rows of parts that are drawn, averaged over draws:
/// `[sizes]`.
template <class = lazy>
Eigen::VectorXd drawn_lengths(const estimators::knn_graph& e, const neighbor_rows& cloud,
                              const std::vector<index_t>& rows, const std::vector<index_t>& sizes) {
  const index_t n = cloud.rows();
  std::vector<bool> entered(static_cast<std::size_t>(n));
  for (const index_t i : rows) entered[static_cast<std::size_t>(i)] = true;
  Eigen::VectorXd out = Eigen::VectorXd::Zero(static_cast<index_t>(sizes.size()));
  for (index_t s = 0; s < out.size(); ++s)
    for (index_t t = 0; t < e.draws; ++t) {
      random_stream random(cloud.options.seed, static_cast<std::uint64_t>(s * e.draws + t));
      const auto part = sample_rows(n, sizes[static_cast<std::size_t>(s)], random);
      out[s] += std::log(mean_length_of_part(e, cloud.table, entered, part)) /
                static_cast<double>(e.draws);
    }
  return out;
}

/// Neighbours of distinct contexts in a part are not among those of the whole cloud.
inline void refuse_distinct_contexts(const exclusion& exclude) {
  if (exclude.distinct)
    throw value_error("exclude.distinct",
                      "false: the nearest row of a context may be left out of a part of the rows, "
                      "and the table has no other",
                      "true");
}

template <class = lazy>
raw_estimate raw_dimension(const estimators::knn_graph& e, const neighbor_rows& cloud) {
  refuse_distinct_contexts(cloud.options.exclude);
  raw_estimate out;
  out.linked = 2 * e.k;
  out.rows = rows_with_neighbors(cloud.table, e.neighbors(), out);
  if (out.rows.empty()) return out;
  const std::vector<index_t> sizes = growing_sizes(cloud.rows(), e.sizes);
  const Eigen::VectorXd weights = slope_weights(sizes);
  if (e.draws > 0) {
    const double fall = -weights.dot(drawn_lengths(e, cloud, out.rows, sizes));
    out.why = why_no_growth(fall);
    if (fall > 0) out.dimension = e.gamma / fall;
    return out;
  }
  const Eigen::MatrixXd lengths = mean_lengths(e, cloud.table, out.rows, sizes);
  const Eigen::RowVectorXd total = lengths.colwise().sum();
  const double rows = static_cast<double>(out.rows.size());
  const double fall = -weights.dot((total / rows).array().log().matrix().transpose());
  out.why = why_no_growth(fall);
  if (!(fall > 0)) return out;
  out.dimension = e.gamma / fall;
  out.scores = lengths * weights.cwiseQuotient(total.transpose()) / fall;
  return out;
}

}  // namespace detail

inline index_t estimators::knn_graph::neighbors() const {
  return detail::rows_with_halves_of(k);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::knn_graph&,
                                                     const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
