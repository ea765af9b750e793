// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether autoencoders of a layer's heads explain more than PCA does: one statistic, with its
/// interval between the passages that were held out.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "atlas/autoencoder/train_autoencoder.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/interval.hpp"
#include "atlas/core/lazy.hpp"
#include "atlas/stats/distributions.hpp"

namespace atlas::inline ATLAS_ABI {

/// Mean over heads of the share of held-out variance that PCA leaves less the share that the
/// autoencoder leaves.
struct advantage_estimate {
  double value = 0;
  double standard_error = 0;  ///< between held-out contexts; NaN for one
  atlas::interval interval;   ///< of Student's t; NaN for one context
  double t = 0;               ///< value / standard_error
  double p = 0;               ///< two-sided, contexts - 1 degrees of freedom; NaN for one
  index_t contexts = 0;       ///< or rows, where there are none
};

struct advantage_options {
  double confidence = 0.95;
};

namespace detail {

inline void check_same_contexts(const std::vector<autoencoder_result>& heads) {
  if (heads.empty()) throw shape_error("heads", "at least one", "none");
  for (const autoencoder_result& r : heads)
    check_extent(static_cast<index_t>(r.advantage_deviations.size()),
                 static_cast<index_t>(heads.front().advantage_deviations.size()), "heads",
                 "held-out contexts");
}

}  // namespace detail

/// Heads are judged on the same passages and err together, so that the error is of their mean in
/// each passage (linearised): it is neither that of independent heads nor the heads' own.
///
/// \param heads of one layer, as `train_autoencoders` gives them; one head alone is fine
/// \throws shape_error for no heads or heads of different splits, value_error for a confidence
///         outside (0, 1)
///
/// The estimate is of these models: seeds and the choice of training passages are not in the error.
template <class = lazy>
[[nodiscard]] advantage_estimate mean_advantage(const std::vector<autoencoder_result>& heads,
                                                const advantage_options& options = {}) {
  detail::check_same_contexts(heads);
  check_open_unit(options.confidence, "confidence");
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const auto count = static_cast<double>(heads.size());
  const std::size_t contexts = heads.front().advantage_deviations.size();
  advantage_estimate out{0, none, {none, none}, none, none, static_cast<index_t>(contexts)};
  for (const autoencoder_result& r : heads) out.value += r.advantage / count;
  if (contexts < 2) return out;
  double square = 0;
  for (std::size_t c = 0; c < contexts; ++c) {
    double deviation = 0;
    for (const autoencoder_result& r : heads) deviation += r.advantage_deviations[c] / count;
    square += deviation * deviation;
  }
  const auto n = static_cast<double>(contexts);
  out.standard_error = std::sqrt(n / (n - 1) * square);
  out.t = out.value / out.standard_error;
  out.p = two_sided_t_p(out.t, n - 1);
  const double half = out.standard_error * two_sided_t_quantile(options.confidence, n - 1);
  out.interval = {out.value - half, out.value + half};
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI {
ATLAS_OF_AUTOENCODER advantage_estimate mean_advantage<void>(const std::vector<autoencoder_result>&,
                                                             const advantage_options&);
}  // namespace atlas::inline ATLAS_ABI
#endif
