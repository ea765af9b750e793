// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Sums over a row of softmax that give all its observables. Sums of two parts of a row can be
/// merged, so that a row is read once.

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "atlas/boltzmann/logit_rows.hpp"
#include "atlas/boltzmann/vector_exp.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"

namespace atlas::inline ATLAS_ABI::detail {

/// Sums over the keys of a row, with u = beta (s - top) <= 0 and weights w = e^u. The key of the
/// largest logit has w = 1 and u = 0 and is left out of `tail`, which would otherwise lose the
/// small weights next to it. All terms of a sum have one sign, so nothing cancels.
struct softmax_moments {
  double top = masked_logit;  ///< largest logit
  double tail = 0;            ///< sum of the other weights
  double first = 0;           ///< sum of w u
  double second = 0;          ///< sum of w (u - mean)^2, the key of the largest logit included

  double total() const { return 1 + tail; }
  double mean() const { return first / total(); }

  /// Sums of both sets of keys (Chan, Golub, LeVeque 1983, for the second moment).
  void merge(softmax_moments other, double beta) {
    if (other.top > top) std::swap(*this, other);
    const double shift = beta * (other.top - top);
    const double scale = std::exp(shift);
    if (!(scale > 0)) return;  // less than a double can hold, or no keys
    const double mass = scale * other.total();
    const double apart = other.mean() + shift - mean();
    second += scale * other.second + apart * apart * mass * (total() / (total() + mass));
    first += scale * other.first + mass * shift;
    tail += mass;
  }
};

/// \throws value_error unless 0 < beta < infinity
inline void check_beta(double beta) {
  if (!(beta > 0 && std::isfinite(beta)))
    throw value_error("beta", "a positive finite number", number_text(beta));
}

/// u and w of a run of keys. Masked keys have weight 0, and so have those below e^-708.
template <class Real = double>
struct softmax_terms {
  using run = Eigen::Array<Real, Eigen::Dynamic, 1, 0, logit_tile::keys, 1>;
  run u, w;

  void compute(const Eigen::Ref<const Eigen::ArrayXd>& logits, double top, double beta) {
    u.resize(logits.size());
    w.resize(logits.size());
    shifted_exp(logits.data(), logits.size(), top, beta, u.data(), w.data());
  }
};

/// Two passes over what is in cache: the mean, then the squares about it.
template <class Real>
softmax_moments chunk_moments(const logit_chunk& chunk, double beta, softmax_terms<Real>& terms) {
  terms.compute(chunk.logits, chunk.top, beta);
  terms.w(chunk.top_at) = 0;
  softmax_moments m;
  m.top = chunk.top;
  m.tail = terms.w.sum();
  m.first = (terms.w * terms.u).sum();
  const double mean = m.mean();
  m.second = (terms.w * (terms.u - mean).square()).sum() + mean * mean;
  return m;
}

/// Moments of rows `first` .. `first + rows`. `also(row of the tile, chunk)` may look at each
/// chunk.
///
/// \throws value_error for NaN, +inf or a row with every key masked
template <class Scalar, std::size_t Rank, class Also>
std::array<softmax_moments, logit_tile::rows> tile_moments(const logit_rows<Scalar, Rank>& rows,
                                                           index_t first, index_t count,
                                                           double beta, Also&& also) {
  std::array<softmax_moments, logit_tile::rows> moments;
  softmax_terms<> terms;
  rows.for_each_chunk(first, count, [&](logit_chunk chunk) {
    const auto at = static_cast<std::size_t>(chunk.row - first);
    moments[at].merge(chunk_moments(chunk, beta, terms), beta);
    also(chunk.row - first, chunk);
  });
  for (index_t r = 0; r < count; ++r)
    if (moments[static_cast<std::size_t>(r)].top == masked_logit) rows.refuse_masked(first + r);
  return moments;
}

}  // namespace atlas::inline ATLAS_ABI::detail
