// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Maximum likelihood of distances to k neighbours: Levina, Bickel, "Maximum likelihood estimation
/// of intrinsic dimension", NIPS 2004.

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/dimension/estimator_input.hpp"
#include "atlas/dimension/local_values.hpp"
#include "atlas/dimension/noisy_distance.hpp"
#include "atlas/dimension/row_values.hpp"

namespace atlas::inline ATLAS_ABI {

namespace estimators {

/// Where rows are uniform the logarithms of `r_k/r_j`, j < k, of a row are exponential with the
/// dimension as their rate, and their sum S is Gamma(k - 1). A row's dimension is `(k - 1) / S`,
/// and that of the cloud a mean of these.
///
/// Two choices converge to the dimension as rows become many: the harmonic mean (`N (k - 1)` over
/// all sums, which MacKay and Ghahramani derived in 2005 as the likelihood's maximum), and the
/// arithmetic mean of `(k - 2) / S` (`unbiased`). The harmonic mean with `unbiased` is too low by
/// a share of 1/(k - 1), the arithmetic one without it too high by 1/(k - 2); of a median neither
/// is right. `interval_claim` says which it is.
///
/// Noise: Haro, Randall, Sapiro, "Translated Poisson mixture model for stratification learning",
/// IJCV 80, 358 (2008). Each `ln(r_k/r_j)` becomes its mean over distances that r_j may have been,
/// normal around it with sqrt(2) times the noise of a coordinate (both rows have it). These
/// integrals are computed to 1e-8 of themselves; scikit-dimension's have two digits, and on clouds
/// where the noise is small beside the distances, none.
///
/// A pair of coincident rows is two rows less, not an estimate of 0. A row whose neighbours are all
/// equally far adds S = 0 to a harmonic mean, and has no arithmetic one (+inf). O(N k) time, for
/// distances below 20 times the noise some microseconds each; O(N) memory after the search.
struct mle {
  index_t k = 20;         ///< neighbours: at least 2; for an arithmetic mean of finite variance 4
  bool unbiased = false;  ///< k - 2 in place of k - 1, which takes k >= 3
  local_mean combine = local_mean::harmonic;
  double noise = 0;  ///< standard deviation of a coordinate's noise, in units of the points

  static constexpr std::string_view name = "mle";
  static constexpr bool needs_points = false;

  [[nodiscard]] index_t neighbors() const { return k; }
  [[nodiscard]] interval_claim claim() const {
    const bool consistent =
        noise == 0 && combine == (unbiased ? local_mean::arithmetic : local_mean::harmonic);
    return consistent ? interval_claim::dimension : interval_claim::own_mean;
  }
  void check_parameters() const {
    check_between(k,
                  combine == local_mean::arithmetic ? 4
                  : unbiased                        ? 3
                                                    : 2,
                  index_t{1} << 40, "k");
    check_half_open(noise, 0, std::numeric_limits<double>::infinity(), "noise");
  }

  template <class Self, class Visit>
  static void visit_parameters(Self& self, Visit&& visit) {
    visit("k", self.k);
    visit("unbiased", self.unbiased);
    visit("combine", self.combine);
    visit("noise", self.noise);
  }
};

}  // namespace estimators

namespace detail {

/// The sum of `ln(r_k/r_j)`, j < k, over the number of them that makes it a reciprocal dimension.
/// \param noise of a distance
inline double reciprocal_dimension(const double* r, const estimators::mle& e, double noise) {
  const double last = r[e.k - 1];
  double sum = 0;
  for (index_t j = 0; j < e.k - 1; ++j) {
    sum += std::log(last / r[j]);
    if (noise > 0) sum -= mean_log_of_noisy(r[j], noise);
  }
  return sum / static_cast<double>(e.k - (e.unbiased ? 2 : 1));
}

/// \throws value_error where noise leaves rows no growth of distances
template <class = lazy>
void check_noise(const estimators::mle& e, const raw_estimate& raw) {
  if (!(e.noise > 0)) return;
  index_t drowned = 0;
  for (const index_t row : raw.rows)
    if (!(raw.local[static_cast<std::size_t>(row)] > 0)) ++drowned;
  if (drowned > 0)
    throw value_error("noise", "less than the distances to the k-th neighbours",
                      number_text(e.noise) + ", which of " + std::to_string(drowned) +
                          " rows is as large as these");
}

template <class = lazy>
raw_estimate raw_dimension(const estimators::mle& e, const neighbor_rows& cloud) {
  const double noise = e.noise * std::numbers::sqrt2;
  raw_estimate out;
  out.linked = e.k;
  out.local = row_values(
      cloud, e.k, [&](const double* r) { return 1 / reciprocal_dimension(r, e, noise); }, out);
  check_noise(e, out);
  note_ties(cloud, out);
  combine_local(e.combine, out);
  return out;
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ESTIMATORS raw_estimate raw_dimension<void>(const estimators::mle&, const neighbor_rows&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
