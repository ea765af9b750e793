// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// AWQ: weights of inputs that are large are scaled up before rounding. Lin, Tang, Tang, Yang,
/// Chen, Wang, Xiao, Dang, Gan, Han, "AWQ: activation-aware weight quantization for LLM compression
/// and acceleration", MLSys 2024.

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <utility>

#include "atlas/core/as_view.hpp"
#include "atlas/core/checks.hpp"
#include "atlas/core/compiled.hpp"
#include "atlas/core/progress.hpp"
#include "atlas/quantize/grid.hpp"
#include "atlas/quantize/quantization.hpp"

namespace atlas::inline ATLAS_ABI {

struct awq_options {
  /// A scale per row unless told otherwise. Scales per column would undo what AWQ does: with
  /// granularity::column it is round to nearest.
  grid_options grid = {};
  index_t steps = 20;                  ///< exponents tried: 0, 1/steps, ..., 1
  int threads = 0;                     ///< 0: all of the machine
  progress_callback on_progress = {};  ///< may cancel
  /// E[a], `[in]`, where it is known: for the effective rank about the mean.
  Eigen::VectorXd input_mean = {};
};

namespace detail {

/// `m^exponent / sqrt(max * min)` (Lin et al., equation 5, normalized as in their code). Inputs
/// that are nearly always 0 count as a little larger.
template <class Real>
Eigen::RowVectorX<Real> awq_scales(const Eigen::VectorX<Real>& magnitudes, double exponent) {
  constexpr double least = 1e-4;  // of the largest
  const Eigen::ArrayX<Real> m = magnitudes.array() / magnitudes.maxCoeff();
  const Eigen::ArrayX<Real> s = (m.max)(least).pow(exponent);
  return (s / std::sqrt(s.maxCoeff() * s.minCoeff())).matrix().transpose();
}

template <class Scalar>
quantization<Scalar> awq_candidate(const quantizer_input<Scalar>& input,
                                   const Eigen::VectorXd& magnitudes, double exponent,
                                   const awq_options& options) {
  quantization<Scalar> q;
  q.awq_exponent = exponent;
  q.coordinates.column_scales = awq_scales(magnitudes, exponent).template cast<Scalar>();
  const auto scaled = to_coordinates(input.weights, q.coordinates, {options.threads});
  q.grid = fitted_grid(scaled, with_granularity(options.grid, granularity::row));
  q.codes = nearest_codes(scaled, q.grid, options.threads);
  return q;
}

template <class Scalar>
quantization<Scalar> awq_quantize(const quantizer_input<Scalar>& input,
                                  const Eigen::VectorXd& magnitudes, const awq_options& options) {
  check_between(options.steps, 1, 10000, "steps");
  quantization<Scalar> best;
  progress_meter meter(options.on_progress, "exponents", options.steps + 1);
  double least = std::numeric_limits<double>::infinity();
  for (index_t i = 0; i <= options.steps; ++i) {
    const double exponent = static_cast<double>(i) / static_cast<double>(options.steps);
    auto q = awq_candidate(input, magnitudes, exponent, options);
    const double error = norms_of_difference(input.weights, dequantize(q, {options.threads}),
                                             input.moments, options.threads)
                             .weighted;
    if (i == 0 || error < least) {
      least = error;
      best = std::move(q);
    }
    meter.advance();
  }
  return finished(std::move(best), input, options.threads);
}

template <class Scalar>
Eigen::VectorXd checked_magnitudes(const tensor_view<const Scalar, 1>& magnitudes, index_t in) {
  check_extent(magnitudes.extent(0), in, "activation_magnitudes", "one number per input,");
  check_finite(magnitudes, "activation_magnitudes");
  Eigen::VectorXd out(in);
  for (index_t i = 0; i < in; ++i) out(i) = static_cast<double>(magnitudes[i]);
  if (out.minCoeff() < 0)
    throw value_error("activation_magnitudes", "numbers of 0 or more", number_text(out.minCoeff()));
  if (!(out.maxCoeff() > 0))
    throw value_error("activation_magnitudes", "some above 0", "zeros alone");
  return out;
}

}  // namespace detail

/// Rounds `W diag(s)` and divides by s, `s = magnitude^exponent`; of the exponents 0 (round to
/// nearest), 1/20, ..., 1 the one with the smallest output error. The search for clipping
/// thresholds, AWQ's second part, is left out.
///
/// \param weights               `[out, in]`
/// \param second_moments        E[a a^T], `[in, in]`
/// \param activation_magnitudes `[in]`, E|a_j| of each input, as in the paper
/// \throws shape_error for shapes that do not match; value_error for NaN, negative magnitudes or
///         zeros alone, second moments that are not symmetric or have no positive trace, bits
///         outside 2-8
///
/// O(steps out in^2) time.
template <real_tensor<2> Weights, real_tensor<2> Moments, number_tensor<1> Magnitudes>
[[nodiscard]] quantization<scalar_of<Weights, 2>> awq_quantize(
    const Weights& weights, const Moments& second_moments, const Magnitudes& activation_magnitudes,
    const awq_options& options = {}) {
  const auto input = detail::checked_input(weights, second_moments, options.input_mean);
  const auto given = as_view<1>(activation_magnitudes);
  const auto magnitudes =
      detail::checked_magnitudes<scalar_of<Magnitudes, 1>>(given, input.weights.cols());
  return detail::awq_quantize(input, magnitudes, options);
}

/// The same with the magnitudes `sqrt(E a_j^2)`, which the second moments hold.
template <real_tensor<2> Weights, real_tensor<2> Moments>
[[nodiscard]] quantization<scalar_of<Weights, 2>> awq_quantize(const Weights& weights,
                                                               const Moments& second_moments,
                                                               const awq_options& options = {}) {
  const auto input = detail::checked_input(weights, second_moments, options.input_mean);
  return detail::awq_quantize(input, detail::input_magnitudes(input), options);
}

}  // namespace atlas::inline ATLAS_ABI

#ifdef ATLAS_COMPILED
namespace atlas::inline ATLAS_ABI::detail {
ATLAS_OF_QUANTIZE quantization<float> awq_quantize<float>(const quantizer_input<float>&,
                                                          const Eigen::VectorXd&,
                                                          const awq_options&);
ATLAS_OF_QUANTIZE quantization<double> awq_quantize<double>(const quantizer_input<double>&,
                                                            const Eigen::VectorXd&,
                                                            const awq_options&);
ATLAS_OF_QUANTIZE Eigen::VectorXd checked_magnitudes<float>(const tensor_view<const float, 1>&,
                                                            index_t);
ATLAS_OF_QUANTIZE Eigen::VectorXd checked_magnitudes<double>(const tensor_view<const double, 1>&,
                                                             index_t);
}  // namespace atlas::inline ATLAS_ABI::detail
#endif
