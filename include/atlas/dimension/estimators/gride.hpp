// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// GRIDE: Denti, Doimo, Laio, Mira, "The generalized ratios intrinsic dimension estimator", Sci.
/// Rep. 12, 20005 (2022).

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/ratio_likelihood.hpp"
#include "atlas/dimension/row_values.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// The dimension that makes the ratios r_n2/r_n1 of all rows likeliest where rows are uniform (the
/// paper's equation 4), with N - 1 in place of N as TwoNN has it: of orders 1 and 2 it is TwoNN
/// without a cut. Larger orders look at larger scales and vary less.
///
/// scikit-dimension and DADApy leave out ratios beyond 20 times the distance of their 95th from
/// their 50th percentile, counted from the latter. That takes part of the Pareto tail for outliers:
/// a line reads 1.7 % too high, dimension 1/2 5.5 %. `peers_cut` does the same, and leaves out
/// ratios of 1 as the former does; its error takes the cut as given.
///
/// Ratios of 1 otherwise count as the limit of ratios near 1. More than half of them are a lattice,
/// of which there is no estimate. There are no local values: of one ratio a row has none. O(N) time
/// and memory after the search, of some ten passes over the ratios.
struct gride {
  index_t n1 = 1;  ///< order of the nearer neighbour, at least 1
  index_t n2 = 2;  ///< order of the farther, above n1
  bool peers_cut = false;

  static constexpr std::string_view name = "gride";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return n2; }
  [[nodiscard]] interval_claim claim() const {
    return peers_cut ? interval_claim::own_mean : interval_claim::dimension;
  }
  void check_parameters() const {
    check_between(n1, 1, (index_t{1} << 40) - 1, "n1");
    check_between(n2, n1 + 1, index_t{1} << 40, "n2");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("n1", self.n1);
    visit("n2", self.n2);
    visit("peers_cut", self.peers_cut);
  }
};

}  // namespace estimators

/// GRIDE at scales that double: orders 1 and 2, 2 and 4, 4 and 8, as long as the second is at most
/// `range_max`. One table of `range_max` neighbours serves them all (`estimate_from_neighbors`).
/// \throws value_error for a range below 2
[[nodiscard]] inline std::vector<estimators::gride> gride_scales(index_t range_max) {
  check_between(range_max, 2, index_t{1} << 40, "range_max");
  std::vector<estimators::gride> out;
  for (index_t n = 1; 2 * n <= range_max; n *= 2) out.push_back({.n1 = n, .n2 = 2 * n});
  return out;
}

namespace detail {

/// Leaves out ratios of 1, and beyond the peers' bound.
/// \param logs of `out.rows`
template <class = lazy>
void cut_as_peers(std::vector<double>& logs, std::vector<index_t>& rows) {
  std::vector<double> sorted;
  for (const double l : logs)
    if (l > 0) sorted.push_back(std::exp(l));
  if (sorted.empty()) return;
  std::sort(sorted.begin(), sorted.end());
  const double middle = quantile_of_sorted(sorted, 0.5);
  const double bound = middle + 20 * (quantile_of_sorted(sorted, 0.95) - middle);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < logs.size(); ++i)
    if (logs[i] > 0 && std::exp(logs[i]) < bound) {
      logs[kept] = logs[i];
      rows[kept++] = rows[i];
    }
  logs.resize(kept);
  rows.resize(kept);
}

/// Logarithms of the ratios of `out.rows`.
template <class = lazy>
std::vector<double> order_logs(const neighbor_rows& cloud, index_t n1, index_t n2,
                               raw_estimate& out) {
  std::vector<double> all = row_values(
      cloud, n2, [=](const double* r) { return std::log(r[n2 - 1] / r[n1 - 1]); }, out);
  std::vector<double> logs;
  logs.reserve(out.rows.size());
  for (const index_t row : out.rows) logs.push_back(all[static_cast<std::size_t>(row)]);
  return logs;
}

/// Whether so many rows are tied that they are of a lattice: leaves those that are not as rows.
/// Says so where some are.
template <class = lazy>
bool is_lattice(const std::vector<double>& logs, raw_estimate& out) {
  const index_t tied = tied_rows(logs);
  if (tied == 0) return false;
  out.remark = remark_on_ties(tied, static_cast<index_t>(logs.size()));
  if (2 * tied <= static_cast<index_t>(logs.size())) return false;
  std::vector<index_t> rows;
  for (std::size_t i = 0; i < logs.size(); ++i)
    if (logs[i] > 0) rows.push_back(out.rows[i]);
  out.rows = std::move(rows);
  return true;
}

template <class = lazy>
raw_estimate raw_dimension(const estimators::gride& e, const neighbor_rows& cloud) {
  raw_estimate out;
  out.linked = e.n2;
  ratio_logs logs{order_logs(cloud, e.n1, e.n2, out), static_cast<double>(e.n1),
                  static_cast<double>(e.n2), cloud.options.threads};
  if (is_lattice(logs.values, out)) return out;
  if (e.peers_cut) cut_as_peers(logs.values, out.rows);
  out.dimension = likeliest_dimension(logs, static_cast<double>(logs.values.size()) - 1);
  if (std::isfinite(out.dimension)) out.scores = likelihood_scores(logs, out.dimension);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::gride&,
                                                     const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
