// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// P values of several tests at once.

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// \throws shape_error for none; value_error for NaN or outside [0, 1]
template <class Scalar>
std::vector<double> checked_p_values(const tensor_view<const Scalar, 1>& p) {
  check_not_empty(p, "p");
  std::vector<double> out;
  for (index_t i = 0; i < p.extent(0); ++i) {
    const auto value = static_cast<double>(p[i]);
    if (!(value >= 0 && value <= 1))
      throw value_error("p", "numbers in [0, 1]",
                        number_text(value) + " at [" + std::to_string(i) + "]");
    out.push_back(value);
  }
  return out;
}

/// Places of the values in increasing order.
inline std::vector<std::size_t> increasing_order(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

}  // namespace detail

/// P values adjusted for as many tests, by Holm's step-down method (Scand. J. Statist. 6, 65,
/// 1979): rejecting those <= alpha makes any false rejection at all no more likely than alpha,
/// whatever the dependence between the tests.
///
/// The i-th smallest of m becomes the largest of `min(1, (m - j + 1) p_(j))` over j <= i; equal p
/// values stay equal.
///
/// \param p `[m]`, in [0, 1]
/// \return `[m]`, in the order given
/// \throws shape_error for none; value_error for NaN or values outside [0, 1]
template <number_tensor<1> P>
[[nodiscard]] std::vector<double> holm_correction(const P& p) {
  const auto view = as_view<1>(p);
  std::vector<double> values = detail::checked_p_values<scalar_of<P, 1>>(view);
  double so_far = 0;
  auto left = static_cast<double>(values.size());
  for (const std::size_t i : detail::increasing_order(values)) {
    so_far = (std::max)(so_far, (std::min)(1.0, left * values[i]));
    values[i] = so_far;
    --left;
  }
  return values;
}

/// P values adjusted by Benjamini and Hochberg's step-up method (J. R. Statist. Soc. B 57, 289,
/// 1995): of those <= alpha a share of alpha at most is false on average, for independent tests.
/// Arguments and errors as `holm_correction`.
template <number_tensor<1> P>
[[nodiscard]] std::vector<double> benjamini_hochberg(const P& p) {
  const auto view = as_view<1>(p);
  std::vector<double> values = detail::checked_p_values<scalar_of<P, 1>>(view);
  const auto order = detail::increasing_order(values);
  const auto count = static_cast<double>(values.size());
  double so_far = 1;
  for (std::size_t r = order.size(); r-- > 0;) {
    double& value = values[order[r]];
    so_far = (std::min)(so_far, value * count / static_cast<double>(r + 1));
    value = so_far;
  }
  return values;
}

}  // namespace atlas::inline ATLAS_ABI
