// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The method of moments: Amsaleg, Chelly, Furon, Girard, Houle, Kawarabayashi, Nett, "Estimating
/// local intrinsic dimensionality", KDD 2015, section 3.2.

#include <limits>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/row_values.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// Where rows are uniform the mean distance of k neighbours is `d / (d + 1)` of that of the k-th.
/// A row's dimension is `m / (r_k - m)`, m being the mean of r_1 to r_k, and that of the cloud a
/// mean of these. A row whose neighbours are all equally far has none.
///
/// O(N k) time and O(N) memory after the search.
struct mom {
  index_t k = 100;  ///< neighbours, at least 2
  local_mean combine = local_mean::arithmetic;

  static constexpr std::string_view name = "mom";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return k; }
  /// Of k neighbours a ratio of means is not the dimension, by a share in proportion to 1/k.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const { check_between(k, 2, index_t{1} << 40, "k"); }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("combine", self.combine);
  }
};

}  // namespace estimators

namespace detail {

template <class = lazy>
raw_estimate raw_dimension(const estimators::mom& e, const neighbor_rows& cloud) {
  raw_estimate out;
  out.linked = e.k;
  out.local = row_values(
      cloud, e.k,
      [&](const double* r) {
        double sum = 0;  // of shares of the last: distances may add up to more than a double holds
        for (index_t j = 0; j < e.k; ++j) sum += r[j] / r[e.k - 1];
        const double mean = sum / static_cast<double>(e.k);
        // NaN where all neighbours are equally far
        return mean < 1 ? mean / (1 - mean) : std::numeric_limits<double>::quiet_NaN();
      },
      out);
  combine_local(e.combine, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::mom&, const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
