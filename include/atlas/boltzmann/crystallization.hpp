// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How concentrated attention is on one key: ratio and margin of the two largest weights of a row,
/// and the first layer from which the mean ratio stays below a threshold.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "atlas/boltzmann/observables.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"

namespace atlas::inline ATLAS_ABI {

/// Of one row.
struct row_concentration {
  double ratio = 0;   ///< `R = p2 / p1`, second largest weight to largest, from 0 (one key) to 1
  double margin = 0;  ///< `p1 - p2`, from 0 to 1
};

/// Of every row, in the logits' leading shape.
template <std::size_t Rank>
struct tensor_concentration {
  owned_tensor<double, Rank> ratio, margin;
};

/// What `concentration` returns.
template <std::size_t Rank>
using concentration_of_rank =
    std::conditional_t<Rank == 1, row_concentration, tensor_concentration<Rank - 1>>;

namespace detail {

/// The two largest logits of a row, from its chunks.
struct two_largest {
  double first = masked_logit, second = masked_logit;

  void add(const logit_chunk& chunk) {
    double second_here = masked_logit;
    for (index_t i = 0; i < chunk.logits.size(); ++i)
      if (i != chunk.top_at) second_here = (std::max)(second_here, chunk.logits(i));
    second = (std::max)({(std::min)(first, chunk.top), second, second_here});
    first = (std::max)(first, chunk.top);
  }
};

template <class Scalar, std::size_t Rank, class Store>
void for_each_concentration(const tensor_view<const Scalar, Rank>& logits,
                            const boltzmann_options& options, Store&& store) {
  check_beta(options.beta);
  const logit_rows<Scalar, Rank> rows(logits);
  for_each_row_tile(rows, options.threads, [&](index_t first, index_t count) {
    std::array<two_largest, logit_tile::rows> top;
    const auto moments = tile_moments(
        rows, first, count, options.beta,
        [&](index_t r, const logit_chunk& chunk) { top[static_cast<std::size_t>(r)].add(chunk); });
    for (index_t r = 0; r < count; ++r) {
      const two_largest& t = top[static_cast<std::size_t>(r)];
      const double ratio = std::exp(options.beta * (t.second - t.first));
      const double rest = -std::expm1(options.beta * (t.second - t.first));  // 1 - R
      store(first + r,
            row_concentration{ratio, rest / moments[static_cast<std::size_t>(r)].total()});
    }
  });
}

template <class Scalar>
row_concentration concentration(const tensor_view<const Scalar, 1>& logits,
                                const boltzmann_options& options) {
  row_concentration out;
  for_each_concentration(logits, options, [&](index_t, const row_concentration& c) { out = c; });
  return out;
}

template <class Scalar, std::size_t Rank>
tensor_concentration<Rank - 1> concentration(const tensor_view<const Scalar, Rank>& logits,
                                             const boltzmann_options& options) {
  check_not_empty(logits, "logits");
  const shape<Rank - 1> leading = leading_shape(logits.extents());
  tensor_concentration<Rank - 1> out{owned_tensor<double, Rank - 1>(leading),
                                     owned_tensor<double, Rank - 1>(leading)};
  double* const ratio = out.ratio.mutable_view().data();
  double* const margin = out.margin.mutable_view().data();
  for_each_concentration(logits, options, [&](index_t row, const row_concentration& c) {
    ratio[row] = c.ratio;
    margin[row] = c.margin;
  });
  return out;
}

}  // namespace detail

/// Ratio and margin of the two largest weights of every row; exact also where they differ by less
/// than a double can show in the weights themselves. Parameters, errors and cost as
/// `boltzmann_observables`.
template <std::size_t Rank, real_tensor<Rank> Logits>
[[nodiscard]] concentration_of_rank<Rank> concentration(const Logits& logits,
                                                        const boltzmann_options& options = {}) {
  const auto held = as_view<Rank>(logits);
  return detail::concentration<scalar_of<Logits, Rank>>(held, options);
}

template <class Scalar, std::size_t Rank>
[[nodiscard]] concentration_of_rank<Rank> concentration(const tensor_view<Scalar, Rank>& logits,
                                                        const boltzmann_options& options = {}) {
  return concentration<Rank, tensor_view<Scalar, Rank>>(logits, options);
}

/// The first layer of a stack from which the mean ratio stays below a threshold.
struct crystallization_point {
  std::optional<index_t> layer;    ///< L_c; none where the last layer is not below the threshold
  std::optional<double> fraction;  ///< of the depth: 0 the first layer, 1 the last
};

/// L_c: the first layer from which the mean ratio stays below a threshold, to the last.
/// \param mean_ratios of each layer, the first one first
/// \throws shape_error for no layers, value_error for NaN
[[nodiscard]] inline crystallization_point crystallization_depth(
    std::span<const double> mean_ratios, double threshold = 0.05) {
  if (mean_ratios.empty()) throw shape_error("mean_ratios", "at least one layer", "none");
  for (const double r : mean_ratios)
    if (std::isnan(r)) throw value_error("mean_ratios", "numbers", "NaN");
  std::size_t from = mean_ratios.size();
  while (from > 0 && mean_ratios[from - 1] < threshold) --from;
  if (from == mean_ratios.size()) return {};
  const double last = static_cast<double>(std::max<std::size_t>(1, mean_ratios.size() - 1));
  return {static_cast<index_t>(from), static_cast<double>(from) / last};
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_BOLTZMANN row_concentration concentration<float>(const tensor_view<const float, 1>&,
                                                          const boltzmann_options&);
ATLAS_OF_BOLTZMANN row_concentration concentration<double>(const tensor_view<const double, 1>&,
                                                           const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_concentration<1> concentration<float, 2>(
    const tensor_view<const float, 2>&, const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_concentration<1> concentration<double, 2>(
    const tensor_view<const double, 2>&, const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_concentration<2> concentration<float, 3>(
    const tensor_view<const float, 3>&, const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_concentration<2> concentration<double, 3>(
    const tensor_view<const double, 3>&, const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_concentration<3> concentration<float, 4>(
    const tensor_view<const float, 4>&, const boltzmann_options&);
ATLAS_OF_BOLTZMANN tensor_concentration<3> concentration<double, 4>(
    const tensor_view<const double, 4>&, const boltzmann_options&);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
