// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Weights from logits, at any temperature.

#include <cstddef>

#include "atlas/boltzmann/logit_rows.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax_moments.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

template <class Scalar, std::size_t Rank>
owned_tensor<Scalar, Rank> softmax(const tensor_view<const Scalar, Rank>& logits,
                                   const boltzmann_options& options) {
  check_beta(options.beta);
  const logit_rows<Scalar, Rank> rows(logits);
  owned_tensor<Scalar, Rank> weights(logits.extents());
  Scalar* const out = weights.mutable_view().data();
  for_each_row_tile(rows, options.threads, [&](index_t first, index_t count) {
    const auto moments =
        tile_moments(rows, first, count, options.beta, [](index_t, const logit_chunk&) {});
    softmax_terms<> terms;
    rows.for_each_chunk(first, count, [&](const logit_chunk& chunk) {
      const softmax_moments& m = moments[static_cast<std::size_t>(chunk.row - first)];
      terms.compute(chunk.logits, m.top, options.beta);
      const index_t width = (std::min)(logit_tile::keys, rows.keys() - chunk.key);
      for (index_t k = 0; k < width; ++k)
        out[chunk.row * rows.keys() + chunk.key + k] = static_cast<Scalar>(terms.w(k) / m.total());
    });
  });
  return weights;
}

}  // namespace detail

/// Softmax of every row of logits: `e^(beta s_i) / Z`.
///
/// \tparam Rank of the logits; it need not be given for a `tensor_view`
/// \param logits `[..., n]`, scaled, of float or double; masked keys are -inf
/// \return of the same shape and scalar, masked keys 0; sums in double
/// \throws as `boltzmann_observables`
///
/// O(size) time and memory.
template <std::size_t Rank, real_tensor<Rank> Logits>
[[nodiscard]] owned_tensor<scalar_of<Logits, Rank>, Rank> softmax(
    const Logits& logits, const boltzmann_options& options = {}) {
  const auto held = as_view<Rank>(logits);
  return detail::softmax<scalar_of<Logits, Rank>>(held, options);
}

template <class Scalar, std::size_t Rank>
[[nodiscard]] auto softmax(const tensor_view<Scalar, Rank>& logits,
                           const boltzmann_options& options = {}) {
  return softmax<Rank, tensor_view<Scalar, Rank>>(logits, options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN owned_tensor<float, 1> softmax<float, 1>(const tensor_view<const float, 1>&,
                                                            const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<double, 1> softmax<double, 1>(const tensor_view<const double, 1>&,
                                                              const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<float, 2> softmax<float, 2>(const tensor_view<const float, 2>&,
                                                            const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<double, 2> softmax<double, 2>(const tensor_view<const double, 2>&,
                                                              const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<float, 3> softmax<float, 3>(const tensor_view<const float, 3>&,
                                                            const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<double, 3> softmax<double, 3>(const tensor_view<const double, 3>&,
                                                              const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<float, 4> softmax<float, 4>(const tensor_view<const float, 4>&,
                                                            const boltzmann_options&);
ATLAS_OF_BOLTZMANN owned_tensor<double, 4> softmax<double, 4>(const tensor_view<const double, 4>&,
                                                              const boltzmann_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
