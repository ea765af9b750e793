// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Weights from logits, at any temperature.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

#include "atlas/boltzmann/logit_rows.hpp"
#include "atlas/boltzmann/observables.hpp"
#include "atlas/boltzmann/softmax_moments.hpp"
#include "atlas/boltzmann/vector_exp.hpp"
#include "atlas/core/as_view.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/vector_functions.hpp"

namespace atlas::inline ATLAS_ABI {

namespace detail {

/// A tensor whose elements are yet to be written.
/// \throws shape_error for more bytes than can be counted
template <class Scalar, std::size_t Rank>
owned_tensor<Scalar, Rank> unwritten_tensor(const shape<Rank>& extents, index_t size) {
  check_extents(extents, sizeof(Scalar));
  return {std::shared_ptr<Scalar[]>(new Scalar[static_cast<std::size_t>(size)]), extents};
}

/// Softmax of the rows of logits, one exponential a key: weights of a run of keys are relative to
/// the largest logit of that run until all runs of the row are known. The memory of a thread.
template <class Scalar, std::size_t Rank>
class softmax_rows {
 public:
  softmax_rows(const logit_rows<Scalar, Rank>& rows, double beta, Scalar* out)
      : rows_(rows),
        beta_(beta),
        out_(out),
        padded_((rows.keys() + exp_lanes - 1) / exp_lanes * exp_lanes),
        runs_((rows.keys() + logit_tile::keys - 1) / logit_tile::keys),
        weights_(static_cast<std::size_t>(rows.together() * padded_)),
        sums_(static_cast<std::size_t>(rows.together() * runs_)) {}

  /// Rows `first` .. `first + count`.
  /// \throws value_error for NaN, +inf or a row with every key masked
  void write(index_t first, index_t count) {
    for (index_t from = first; from < first + count; from += rows_.together()) {
      const index_t height = (std::min)(rows_.together(), first + count - from);
      sums_.assign(sums_.size(), run_sum{});
      rows_.for_each_run(
          from, height,
          [&](index_t row, index_t key, const auto* logits, index_t width, double top) {
            run_sum& sum = sums_of(row - from)[key / logit_tile::keys];
            sum.top = top;
            sum.weight = exponentials(logits, width, top, weights_of(row - from) + key);
          });
      for (index_t r = 0; r < height; ++r) finish(from + r, sums_of(r), weights_of(r));
    }
  }

 private:
  /// Of a run of keys.
  struct run_sum {
    double top = masked_logit;  ///< largest logit
    double weight = 0;          ///< sum of weights relative to it
  };

  static constexpr index_t lanes = vector_of<double>::lanes;

  double* weights_of(index_t r) { return weights_.data() + r * padded_; }
  run_sum* sums_of(index_t r) { return sums_.data() + r * runs_; }

  /// Whether `exp_lanes` keys are all masked.
  template <class Element>
  static bool masked(const Element* logits) {
    unsigned seen = 0;
    for (index_t l = 0; l < exp_lanes; l += lanes)
      seen |= vector_of<double>::above(load_as_doubles(logits + l),
                                       vector_of<double>::all(masked_logit));
    return seen == 0;
  }

  /// Weights of a run relative to its top, and their sum: of every eighth key, then of those eight
  /// sums in pairs, whatever the width of vectors. Masked keys at either end cost next to nothing.
  template <class Element>
  double exponentials(const Element* logits, index_t width, double top, double* to) const {
    index_t first = 0, last = width;
    while (masked(logits + first)) first += exp_lanes;  // not all are
    while (masked(logits + last - exp_lanes)) last -= exp_lanes;
    std::fill(to, to + first, 0.0);
    std::fill(to + last, to + width, 0.0);
    double_vector sums[exp_lanes / lanes] = {};
    for (index_t k = first; k < last; k += exp_lanes)
      for (index_t l = 0; l < exp_lanes; l += lanes) {
        const double_vector w = shifted_exp_vector::of<Scalar>(logits + k + l, top, beta_).w;
        vector_of<double>::store(to + k + l, w);
        sums[l / lanes] += w;
      }
    double sum[exp_lanes];
    for (index_t l = 0; l < exp_lanes; l += lanes)
      vector_of<double>::store(sum + l, sums[l / lanes]);
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
  }

  void finish(index_t row, const run_sum* sums, const double* weights) {
    double top = masked_logit, total = 0;
    for (index_t i = 0; i < runs_; ++i) top = (std::max)(top, sums[i].top);
    if (top == masked_logit) rows_.refuse_masked(row);
    for (index_t i = 0; i < runs_; ++i) total += share(sums[i], top) * sums[i].weight;
    for (index_t i = 0; i < runs_; ++i) {
      const index_t key = i * logit_tile::keys;
      write_run(weights + key, (std::min)(logit_tile::keys, rows_.keys() - key),
                share(sums[i], top), total, out_ + row * rows_.keys() + key);
    }
  }

  /// What weights relative to the top of a run are to be multiplied by, relative to that of the
  /// row.
  double share(const run_sum& sum, double top) const {
    return sum.top == top ? 1 : std::exp(beta_ * (sum.top - top));
  }

  /// `weights share / total`; for floats by a reciprocal, since they do not show its rounding.
  static void write_run(const double* weights, index_t count, double share, double total,
                        Scalar* to) {
    if (share == 0) {  // masked, and then no weights were written, or too small
      std::fill(to, to + count, Scalar(0));
      return;
    }
    const auto scaled = [&](auto w) {
      if constexpr (sizeof(Scalar) < sizeof(double))
        return w * (share / total);
      else
        return (w * share) / total;
    };
    index_t k = 0;
    for (; k + lanes <= count; k += lanes)
      store_doubles(to + k, scaled(vector_of<double>::load(weights + k)));
    for (; k < count; ++k) to[k] = static_cast<Scalar>(scaled(weights[k]));
  }

  const logit_rows<Scalar, Rank>& rows_;
  double beta_;
  Scalar* out_;
  index_t padded_, runs_;  ///< keys of a row in multiples of `exp_lanes`, and runs of keys
  std::vector<double> weights_;
  std::vector<run_sum> sums_;
};

template <class Scalar, std::size_t Rank>
owned_tensor<Scalar, Rank> softmax(const tensor_view<const Scalar, Rank>& logits,
                                   const boltzmann_options& options) {
  check_beta(options.beta);
  const logit_rows<Scalar, Rank> rows(logits);
  auto weights = unwritten_tensor<Scalar>(logits.extents(), logits.size());
  Scalar* const out = weights.mutable_view().data();
  for_each_row_tile(
      rows, options.threads, [&] { return softmax_rows<Scalar, Rank>(rows, options.beta, out); },
      [](index_t first, index_t count, auto& workspace) { workspace.write(first, count); });
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
