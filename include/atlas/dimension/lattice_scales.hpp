// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The radii that the dimension of a lattice is told by.

#include <string>

#include "atlas/core/checks.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/dimension/estimators/binomial.hpp"

namespace atlas::inline ATLAS_ABI {

/// The distances that a lattice's dimension is told by. Exactly one of outer, k and shells says
/// what the outer radius of each row is.
struct lattice_scales {
  index_t outer = 0;  ///< of all rows
  index_t inner = 0;  ///< of all rows, below outer; where k or shells are given, see ratio
  index_t k = 0;      ///< at least 2: the largest distance that is below that of the k-th neighbour
  index_t shells = 0;  ///< the shells-th smallest distance, above 0, at which there are rows
  /// Of the inner radius to the outer one where k or shells are given, in (0, 1): rounded to a
  /// whole number (halves to the even one), and one less where that is the outer one.
  double ratio = 0.5;
  /// `bayes`, for outer and inner alone: the mean of the dimension, the prior of the share of inner
  /// rows being uniform.
  binomial_method method = binomial_method::mle;
};

namespace detail {

inline void check_scales(const lattice_scales& s) {
  const int given = (s.outer != 0) + (s.k != 0) + (s.shells != 0);
  if (given != 1)
    throw value_error("scales", "exactly one of outer, k and shells", std::to_string(given));
  if (s.k == 0 && s.shells == 0) {
    check_between(s.outer, 1, index_t{1} << 24, "outer");
    check_between(s.inner, 0, s.outer - 1, "inner");
    return;
  }
  if (s.k != 0) check_between(s.k, 2, index_t{1} << 40, "k");
  if (s.shells != 0) check_between(s.shells, 1, index_t{1} << 40, "shells");
  if (s.inner != 0)
    throw value_error("inner", "0 where ratio gives the inner radius", std::to_string(s.inner));
  check_open_unit(s.ratio, "ratio");
  if (s.method == binomial_method::bayes)
    throw value_error("method", "mle where rows have radii of their own", "bayes");
}

}  // namespace detail

}  // namespace atlas::inline ATLAS_ABI
