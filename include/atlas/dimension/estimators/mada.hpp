// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Manifold-adaptive dimension: Farahmand, Szepesvari, Audibert, "Manifold-adaptive dimension
/// estimation", ICML 2007.

#include <cmath>
#include <numbers>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/row_values.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// The ball that holds k neighbours has twice the volume of that which holds half as many. A row's
/// dimension is `ln 2 / ln(r_k / r_h)`, h being k/2 rounded down (the paper's equation 1), and that
/// of the cloud a mean of these. The paper bounds them by the number of columns and rounds the mean
/// to a whole number; neither is done here.
///
/// Rows at distance 0 of another are counted and left out (scikit-dimension takes them as far off
/// as all others). Where r_k = r_h a row has no finite dimension, nor has the arithmetic mean.
/// O(N) time and memory after the search.
struct mada {
  index_t k = 20;  ///< neighbours, at least 2; for an arithmetic mean of finite variance 5
  local_mean combine = local_mean::arithmetic;

  static constexpr std::string_view name = "mada";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return k; }
  /// Of k neighbours the logarithm of a ratio has not mean `ln 2 / d`, but for k without end.
  [[nodiscard]] interval_claim claim() const { return interval_claim::own_mean; }
  void check_parameters() const {
    check_between(k, combine == local_mean::arithmetic ? 5 : 2, index_t{1} << 40, "k");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("combine", self.combine);
  }
};

}  // namespace estimators

namespace detail {

template <class = lazy>
raw_estimate raw_dimension(const estimators::mada& e, const neighbor_rows& cloud) {
  raw_estimate out;
  out.linked = e.k;
  out.local = row_values(
      cloud, e.k,
      [&](const double* r) { return std::numbers::ln2 / std::log(r[e.k - 1] / r[e.k / 2 - 1]); },
      out);
  note_ties(cloud, out);
  combine_local(e.combine, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::mada&, const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
