// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A row of attention as a mixed state: over how many directions of its values the weight is
/// spread, as T_eff (observables.hpp) says over how many keys.
///
/// - weight `a_i` of key i: a row of softmax, each from 0 to 1, of sum 1
/// - direction `v_i`: the value of key i divided by its norm; a value of norm 0 has none
/// - density matrix `rho = sum_i a_i v_i v_i^T`: `[d, d]`, of trace 1; weights of keys without a
///   direction are left out and the others divided by their sum
/// - purity `tr rho^2`: from 1/d (d orthogonal directions of equal weight) to 1 (a single one)
/// - von Neumann entropy `-tr rho ln rho`: of the eigenvalues of rho, in nats, from 0 to ln d
/// - effective rank `e^entropy`, or `1 / purity`: how many orthogonal directions of equal weight
///   give the same, from 1 to d

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "atlas/boltzmann/density_rows.hpp"
#include "atlas/boltzmann/row_entropies.hpp"
#include "atlas/boltzmann/unit_values.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/parallel.hpp"

namespace atlas::inline ATLAS_ABI {

struct density_options {
  bool entropy = true;  ///< false: purity alone, without the eigenvalues that are most of the work
  int threads = 0;      ///< 0: all of the machine
};

/// Of every row, in the weights' leading shape.
template <std::size_t Rank>
struct density_observables {
  owned_tensor<double, Rank> purity;               ///< `tr rho^2`, from 1/d to 1
  owned_tensor<double, Rank> von_neumann_entropy;  ///< nats, from 0 to ln d; NaN unless asked for
  index_t zero_values = 0;     ///< value vectors of norm 0: no direction, left out of rho
  index_t undefined_rows = 0;  ///< rows with weight on such values alone: NaN in both
};

namespace detail {

/// Rows [first, first + rows) of one head into `purity` and `entropy`; returns how many of them
/// have no weight on keys with a direction, and NaN in both.
template <class Scalar, class Real>
index_t density_of_rows(const tensor_view<const Scalar, 2>& weights,
                        const unit_values<Real>& values, index_t first, index_t rows,
                        bool entropies, double* purity, double* entropy) {
  density_tile<Real> tile;
  tile.load(weights, values, first, rows);
  const Eigen::ArrayX<Real> pure = purities(tile, values);
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  std::fill_n(entropy + first, rows, none);
  if (entropies)
    entropy_solver<Real>(tile, values, negligible_weight<Scalar>()).run(tile.mass, entropy + first);
  index_t undefined = 0;
  for (index_t r = 0; r < rows; ++r) {
    const bool defined = tile.mass(r) > 0;
    purity[first + r] = defined ? (std::min)(1.0, pure(r)) : none;
    undefined += defined ? 0 : 1;
  }
  return undefined;
}

template <class Scalar>
void check_density(const tensor_view<const Scalar, 3>& weights,
                   const tensor_view<const Scalar, 3>& values) {
  check_not_empty(weights, "weights");
  check_not_empty(values, "values");
  check_extent(values.extent(1), weights.extent(2), "values", "one row per key,");
  if (weights.extent(0) % values.extent(0) != 0)
    throw shape_error("values",
                      "a number of heads that divides " + std::to_string(weights.extent(0)),
                      std::to_string(values.extent(0)));
  check_finite(values, "values");
}

/// \param purity and `entropy` have room for `[H, Q]`
template <class Scalar>
std::pair<index_t, index_t> density_of_heads(const tensor_view<const Scalar, 3>& weights,
                                             const tensor_view<const Scalar, 3>& values,
                                             const density_options& options, double* purity,
                                             double* entropy) {
  check_density(weights, values);
  constexpr index_t tile = 128;
  const index_t heads = weights.extent(0), queries = weights.extent(1);
  const index_t group = heads / values.extent(0), tiles = (queries + tile - 1) / tile;
  std::vector<unit_values<>> units;
  index_t zeros = 0;
  for (index_t h = 0; h < values.extent(0); ++h) {
    units.push_back(directions_of(values[h]));
    zeros += units.back().zeros;
  }
  std::vector<index_t> undefined(static_cast<std::size_t>(heads * tiles), 0);
  parallel_for(heads * tiles, options.threads, [&](index_t task) {
    const index_t h = task / tiles, first = task % tiles * tile;
    undefined[static_cast<std::size_t>(task)] =
        density_of_rows(weights[h], units[static_cast<std::size_t>(h / group)], first,
                        (std::min)(tile, queries - first), options.entropy, purity + h * queries,
                        entropy + h * queries);
  });
  return {zeros, std::accumulate(undefined.begin(), undefined.end(), index_t{0})};
}

/// One more leading dimension, of extent 1.
template <class Scalar>
tensor_view<const Scalar, 3> as_one_head(const tensor_view<const Scalar, 2>& x) {
  return {x.data(), {1, x.extent(0), x.extent(1)}, {0, x.stride(0), x.stride(1)}};
}

}  // namespace detail

/// Purity and von Neumann entropy of each row of one head's attention.
///
/// \param weights `[Q, T]`, softmax weights: rows sum to 1, masked keys are 0
/// \param values  `[T, d]`, of the same scalar; only their directions count
/// \return `[Q]` each
/// \throws shape_error for empty input or another number of keys; value_error for NaN, negative
///         weights or rows that do not sum to 1
///
/// O(Q T^2 + T^2 d) for the purity, O(Q (n m^2 + m^3)) for the entropy with n keys of weight that
/// matters and m = min(n, d); O(T d) memory beyond the result, and about 400 T + 10 d^2 doubles a
/// thread.
template <real_tensor<2> Weights, real_tensor<2> Values>
[[nodiscard]] density_observables<1> density_matrix(const Weights& weights, const Values& values,
                                                    const density_options& options = {}) {
  using scalar = scalar_of<Weights, 2>;
  static_assert(std::is_same_v<scalar_of<Values, 2>, scalar>,
                "weights and values are of one scalar");
  const auto a = as_view<2>(weights);
  const auto v = as_view<2>(values);
  density_observables<1> out{owned_tensor<double, 1>({a.extent(0)}),
                             owned_tensor<double, 1>({a.extent(0)}), 0, 0};
  std::tie(out.zero_values, out.undefined_rows) = detail::density_of_heads<scalar>(
      detail::as_one_head<scalar>(a), detail::as_one_head<scalar>(v), options,
      out.purity.mutable_view().data(), out.von_neumann_entropy.mutable_view().data());
  return out;
}

/// The same for all heads of a layer; with grouped queries head h uses values h / heads_per_group.
///
/// \param weights `[H, Q, T]`
/// \param values  `[H / heads_per_group, T, d]`
/// \return `[H, Q]` each
/// \throws shape_error where the number of value heads does not divide H; otherwise as above
template <real_tensor<3> Weights, real_tensor<3> Values>
[[nodiscard]] density_observables<2> density_matrices(const Weights& weights, const Values& values,
                                                      const density_options& options = {}) {
  using scalar = scalar_of<Weights, 3>;
  static_assert(std::is_same_v<scalar_of<Values, 3>, scalar>,
                "weights and values are of one scalar");
  const auto a = as_view<3>(weights);
  const auto v = as_view<3>(values);
  const shape<2> rows = {a.extent(0), a.extent(1)};
  density_observables<2> out{owned_tensor<double, 2>(rows), owned_tensor<double, 2>(rows), 0, 0};
  std::tie(out.zero_values, out.undefined_rows) =
      detail::density_of_heads<scalar>(a, v, options, out.purity.mutable_view().data(),
                                       out.von_neumann_entropy.mutable_view().data());
  return out;
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN std::pair<index_t, index_t> density_of_heads<float>(
    const tensor_view<const float, 3>&, const tensor_view<const float, 3>&, const density_options&,
    double*, double*);
ATLAS_OF_BOLTZMANN std::pair<index_t, index_t> density_of_heads<double>(
    const tensor_view<const double, 3>&, const tensor_view<const double, 3>&,
    const density_options&, double*, double*);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
