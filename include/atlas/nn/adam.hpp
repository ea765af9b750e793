// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Adam (Kingma & Ba 2015), and AdamW (Loshchilov & Hutter 2019) where weights decay.

#include <algorithm>
#include <cmath>
#include <vector>

#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/linalg/row_matrix.hpp"

namespace atlas::inline ATLAS_ABI {

struct adam_options {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< decoupled: values shrink by `learning_rate * weight_decay` a step
};

/// Running means of gradients and of their squares, `[parameters]` each.
template <class Scalar>
struct adam_moments {
  std::vector<Scalar> first, second;

  adam_moments() = default;
  explicit adam_moments(std::size_t parameters) : first(parameters), second(parameters) {}
};

namespace detail {

inline void check_adam(const adam_options& o) {
  check_positive(o.learning_rate, "learning_rate");
  check_half_open(o.beta1, 0, 1, "beta1");
  check_half_open(o.beta2, 0, 1, "beta2");
  check_positive(o.epsilon, "epsilon");
  if (!(o.weight_decay >= 0 && std::isfinite(o.weight_decay)))
    throw value_error("weight_decay", "0 or more", number_text(o.weight_decay));
}

/// Numbers that are worked on together.
inline constexpr index_t adam_run = 256;

/// Step number `step`, from 1, on parameters [first, first + count): `m = b1 m + (1 - b1) g`,
/// `v = b2 v + (1 - b2) g^2`, and values less `rate m' / (sqrt(v') + epsilon)` with m' = m / (1 -
/// b1^step) and v' = v / (1 - b2^step), as PyTorch has it.
template <class Scalar>
void adam_step(const adam_options& o, index_t step, index_t first, index_t count,
               const Scalar* gradients, Scalar* values, adam_moments<Scalar>& moments) {
  using list = Eigen::Map<row_array<Scalar>>;
  using run = Eigen::Array<Scalar, 1, Eigen::Dynamic, Eigen::RowMajor, 1, adam_run>;
  const double power = static_cast<double>(step);
  const auto rate = static_cast<Scalar>(o.learning_rate / (1 - std::pow(o.beta1, power)));
  const auto root = static_cast<Scalar>(1 / std::sqrt(1 - std::pow(o.beta2, power)));
  const auto kept = static_cast<Scalar>(1 - o.learning_rate * o.weight_decay);
  const auto b1 = static_cast<Scalar>(o.beta1), b2 = static_cast<Scalar>(o.beta2);
  const auto fresh1 = static_cast<Scalar>(1 - o.beta1), fresh2 = static_cast<Scalar>(1 - o.beta2);
  // Into arrays of a known alignment: where memory begins must not decide which numbers are worked
  // on in vectors, whose rounding may differ.
  run m, v, x;
  for (index_t i = first; i < first + count; i += adam_run) {
    const index_t n = (std::min)(adam_run, first + count - i);
    const Eigen::Map<const row_array<Scalar>> g(gradients + i, n);
    list first_moment(moments.first.data() + i, n), second_moment(moments.second.data() + i, n);
    list value(values + i, n);
    m = b1 * first_moment + fresh1 * g;
    v = b2 * second_moment + fresh2 * g.square();
    x = kept * value - rate * m / (v.sqrt() * root + static_cast<Scalar>(o.epsilon));
    first_moment = m;
    second_moment = v;
    value = x;
  }
}

}  // namespace detail
}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_NN void adam_step<float>(const adam_options&, index_t, index_t, index_t, const float*,
                                  float*, adam_moments<float>&);
ATLAS_OF_NN void adam_step<double>(const adam_options&, index_t, index_t, index_t, const double*,
                                   double*, adam_moments<double>&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
