// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A row of softmax as a Boltzmann distribution over its n keys.
///
/// - logit `s_i`: what softmax takes of key i; -inf where the key is masked
/// - energy `E_i = -s_i`, in the unit of the logits
/// - beta: inverse temperature, above 0, in 1 / unit of the logits
/// - partition function `Z = sum_i e^(beta s_i)`, above 0
/// - weight `p_i = e^(beta s_i) / Z`, from 0 to 1, of sum 1
/// - mean energy `<E> = sum_i p_i E_i`, in the unit of the logits
/// - entropy `S = -sum_i p_i ln p_i` (Shannon's), in nats, from 0 to ln n
/// - free energy `F = -ln Z / beta = <E> - S / beta`, in the unit of the logits, at most the least
///   energy
/// - heat capacity `C = beta^2 (<E^2> - <E>^2)`, without a unit, at least 0
/// - effective temperature `T_eff = e^S`: how many keys of equal weight have this entropy, from 1
/// to
///   n

#include <cmath>
#include <cstddef>
#include <type_traits>

#include "atlas/boltzmann/logit_rows.hpp"
#include "atlas/boltzmann/softmax_moments.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"

namespace atlas::inline ATLAS_ABI {

struct boltzmann_options {
  double beta = 1;  ///< inverse temperature, positive
  int threads = 0;  ///< 0: all of the machine
};

/// Of one row; terms and units at the top of this file.
struct row_observables {
  double log_partition = 0;          ///< `ln Z`, `Z = sum_i e^(beta s_i)`
  double free_energy = 0;            ///< `F = -ln Z / beta = <E> - S / beta`, unit of the logits
  double mean_energy = 0;            ///< `<E>`, `E_i = -s_i`, unit of the logits
  double heat_capacity = 0;          ///< `C = beta^2 (<E^2> - <E>^2)`, at least 0
  double entropy = 0;                ///< S, Shannon's, in nats, 0 to ln n
  double effective_temperature = 0;  ///< `T_eff = e^S`, in keys, 1 to n
};

/// The same for every row, each of the logits' leading shape.
template <std::size_t Rank>
struct tensor_observables {
  owned_tensor<double, Rank> log_partition, free_energy, mean_energy, heat_capacity, entropy,
      effective_temperature;

  tensor_observables() = default;
  explicit tensor_observables(const shape<Rank>& extents)
      : log_partition(extents),
        free_energy(extents),
        mean_energy(extents),
        heat_capacity(extents),
        entropy(extents),
        effective_temperature(extents) {}
};

/// What `boltzmann_observables` returns.
template <std::size_t Rank>
using observables_of_rank =
    std::conditional_t<Rank == 1, row_observables, tensor_observables<Rank - 1>>;

namespace detail {

inline row_observables observables_of(const softmax_moments& m, double beta) {
  const double log_total = std::log1p(m.tail), mean = m.mean();
  const double entropy = log_total - mean;  // mean <= 0: a sum, not a difference
  return {beta * m.top + log_total,
          -m.top - log_total / beta,
          -m.top - mean / beta,
          m.second / m.total(),
          entropy,
          std::exp(entropy)};
}

/// Calls `store(row, row_observables)` for every row, from several threads.
template <class Scalar, std::size_t Rank, class Store>
void for_each_row_observables(const tensor_view<const Scalar, Rank>& logits,
                              const boltzmann_options& options, Store&& store) {
  check_beta(options.beta);
  const logit_rows<Scalar, Rank> rows(logits);
  for_each_row_tile(rows, options.threads, [&](index_t first, index_t count) {
    const auto moments =
        tile_moments(rows, first, count, options.beta, [](index_t, const logit_chunk&) {});
    for (index_t r = 0; r < count; ++r)
      store(first + r, observables_of(moments[static_cast<std::size_t>(r)], options.beta));
  });
}

template <std::size_t Rank>
shape<Rank - 1> leading_shape(const shape<Rank>& extents) {
  shape<Rank - 1> leading{};
  for (std::size_t r = 0; r + 1 < Rank; ++r) leading[r] = extents[r];
  return leading;
}

template <class Scalar>
row_observables observables(const tensor_view<const Scalar, 1>& logits,
                            const boltzmann_options& options) {
  row_observables out;
  for_each_row_observables(logits, options, [&](index_t, const row_observables& o) { out = o; });
  return out;
}

template <class Scalar, std::size_t Rank>
tensor_observables<Rank - 1> observables(const tensor_view<const Scalar, Rank>& logits,
                                         const boltzmann_options& options) {
  check_not_empty(logits, "logits");
  tensor_observables<Rank - 1> out(leading_shape(logits.extents()));
  double* const log_partition = out.log_partition.mutable_view().data();
  double* const free_energy = out.free_energy.mutable_view().data();
  double* const mean_energy = out.mean_energy.mutable_view().data();
  double* const heat_capacity = out.heat_capacity.mutable_view().data();
  double* const entropy = out.entropy.mutable_view().data();
  double* const temperature = out.effective_temperature.mutable_view().data();
  for_each_row_observables(logits, options, [&](index_t row, const row_observables& o) {
    log_partition[row] = o.log_partition;
    free_energy[row] = o.free_energy;
    mean_energy[row] = o.mean_energy;
    heat_capacity[row] = o.heat_capacity;
    entropy[row] = o.entropy;
    temperature[row] = o.effective_temperature;
  });
  return out;
}

}  // namespace detail

/// Boltzmann observables of every row of logits.
///
/// Exact to rounding in double for logits of any size (the largest is subtracted first), for C of
/// nearly equal logits (squares are about the mean), and for S of a row with nearly all of its
/// weight on one key (the other weights are summed by themselves). Masked keys have weight 0.
///
/// \tparam Rank of the logits; it need not be given for a `tensor_view`
/// \param logits `[..., n]`, scaled, of float or double; masked keys are -inf
/// \return `row_observables` for rank 1, else `tensor_observables` of the leading shape; the same
///         bits for every thread count and storage order
/// \throws shape_error for empty logits; value_error for NaN, +inf, a row with every key masked, or
///         beta that is not positive and finite
///
/// O(size) time, each logit read once; O(rows) memory.
/// \code
/// const auto o = atlas::boltzmann_observables<3>(logits, {.beta = 1});  // logits [H, T, T]
/// o.entropy(h, t);
/// \endcode
template <std::size_t Rank, real_tensor<Rank> Logits>
[[nodiscard]] observables_of_rank<Rank> boltzmann_observables(
    const Logits& logits, const boltzmann_options& options = {}) {
  const auto held = as_view<Rank>(logits);
  return detail::observables<scalar_of<Logits, Rank>>(held, options);
}

template <class Scalar, std::size_t Rank>
[[nodiscard]] observables_of_rank<Rank> boltzmann_observables(
    const tensor_view<Scalar, Rank>& logits, const boltzmann_options& options = {}) {
  return boltzmann_observables<Rank, tensor_view<Scalar, Rank>>(logits, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN row_observables observables<float>(const tensor_view<const float, 1>&,
                                                      const boltzmann_options&);
ATLAS_OF_BOLTZMANN row_observables observables<double>(const tensor_view<const double, 1>&,
                                                       const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_observables<1> observables<float, 2>(const tensor_view<const float, 2>&,
                                                               const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_observables<1> observables<double, 2>(const tensor_view<const double, 2>&,
                                                                const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_observables<2> observables<float, 3>(const tensor_view<const float, 3>&,
                                                               const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_observables<2> observables<double, 3>(const tensor_view<const double, 3>&,
                                                                const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_observables<3> observables<float, 4>(const tensor_view<const float, 4>&,
                                                               const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_observables<3> observables<double, 4>(const tensor_view<const double, 4>&,
                                                                const boltzmann_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
