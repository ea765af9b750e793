// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How far around each row the density appears to be that around its neighbours.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "atlas/core/lazy.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/vector_functions.hpp"
#include "atlas/neighbors/neighbor_table.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// For each k, how much the logarithms of r_k of two rows may differ in a space of one dimension.
///
/// The logarithm of the ratio of likelihoods of one density and of two is
/// `D = 4 k ln cosh(d (ln r_k(i) - ln r_k(j)) / 2)`, chi-squared of one degree where they are one.
template <class = lazy>
std::vector<double> density_limits(double alpha, index_t max_k) {
  const double z = normal_quantile(0.5 * alpha);
  std::vector<double> out(static_cast<std::size_t>(max_k), 0.0);
  for (index_t k = 1; k < max_k; ++k) {
    const double excess = std::expm1(z * z / (4 * static_cast<double>(k)));  // cosh - 1
    out[static_cast<std::size_t>(k)] = 2 * std::log1p(excess + std::sqrt(excess * (excess + 2)));
  }
  return out;
}

/// `ln(a / b)`, also where the ratio overflows.
inline double log_of_ratio(double a, double b) {
  const double ratio = a / b;
  return std::isfinite(ratio) && ratio > 0 ? std::log(ratio) : std::log(a) - std::log(b);
}

/// How the density around rows differs from that around their neighbours: of each row the k at
/// which it does so more, in proportion to its limit, than at any before. Whatever the dimension, a
/// neighbourhood ends at one of these, and so all rounds together look at each pair of rows once.
template <class = lazy>
class density_changes {
 public:
  density_changes(const neighbor_table& table, const std::vector<double>& limits)
      : table_(table),
        limits_(limits),
        rows_(static_cast<std::size_t>(table.distances.extent(0))) {}

  /// How many neighbours a row has in a space of this dimension. Several rows at once may be asked
  /// for.
  index_t neighbors(index_t row, double dimension) {
    changes& own = rows_[static_cast<std::size_t>(row)];
    for (const change& c : own.list)
      if (ends(c, dimension)) return c.k;
    for (const auto last = static_cast<index_t>(limits_.size()) - 1; own.next < last;) {
      const index_t k = own.next++;
      fetch(row, k + 24);
      if (add_if_larger(row, k, own) && ends(own.list.back(), dimension)) return k;
    }
    return own.next;
  }

 private:
  struct change {
    index_t k = 0;
    double gap = 0;  ///< between the logarithms of the distances to the k-th neighbour
  };
  struct changes {
    index_t next = 3;  ///< the first k that was not looked at
    double largest = 0;
    std::vector<change> list;
  };

  double limit(index_t k) const { return limits_[static_cast<std::size_t>(k)]; }
  bool ends(const change& c, double dimension) const { return !(dimension * c.gap <= limit(c.k)); }
  /// Asks for the distance that k needs, which lies anywhere in memory.
  void fetch(index_t row, index_t k) const {
    if (k < table_.indices.extent(1))
      prefetch_line(&table_.distances(table_.indices(row, k), k - 1));
  }
  bool add_if_larger(index_t row, index_t k, changes& own) const {
    const double a = table_.distances(row, k - 1);
    const double b = table_.distances(table_.indices(row, k), k - 1);
    const double least = own.largest * limit(k) * (1 - 1e-12);  // rounding loses none
    if ((a > b ? a / b : b / a) - 1 < least) return false;      // ln x <= x - 1
    const double gap = std::abs(log_of_ratio(a, b));
    if (gap < least || gap == 0) return false;
    own.largest = (std::max)(own.largest, gap / limit(k));
    own.list.push_back({k, gap});
    return true;
  }

  const neighbor_table& table_;
  const std::vector<double>& limits_;
  std::vector<changes> rows_;
};

/// Of the rows that are given; -1 for others.
template <class = lazy>
std::vector<index_t> neighborhoods(density_changes<>& changes, double dimension,
                                   const std::vector<index_t>& rows, index_t all, int threads) {
  std::vector<index_t> out(static_cast<std::size_t>(all), -1);
  parallel_for(static_cast<index_t>(rows.size()), threads, [&](index_t r) {
    const index_t i = rows[static_cast<std::size_t>(r)];
    out[static_cast<std::size_t>(i)] = changes.neighbors(i, dimension);
  });
  return out;
}

}  // namespace atlas::inline ATLAS_ABI::detail
