// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a number of pairs goes with another number of the same pairs, as the overlap of two
/// heads with how much each stands in for the other. Pairs share members, so that it is members
/// that are shuffled: Mantel, "The detection of disease clustering and a generalized regression
/// approach", Cancer Res. 27, 209 (1967).

#include <Eigen/Core>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/random.hpp"
#include "atlas/stats/label_groups.hpp"
#include "atlas/stats/stratified_correlation.hpp"

namespace atlas::inline ATLAS_ABI {

/// A pair of members of one stratum, as of heads of one layer, and its number.
struct stratified_pair {
  index_t stratum = 0;
  index_t first = 0, second = 0;  ///< members
  double value = 0;
};

namespace detail {

/// The matrices' elements at the pairs, members of each stratum in another order.
template <class = lazy>
Eigen::VectorXd at_pairs(const std::vector<Eigen::MatrixXd>& matrices,
                         const std::vector<stratified_pair>& pairs,
                         const std::vector<std::vector<index_t>>& orders) {
  Eigen::VectorXd out(static_cast<index_t>(pairs.size()));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto s = static_cast<std::size_t>(pairs[i].stratum);
    out(static_cast<index_t>(i)) =
        matrices[s](orders[s][static_cast<std::size_t>(pairs[i].first)],
                    orders[s][static_cast<std::size_t>(pairs[i].second)]);
  }
  return out;
}

/// \throws as `pair_correlation`
template <class = lazy>
void check_pairs(const std::vector<Eigen::MatrixXd>& matrices,
                 const std::vector<stratified_pair>& pairs) {
  if (pairs.empty()) throw shape_error("pairs", "at least 1", "none");
  for (std::size_t s = 0; s < matrices.size(); ++s) {
    check_extent(matrices[s].cols(), matrices[s].rows(), "matrices[" + std::to_string(s) + "]",
                 "as many columns as rows,");
    for (index_t i = 0; i < matrices[s].rows(); ++i)
      for (index_t j = 0; j < i; ++j)
        if (!(std::isfinite(matrices[s](i, j)) && matrices[s](i, j) == matrices[s](j, i)))
          throw value_error("matrices[" + std::to_string(s) + "]", "finite and symmetric numbers",
                            "others at [" + std::to_string(i) + ", " + std::to_string(j) + "]");
  }
  for (const stratified_pair& p : pairs) {
    check_between(p.stratum, 0, static_cast<index_t>(matrices.size()) - 1, "pairs: stratum");
    const index_t members = matrices[static_cast<std::size_t>(p.stratum)].rows();
    check_between(p.first, 0, members - 1, "pairs: first");
    check_between(p.second, 0, members - 1, "pairs: second");
    if (p.first == p.second)
      throw value_error("pairs", "two different members", std::to_string(p.first) + " twice");
    if (!std::isfinite(p.value))
      throw value_error("pairs: value", "a finite number", number_text(p.value));
  }
}

}  // namespace detail

/// Spearman's correlation, within strata, of the values of some pairs with the elements of
/// symmetric matrices at these pairs. The null shuffles the members of each stratum, rows and
/// columns of its matrix together, which keeps that pairs have members in common.
///
/// \param matrices one a stratum, `[H, H]`; the diagonal does not matter
/// \param pairs    some of them or all
/// \return `n` counts pairs; p is (hits + 1) / (permutations + 1)
/// \throws shape_error for no pairs or matrices that are not square; value_error for matrices that
///         are not finite and symmetric, pairs out of range, no stratum in which both vary, or
///         options out of range; cancelled
///
/// O(permutations P log P) time for P pairs; the same bits for every thread count.
template <class = lazy>
[[nodiscard]] stratified_correlation pair_correlation(const std::vector<Eigen::MatrixXd>& matrices,
                                                      const std::vector<stratified_pair>& pairs,
                                                      const stratified_options& o = {}) {
  check_between(o.permutations, 1, index_t{1} << 40, "permutations");
  detail::check_pairs(matrices, pairs);
  Eigen::VectorXd values(static_cast<index_t>(pairs.size()));
  std::vector<index_t> strata;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    values(static_cast<index_t>(i)) = pairs[i].value;
    strata.push_back(pairs[i].stratum);
  }
  const auto groups = detail::rows_of_groups(detail::number_labels(strata, "strata"));
  std::vector<std::vector<index_t>> in_order;
  for (const Eigen::MatrixXd& m : matrices) {
    in_order.emplace_back(static_cast<std::size_t>(m.rows()));
    std::iota(in_order.back().begin(), in_order.back().end(), index_t{0});
  }
  const Eigen::VectorXd observed = detail::at_pairs(matrices, pairs, in_order);
  const auto ranks = detail::ranks_within({observed, values}, groups);
  std::vector<double> draws(static_cast<std::size_t>(o.permutations));
  progress_meter meter(o.on_progress, "permutations", o.permutations);
  parallel_for(o.permutations, o.threads, [&](index_t i) {
    random_stream random(o.seed, static_cast<std::uint64_t>(i));
    std::vector<std::vector<index_t>> orders;
    for (const Eigen::MatrixXd& m : matrices)
      orders.push_back(random_permutation(m.rows(), random));
    try {
      draws[static_cast<std::size_t>(i)] =
          detail::coefficient_within({detail::at_pairs(matrices, pairs, orders), values}, groups);
    } catch (const value_error&) {
      draws[static_cast<std::size_t>(i)] = 0;  // nothing varies at these pairs
    }
    meter.advance();
  });
  return detail::beside_shuffles(detail::coefficient_of(ranks.samples[0], ranks.samples[1]),
                                 std::move(draws), false, ranks.first);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_STATS stratified_correlation pair_correlation<void>(const std::vector<Eigen::MatrixXd>&,
                                                             const std::vector<stratified_pair>&,
                                                             const stratified_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
