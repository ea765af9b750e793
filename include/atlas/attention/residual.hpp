// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What attention adds to the value it looks at most: the attention residual, raw and tail.

#include <string>
#include <type_traits>
#include <vector>

#include "atlas/boltzmann/row_weights.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/errors.hpp"
#include "atlas/core/parallel.hpp"
#include "atlas/core/work_options.hpp"

namespace atlas::inline ATLAS_ABI {

/// Per query t with weights a and i* = argmax a (ties: the lowest index), so that
/// `Attn_t = a* V* + (1 - a*) tail_t` and `raw_t = (1 - a*) (tail_t - V*)`.
template <class Scalar>
struct residual_decomposition {
  owned_tensor<Scalar, 2> raw;        ///< `[Q, d]`, `Attn_t - V_{i*}`
  owned_tensor<Scalar, 2> tail;       ///< `[Q, d]`, mean of the other values under their weights;
                                      ///< zeros where it is undefined
  owned_tensor<index_t, 1> argmax;    ///< `[Q]`, i*
  owned_tensor<double, 1> top;        ///< `[Q]`, a*
  owned_tensor<double, 1> tail_mass;  ///< `[Q]`, 1 - a*, summed from the other weights
  std::vector<index_t> undefined_tails;  ///< queries with tail mass 0, increasing
};

namespace detail {

/// One query: its row of weights against all values.
struct residual_row {
  index_t argmax = 0;
  double top = 0;
  double tail_mass = 0;
};

/// Fills `sum` (`[d]`) with the weighted sum of all values but that of the argmax.
template <class Scalar>
residual_row tail_sum(const tensor_view<const Scalar, 1>& weights,
                      const tensor_view<const Scalar, 2>& values, std::vector<double>& sum) {
  residual_row row;
  const index_t keys = weights.extent(0), d = values.extent(1);
  for (index_t i = 1; i < keys; ++i)
    if (weights[i] > weights[row.argmax]) row.argmax = i;
  row.top = static_cast<double>(weights[row.argmax]);
  sum.assign(static_cast<std::size_t>(d), 0.0);
  for (index_t i = 0; i < keys; ++i) {
    if (i == row.argmax || weights[i] == 0) continue;
    const auto weight = static_cast<double>(weights[i]);
    row.tail_mass += weight;
    for (index_t k = 0; k < d; ++k)
      sum[static_cast<std::size_t>(k)] += weight * static_cast<double>(values(i, k));
  }
  return row;
}

/// `(1 - a*) (tail - V*)`.
template <class Scalar>
Scalar raw_element(const residual_row& row, double tail_sum,
                   const tensor_view<const Scalar, 2>& values, index_t k) {
  return static_cast<Scalar>(tail_sum - row.tail_mass * static_cast<double>(values(row.argmax, k)));
}

template <class Scalar>
residual_decomposition<Scalar> decompose_residual(const tensor_view<const Scalar, 2>& weights,
                                                  const tensor_view<const Scalar, 2>& values) {
  check_not_empty(weights, "weights");
  check_not_empty(values, "values");
  check_extent(values.extent(0), weights.extent(1), "values", "one row per key,");
  check_finite(values, "values");
  check_row_weights(weights);
  const index_t queries = weights.extent(0), d = values.extent(1);
  residual_decomposition<Scalar> out{
      owned_tensor<Scalar, 2>({queries, d}), owned_tensor<Scalar, 2>({queries, d}),
      owned_tensor<index_t, 1>({queries}),   owned_tensor<double, 1>({queries}),
      owned_tensor<double, 1>({queries}),    {}};
  const auto raw = out.raw.mutable_view();
  const auto tail = out.tail.mutable_view();
  std::vector<double> sum;
  for (index_t t = 0; t < queries; ++t) {
    const residual_row row = tail_sum(weights[t], values, sum);
    out.argmax.mutable_view()[t] = row.argmax;
    out.top.mutable_view()[t] = row.top;
    out.tail_mass.mutable_view()[t] = row.tail_mass;
    if (row.tail_mass == 0) out.undefined_tails.push_back(t);
    for (index_t k = 0; k < d; ++k) {
      const double s = sum[static_cast<std::size_t>(k)];
      raw(t, k) = raw_element(row, s, values, k);
      tail(t, k) = row.tail_mass == 0 ? Scalar(0) : static_cast<Scalar>(s / row.tail_mass);
    }
  }
  return out;
}

template <class Scalar>
std::vector<residual_decomposition<Scalar>> decompose_residuals(
    const tensor_view<const Scalar, 3>& weights, const tensor_view<const Scalar, 3>& values,
    const work_options& options) {
  check_not_empty(weights, "weights");
  check_not_empty(values, "values");
  const index_t heads = weights.extent(0);
  if (heads % values.extent(0) != 0)
    throw shape_error("values", "a number of heads that divides " + std::to_string(heads),
                      std::to_string(values.extent(0)));
  const index_t group = heads / values.extent(0);
  std::vector<residual_decomposition<Scalar>> out(static_cast<std::size_t>(heads));
  progress_meter meter(options.on_progress, "heads", heads);
  parallel_for(heads, options.threads, [&](index_t h) {
    out[static_cast<std::size_t>(h)] = decompose_residual<Scalar>(weights[h], values[h / group]);
    meter.advance();
  });
  return out;
}

}  // namespace detail

/// Splits one head's attention into the value it looks at most and the rest.
///
/// \param weights `[Q, T]`, softmax weights: rows sum to 1, masked keys are 0
/// \param values  `[T, d]`, of the same scalar
/// \throws shape_error for empty input or another number of keys; value_error for NaN, negative
///         weights or rows that do not sum to 1
///
/// O(Q T d) time; sums in double.
template <real_tensor<2> Weights, real_tensor<2> Values>
[[nodiscard]] residual_decomposition<scalar_of<Values, 2>> decompose_residual(
    const Weights& weights, const Values& values) {
  using scalar = scalar_of<Values, 2>;
  static_assert(std::is_same_v<scalar_of<Weights, 2>, scalar>,
                "weights and values are of one scalar");
  const auto a = as_view<2>(weights);
  const auto v = as_view<2>(values);
  return detail::decompose_residual<scalar>(a, v);
}

/// The same for all heads of a layer; with grouped queries head h uses values h / heads_per_group.
///
/// \param weights `[H, Q, T]`
/// \param values  `[H / heads_per_group, T, d]`
/// \return one decomposition per query head
/// \throws shape_error where the number of value heads does not divide H; otherwise as above
template <real_tensor<3> Weights, real_tensor<3> Values>
[[nodiscard]] std::vector<residual_decomposition<scalar_of<Values, 3>>> decompose_residuals(
    const Weights& weights, const Values& values, const work_options& options = {}) {
  using scalar = scalar_of<Values, 3>;
  static_assert(std::is_same_v<scalar_of<Weights, 3>, scalar>,
                "weights and values are of one scalar");
  const auto a = as_view<3>(weights);
  const auto v = as_view<3>(values);
  return detail::decompose_residuals<scalar>(a, v, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_ATTENTION residual_row tail_sum<float>(const tensor_view<const float, 1>&,
                                                const tensor_view<const float, 2>&,
                                                std::vector<double>&);
ATLAS_OF_ATTENTION residual_decomposition<float> decompose_residual<float>(
    const tensor_view<const float, 2>&, const tensor_view<const float, 2>&);
ATLAS_OF_ATTENTION residual_decomposition<double> decompose_residual<double>(
    const tensor_view<const double, 2>&, const tensor_view<const double, 2>&);
ATLAS_OF_ATTENTION std::vector<residual_decomposition<float>> decompose_residuals<float>(
    const tensor_view<const float, 3>&, const tensor_view<const float, 3>&, const work_options&);
ATLAS_OF_ATTENTION std::vector<residual_decomposition<double>> decompose_residuals<double>(
    const tensor_view<const double, 3>&, const tensor_view<const double, 3>&, const work_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
